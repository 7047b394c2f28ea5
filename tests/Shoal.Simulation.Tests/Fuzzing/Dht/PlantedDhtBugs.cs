using System.Buffers;
using Shoal.Engine;
using Shoal.Engine.Dht;
using Shoal.Protocol;
using Shoal.Protocol.Dht;
using Shoal.Simulation.Fuzzing.Dht;

namespace Shoal.Simulation.Tests.Fuzzing.Dht;

/// <summary>A node with a bug: a double that passes everything between the world and the machine but what the bug changes.</summary>
internal abstract class PlantedInDht(IDhtMachine machine) : IDhtMachine
{
    protected IDhtMachine Machine { get; } = machine;

    /// <summary>What the world is told besides.</summary>
    protected Queue<DhtOutput> Extra { get; } = new();

    public virtual Instant Deadline => Machine.Deadline;

    public NodeId Id => Machine.Id;

    public DhtStatus Status => Machine.Status;

    public virtual void Handle(Instant now, PeerAddress from, ReadOnlySpan<byte> packet) => Machine.Handle(now, from, packet);

    public virtual void Tick(Instant now) => Machine.Tick(now);

    public virtual bool TryPoll(out DhtOutput output)
    {
        if (Extra.TryDequeue(out output))
        {
            return true;
        }

        while (Machine.TryPoll(out output))
        {
            if (Says(output))
            {
                return true;
            }
        }

        return false;
    }

    public void AddNode(Instant now, PeerAddress address) => Machine.AddNode(now, address);

    public bool TrySearch(Instant now, InfoHash infoHash, int? announcePort) => Machine.TrySearch(now, infoHash, announcePort);

    public long Find(Instant now, NodeId target, bool findsPeers, int? announcePort) => Machine.Find(now, target, findsPeers, announcePort);

    public DhtSnapshot Save() => Machine.Save();

    /// <summary>Whether the world is told.</summary>
    protected virtual bool Says(in DhtOutput output) => true;

    protected static byte[] Write(in KrpcMessage message)
    {
        var packet = new ArrayBufferWriter<byte>();
        new KrpcWriter().Write(message, packet);
        return packet.WrittenSpan.ToArray();
    }
}

/// <summary>An announce is taken whatever token it shows: with one that the double asks for in the announcer's name.</summary>
internal sealed class TokenThatIsNotLookedAt(IDhtMachine machine) : PlantedInDht(machine)
{
    public override void Handle(Instant now, PeerAddress from, ReadOnlySpan<byte> packet)
    {
        if (KrpcReader.TryRead(packet, out var message) && message is { Kind: KrpcKind.Query, Method: KrpcMethod.AnnouncePeer })
        {
            Machine.Handle(now, from, Write(new KrpcMessage { Kind = KrpcKind.Query, Method = KrpcMethod.GetPeers, Transaction = "to"u8, Id = message.Id, Target = message.Target }));
            while (Machine.TryPoll(out var output))
            {
                if (output.Kind == DhtOutputKind.Send && KrpcReader.TryRead(output.Packet.Span, out var reply) && !reply.Token.IsEmpty)
                {
                    message.Token = reply.Token.ToArray();
                }
            }

            Machine.Handle(now, from, Write(message));
            return;
        }

        Machine.Handle(now, from, packet);
    }
}

/// <summary>An answer counts from wherever it comes, if its transaction id is known.</summary>
internal sealed class SourceThatIsNotLookedAt(IDhtMachine machine) : PlantedInDht(machine)
{
    private readonly Dictionary<string, PeerAddress> _asked = [];

    public override void Handle(Instant now, PeerAddress from, ReadOnlySpan<byte> packet)
    {
        if (KrpcReader.TryRead(packet, out var message) && message.Kind != KrpcKind.Query && _asked.TryGetValue(Convert.ToHexString(message.Transaction), out var to))
        {
            from = to;
        }

        Machine.Handle(now, from, packet);
    }

    protected override bool Says(in DhtOutput output)
    {
        if (output.Kind == DhtOutputKind.Send && KrpcReader.TryRead(output.Packet.Span, out var message) && message.Kind == KrpcKind.Query)
        {
            _asked[Convert.ToHexString(message.Transaction)] = output.Address;
        }

        return true;
    }
}

/// <summary>A long answer is said twice.</summary>
internal sealed class AnswerThatIsSaidTwice(IDhtMachine machine) : PlantedInDht(machine)
{
    protected override bool Says(in DhtOutput output)
    {
        if (output.Kind == DhtOutputKind.Send && output.Packet.Length > 300)
        {
            Extra.Enqueue(output with { Packet = output.Packet.ToArray() });
        }

        return true;
    }
}

/// <summary>A ping that the machine leaves unanswered, since its host asks too much, is answered all the same.</summary>
internal sealed class AnswersWithoutEnd(IDhtMachine machine) : PlantedInDht(machine)
{
    public override void Handle(Instant now, PeerAddress from, ReadOnlySpan<byte> packet)
    {
        var refused = Machine.Status.QueriesRefused;
        Machine.Handle(now, from, packet);
        if (Machine.Status.QueriesRefused > refused && KrpcReader.TryRead(packet, out var message) && message.Method == KrpcMethod.Ping)
        {
            Extra.Enqueue(new DhtOutput(DhtOutputKind.Send, from, Write(new KrpcMessage
            {
                Kind = KrpcKind.Reply, Transaction = message.Transaction, Id = Machine.Id, SampleIntervalSeconds = -1,
            })));
        }
    }
}

/// <summary>Nodes are named to others that were named to it, before they ever answered.</summary>
internal sealed class NodesThatAreHearsay(IDhtMachine machine) : PlantedInDht(machine)
{
    private byte[] _heard = [];

    public override void Handle(Instant now, PeerAddress from, ReadOnlySpan<byte> packet)
    {
        if (KrpcReader.TryRead(packet, out var message) && message is { Kind: KrpcKind.Reply, Nodes.IsEmpty: false })
        {
            _heard = message.Nodes.ToArray();
        }

        Machine.Handle(now, from, packet);
    }

    public override bool TryPoll(out DhtOutput output)
    {
        if (!base.TryPoll(out output))
        {
            return false;
        }

        if (output.Kind == DhtOutputKind.Send && KrpcReader.TryRead(output.Packet.Span, out var message) && !message.Nodes.IsEmpty && _heard.Length > 0)
        {
            message.Nodes = _heard;
            output = output with { Packet = Write(message) };
        }

        return true;
    }
}

/// <summary>That a lookup is over is not told.</summary>
internal sealed class LookupThatIsNotOver(IDhtMachine machine) : PlantedInDht(machine)
{
    protected override bool Says(in DhtOutput output) => output.Kind != DhtOutputKind.LookupEnded || output.Result!.QueryCount < 5;
}

/// <summary>Answers that name peers are not heard.</summary>
internal sealed class DeafToPeers(IDhtMachine machine) : PlantedInDht(machine)
{
    public override void Handle(Instant now, PeerAddress from, ReadOnlySpan<byte> packet)
    {
        if (!KrpcReader.TryRead(packet, out var message) || message.Peers.IsEmpty)
        {
            Machine.Handle(now, from, packet);
        }
    }
}

/// <summary>After some ticks it wants no more.</summary>
internal sealed class LostTick(IDhtMachine machine) : PlantedInDht(machine)
{
    private int _tickCount;

    public override Instant Deadline => _tickCount < 50 ? base.Deadline : Instant.Never;

    public override void Tick(Instant now)
    {
        _tickCount++;
        base.Tick(now);
    }
}

/// <summary>It has a buffer of two kilobytes.</summary>
internal sealed class ThrowsAtLongPackets(IDhtMachine machine) : PlantedInDht(machine)
{
    public override void Handle(Instant now, PeerAddress from, ReadOnlySpan<byte> packet)
    {
        packet.CopyTo(new byte[2048]);
        Machine.Handle(now, from, packet);
    }
}
