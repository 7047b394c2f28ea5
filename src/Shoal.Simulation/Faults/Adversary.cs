using System.Buffers.Binary;
using Shoal.Engine;
using Shoal.Engine.Swarms;
using Shoal.Protocol;
using Shoal.Protocol.Wire;
using Shoal.Simulation.Peers;
using Shoal.Simulation.Scenarios;
using Shoal.Simulation.Time;

namespace Shoal.Simulation.Faults;

/// <summary>Does to a world what its <see cref="Adversity"/> says. All its chance is the world's, so it does the same again.</summary>
internal sealed class Adversary(World world, Adversity adversity)
{
    /// <summary>Where peers that have an endpoint take calls.</summary>
    public const ushort Port = 6881;

    /// <summary>And from where they call.</summary>
    private const ushort CallingPort = 50_000;

    private const uint FirstHost = 10 << 24;
    private const int MostCuts = 3;

    /// <summary>How long the other side of a broken link may take to notice.</summary>
    private const long NoticeNanoseconds = 2 * VirtualTime.Second;

    /// <summary>The longest metadata: a few of the pieces in which they are sent.</summary>
    private const int MostInfoBytes = 60_000;

    /// <summary>Between two things that a peer says which says whatever it likes, on one link.</summary>
    private const long BabbleNanoseconds = 10 * VirtualTime.Second;

    /// <summary>How long it takes to be told that nobody is at an address.</summary>
    private const long RefusalNanoseconds = VirtualTime.Second / 5;

    private readonly Babble _babble = new(world);
    private readonly Dictionary<int, bool> _lacksMetadata = []; // by peer, once it has come

    /// <summary>The metadata, whose hash is the info-hash; empty where everybody has them. What they would say is known anyway.</summary>
    public byte[] InfoBytes { get; } = DrawMetadata(world.Prng, adversity);

    /// <summary>Null where nobody looks around.</summary>
    public LocalWire? Wire { get; } = adversity.LooksAround ? new LocalWire(world) : null;

    /// <summary>The encryption of links.</summary>
    public Streams Streams { get; } = new(world, adversity.IsSplit ? adversity.EncryptedPercent : 0);

    public bool HasEndpoints => adversity.HasEndpoints;

    private bool IsOver => world.Now >= Instant.Zero + adversity.Until;

    public static PeerAddress EndpointOf(int number)
    {
        Span<byte> bytes = stackalloc byte[4];
        // Each in a network of its own, or all would be granted the same pieces.
        BinaryPrimitives.WriteUInt32BigEndian(bytes, FirstHost + ((uint)number << 8) + 1);
        return PeerAddress.FromBytes(bytes, Port);
    }

    public static int NumberAt(PeerAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.WriteAddress(bytes);
        return (int)((BinaryPrimitives.ReadUInt32BigEndian(bytes) - FirstHost) >> 8);
    }

    /// <summary>Where a call comes from of one who is found there.</summary>
    public static PeerAddress CallerAt(PeerAddress address) => address.Kind == PeerAddressKind.Rank ? address : address.WithPort(CallingPort);

    public SwarmOptions Narrow(SwarmOptions options) => options with
    {
        BufferBytes = adversity.BufferBytes ?? options.BufferBytes,
        MaximumRequestDepth = adversity.RequestDepth ?? options.MaximumRequestDepth,
        ExchangesPeers = adversity.ExchangesPeers,
        ListenPort = adversity.ExchangesPeers ? Port : options.ListenPort,
    };

    /// <summary>Something is on its way to an end.</summary>
    public void Deliver(LinkEnd to, long latency, in Event happening)
    {
        var arrivals = to.Arrivals ??= new Arrivals();
        if (!adversity.IsSplit || happening.Kind is not (EventKind.Message or EventKind.Block))
        {
            world.Timeline.Add(ArrivalAt(arrivals, latency), happening);
            return;
        }

        var message = happening.Kind == EventKind.Message ? happening.Message
            : happening.Message with { Kind = PeerMessageKind.Piece };
        var bytes = arrivals.Write(message, happening.Flag);
        if (to.Other.Stream is null)
        {
            Cut(to, latency, bytes);
        }
        else
        {
            Streams.Send(to.Other, bytes.Span);
        }
    }

    /// <summary>Bytes are on their way to an end, cut anywhere.</summary>
    public void Cut(LinkEnd to, long latency, ReadOnlyMemory<byte> bytes)
    {
        var arrivals = to.Arrivals ??= new Arrivals();
        for (var cuts = world.Prng.Next(MostCuts + 1); cuts > 0 && bytes.Length > 1; cuts--)
        {
            var cut = 1 + world.Prng.Next(bytes.Length - 1);
            Put(to, arrivals, latency, bytes[..cut]);
            bytes = bytes[cut..];
        }

        Put(to, arrivals, latency, bytes);
    }

    /// <summary>A link is open: it may break.</summary>
    public void Opened(LinkEnd end)
    {
        if (adversity.MeanLinkLifetime is { } mean && !IsOver)
        {
            world.Timeline.After(Chance.Exponential(world.Prng, mean.Nanoseconds()), new Event(EventKind.Mishap, End: end));
        }

        SpeakLater(end);
        SpeakLater(end.Other);
    }

    /// <summary>Whether the peer's links bring what its machine never said, so that it does not understand what is answered.</summary>
    public bool SaysAnything(VirtualPeer peer) =>
        adversity.ExchangesPeers && peer.Class.Behavior is Behavior.Liar or Behavior.Corrupter;

    /// <summary>Whether nobody is there, whatever a peer says.</summary>
    public bool IsNowhere(PeerAddress address) => HasEndpoints &&
        (NumberAt(address) is var number && (number < 0 || number >= world.Peers.Count || EndpointOf(number) != address));

    /// <summary>A call to where nobody is: some are refused, others hear nothing.</summary>
    public void CallNobody(LinkEnd end)
    {
        if (world.Prng.Next(2) == 0)
        {
            world.Timeline.After(RefusalNanoseconds, new Event(EventKind.Closed, End: end, Detail: "connection refused"));
        }
    }

    /// <summary>Whether a block cannot be read that is to be uploaded; then its end's owner will hear so.</summary>
    public bool FailsToRead(LinkEnd end, in BlockRequest block)
    {
        if (adversity.UnreadablePerTenThousand == 0 || IsOver || end.Owner.Class.Name == adversity.Spared ||
            end.Owner.Class.Behavior != Behavior.Honest || world.Prng.Next(10_000) >= adversity.UnreadablePerTenThousand)
        {
            return false;
        }

        world.Timeline.After(VirtualTime.Millisecond, new Event(EventKind.Mishap, End: end, Message: PeerMessage.Request(block), Flag: true));
        return true;
    }

    /// <summary>Whether the peer begins without metadata: by lot when it first comes.</summary>
    public bool LacksMetadata(VirtualPeer peer)
    {
        if (InfoBytes.Length == 0 || peer.Class is not { IsSeeder: false, Behavior: Behavior.Honest })
        {
            return false;
        }

        if (!_lacksMetadata.TryGetValue(peer.Number, out var lacks))
        {
            _lacksMetadata.Add(peer.Number, lacks = world.Prng.Next(100) < adversity.FromLinkPercent);
        }

        return lacks;
    }

    /// <summary>The peer has got the metadata, and keeps them over all its lives.</summary>
    public void GotMetadata(VirtualPeer peer) => _lacksMetadata[peer.Number] = false;

    /// <summary>A peer has crashed while the disk was to do this.</summary>
    public void Tear(VirtualDisk disk, in Output output)
    {
        if (adversity.IsTearing && output.Kind is (OutputKind.Write or OutputKind.Spill))
        {
            disk.Tear(output.Slot, output.Piece, (Bitfield?)output.Detail, world.Prng);
        }
    }

    public void Handle(in Event happening)
    {
        var end = happening.End!;
        if (happening.Kind == EventKind.Bytes)
        {
            Take(end, (ReadOnlyMemory<byte>)happening.Detail!);
        }
        else if (happening.Message.Kind == PeerMessageKind.Extended)
        {
            Speak(end);
        }
        else if (!happening.Flag)
        {
            Break(end);
        }
        else if (!end.IsClosed)
        {
            end.Owner.Disk.Lose(happening.Message.Piece);
            end.Driver.Tell(new Input(
                InputKind.ReadFailed, Link: end.Id, Message: happening.Message,
                Detail: ReadFailure.Of(happening.Message.Piece, "the disk does not give it back")));
        }
    }

    private void SpeakLater(LinkEnd end)
    {
        if (SaysAnything(end.Owner))
        {
            world.Timeline.After(
                Chance.Exponential(world.Prng, BabbleNanoseconds), new Event(EventKind.Mishap, End: end, Message: PeerMessage.Extended(0, default)));
        }
    }

    private void Speak(LinkEnd end)
    {
        if (end.IsHungUp || end.IsClosed || end.Other.IsHungUp)
        {
            return;
        }

        if (end.HasSpoken)
        {
            world.Send(end, _babble.Next(end.Other.Owner.Address));
        }

        SpeakLater(end);
    }

    private static byte[] DrawMetadata(Prng prng, Adversity adversity)
    {
        var bytes = new byte[adversity.FromLinkPercent > 0 ? 1 + prng.Next(MostInfoBytes) : 0];
        for (var i = 0; i < bytes.Length; i++)
        {
            bytes[i] = (byte)prng.NextUInt64();
        }

        return bytes;
    }

    private Instant ArrivalAt(Arrivals arrivals, long latency)
    {
        var late = adversity.Jitter > TimeSpan.Zero ? (long)(world.Prng.NextUInt64() % (ulong)adversity.Jitter.Nanoseconds()) : 0;
        arrivals.LastAt = new Instant(Math.Max(arrivals.LastAt.Nanoseconds, world.Now.Nanoseconds + latency + late));
        return arrivals.LastAt;
    }

    private void Put(LinkEnd to, Arrivals arrivals, long latency, ReadOnlyMemory<byte> bytes)
    {
        arrivals.UnderWayCount++;
        world.Timeline.Add(ArrivalAt(arrivals, latency), new Event(EventKind.Bytes, End: to, Detail: bytes));
    }

    // What has come may wait for what follows, so that several messages are read at once.
    private void Take(LinkEnd end, ReadOnlyMemory<byte> bytes)
    {
        var arrivals = end.Arrivals!;
        arrivals.UnderWayCount--;
        arrivals.Add(end.Stream is null ? bytes.Span : Streams.Receive(end, bytes.Span));
        if (arrivals.UnderWayCount > 0 && world.Prng.Next(2) == 0)
        {
            return;
        }

        foreach (var (message, isCorrupt) in arrivals.Read())
        {
            if (end.IsClosed)
            {
                break;
            }

            if (message.Kind == PeerMessageKind.Piece)
            {
                end.Driver.Receive(end, message.Block, isCorrupt);
            }
            else
            {
                end.Driver.Receive(end, message);
            }
        }
    }

    private void Break(LinkEnd end)
    {
        if (IsOver || end.IsHungUp || end.Other.IsHungUp)
        {
            return;
        }

        var (first, other) = world.Prng.Next(2) == 0 ? (end, end.Other) : (end.Other, end);
        world.Reset(first, "connection reset");
        if (world.Prng.Next(100) >= adversity.SilentPercent)
        {
            var noticed = (long)(world.Prng.NextUInt64() % NoticeNanoseconds);
            world.Timeline.After(noticed, new Event(EventKind.Closed, End: other, Detail: "connection reset"));
        }
    }
}
