using System.Security.Cryptography;
using Shoal.Engine.Jobs;
using Shoal.Engine.Sessions;
using Shoal.Engine.Swarms;
using Shoal.Protocol;
using Shoal.Protocol.Wire;

namespace Shoal.Engine.Tests.Jobs;

/// <summary>One rank of a <see cref="JobWorld"/>: a real peer and session, and the driver that does what both say.</summary>
internal sealed class JobRank
{
    private readonly JobWorld _world;
    private readonly Dictionary<string, SwarmId> _ids = new(StringComparer.Ordinal);
    private readonly Dictionary<SwarmId, OpenFile> _files = [];
    private readonly Dictionary<LinkId, Wire> _links = [];
    private readonly Dictionary<(SwarmId, BufferSlot), byte[]> _slots = [];
    private readonly Dictionary<(LinkId Link, BlockRequest Block), byte[]> _expected = [];
    private long _incoming;
    private bool _isBusy;

    public JobRank(JobWorld world, int rank, IReadOnlyList<JobFile> owned, IReadOnlyList<string> wanted, string? inputError)
    {
        _world = world;
        Rank = rank;
        Session = new Session(JobPeer.SessionOptionsFor(rank, world.Prng.NextUInt64()));
        Peer = new JobPeer(rank, world.Balance, owned, wanted, Session, world.Prng.NextUInt64(), inputError);
    }

    public int Rank { get; }

    public Session Session { get; }

    public JobPeer Peer { get; }

    public Instant Deadline => Session.Deadline;

    public int LinkCount => _links.Count;

    /// <summary>The most links it ever had.</summary>
    public int MostLinks { get; private set; }

    public List<(string File, SwarmEvent Event)> Events { get; } = [];

    // Faults, as plain functions a test sets.
    public Func<string, string?> DiskError { get; set; } = _ => null;

    public Func<string, string?> ReadError { get; set; } = _ => null;

    public Func<string, bool> Corrupts { get; set; } = _ => false;

    /// <summary>Segments that lie there from an earlier run.</summary>
    public Func<string, int, bool> HasAlready { get; set; } = (_, _) => false;

    public byte[] DiskOf(string name) => _files[_ids[name]].Disk;

    public void Tell(int from, JobMessage message)
    {
        Peer.Handle(from, message);
        Drain();
    }

    public void Tell(in Input input)
    {
        Session.Handle(_world.Now, input);
        Drain();
    }

    public void Drain()
    {
        if (_isBusy)
        {
            return; // whoever is at it will come to this
        }

        _isBusy = true;
        for (var moved = true; moved;)
        {
            moved = false;
            while (Session.TryPoll(out var output))
            {
                moved = true;
                Do(output);
            }

            while (Peer.TryPoll(out var output))
            {
                moved = true;
                Do(output);
            }
        }

        _isBusy = false;
    }

    private void Do(JobOutput output)
    {
        switch (output)
        {
            case JobOutput.Send send:
                _world.Send(Rank, send.Rank, send.Message);
                break;
            case JobOutput.Open open:
                Open(open);
                break;
            case JobOutput.Post post:
                Tell(post.Input with { Swarm = _ids[post.File] });
                break;
            default:
                throw new InvalidOperationException($"what is {output}?");
        }
    }

    private void Open(JobOutput.Open open)
    {
        var name = open.File.Name;
        var layout = open.File.Layout;
        var id = Session.Add(open.Options);
        var have = new Bitfield(layout.PieceCount);
        var disk = new byte[open.File.Length];
        for (var i = 0; i < layout.PieceCount; i++)
        {
            if (open.IsOwned || HasAlready(name, i))
            {
                have.Set(i);
                var index = new PieceIndex(i);
                _world.ContentOf(name).AsSpan((int)layout.OffsetOf(index), layout.LengthOf(index)).CopyTo(disk.AsSpan((int)layout.OffsetOf(index)));
            }
        }

        _ids.Add(name, id);
        _files.Add(id, new OpenFile(name, layout, disk, have.Clone()));
        Tell(new Input(InputKind.ContentReady, id, Detail: open.File.Content(have)));
        Tell(new Input(InputKind.Start, id));
        Peer.Opened(name);
    }

    private void Do(in Output output)
    {
        switch (output.Kind)
        {
            case OutputKind.Connect:
                Connect(output);
                break;
            case OutputKind.CloseLink:
                Close(output.Link);
                break;
            case OutputKind.Send:
                Send(output.Link, output.Message);
                break;
            case OutputKind.Request:
                Request(output);
                break;
            case OutputKind.Forget:
                _expected.Remove((output.Link, output.Message.Block));
                break;
            case OutputKind.Upload:
                Upload(output);
                break;
            case OutputKind.ReleaseSlot:
                _slots.Remove((output.Swarm, output.Slot));
                break;
            case OutputKind.Event:
                Events.Add((_files[output.Swarm].Name, (SwarmEvent)output.Detail!));
                Peer.Handle(_files[output.Swarm].Name, (SwarmEvent)output.Detail!);
                break;
            default:
                var job = output;
                _world.Later(TimeSpan.FromMicroseconds(_world.Prng.Next(20)), () => Disked(job));
                break;
        }
    }

    private void Disked(Output output)
    {
        var file = _files[output.Swarm];
        var range = (int)file.Layout.OffsetOf(output.Piece)..(int)(file.Layout.OffsetOf(output.Piece) + file.Layout.LengthOf(output.Piece));
        var answer = new Input(default, output.Swarm, Message: output.Message, Slot: output.Slot);
        switch (output.Kind)
        {
            case OutputKind.Hash:
                Tell(answer with { Kind = InputKind.PieceHashed, Hash = new PieceHash(SHA1.HashData(_slots[(output.Swarm, output.Slot)])) });
                break;
            case OutputKind.Write when DiskError(file.Name) is { } error:
                Tell(answer with { Kind = InputKind.WriteFailed, Detail = error });
                break;
            case OutputKind.Write:
                _slots[(output.Swarm, output.Slot)].CopyTo(file.Disk.AsSpan(range));
                Assert.Equal(_world.ContentOf(file.Name)[range], file.Disk[range]);
                file.Verified.Set(output.Piece.Value);
                Tell(answer with { Kind = InputKind.PieceWritten });
                break;
            default:
                throw new InvalidOperationException($"with a block a piece there is nothing to {output.Kind}");
        }
    }

    private void Connect(in Output output)
    {
        var other = _world.Ranks[output.Address.Rank - 1];
        var (here, there) = (output.Link, LinkId.Incoming(other._incoming++));
        _links.Add(here, new Wire(other, there));
        MostLinks = Math.Max(MostLinks, _links.Count);
        _world.Deliver(Rank, other.Rank, "link", () =>
        {
            other._links.Add(there, new Wire(this, here));
            other.MostLinks = Math.Max(other.MostLinks, other._links.Count);
            other.Tell(new Input(InputKind.LinkOpened, Link: there, Address: PeerAddress.FromRank(Rank)));
        });
        Tell(new Input(InputKind.LinkOpened, Link: here, Address: output.Address));
    }

    private void Send(LinkId link, PeerMessage message)
    {
        if (_links.TryGetValue(link, out var wire))
        {
            _world.Deliver(Rank, wire.Other.Rank, "link", () =>
            {
                if (wire.Other._links.ContainsKey(wire.There))
                {
                    wire.Other.Tell(new Input(InputKind.Message, Link: wire.There, Message: message));
                }
            });
        }
    }

    private void Request(in Output output)
    {
        if (!_slots.TryGetValue((output.Swarm, output.Slot), out var slot))
        {
            _slots.Add((output.Swarm, output.Slot), slot = new byte[_files[output.Swarm].Layout.LengthOf(output.Piece)]);
        }

        Assert.True(_expected.TryAdd((output.Link, output.Message.Block), slot), "asked twice on one link");
        Send(output.Link, output.Message);
    }

    private void Upload(in Output output)
    {
        var (link, block, file) = (output.Link, output.Message.Block, _files[output.Swarm]);
        Assert.True(file.Verified[block.Piece], $"segment {block.Piece} served and not verified");
        if (!_links.TryGetValue(link, out var wire))
        {
            return;
        }

        if (ReadError(file.Name) is { } error)
        {
            var failed = new Input(
                InputKind.ReadFailed, output.Swarm, link, output.Message,
                Detail: new ReadFailure(error, new PieceRange(default, file.Layout.PieceCount)));
            _world.Later(TimeSpan.Zero, () => Tell(failed));
            return;
        }

        var bytes = file.Disk.AsSpan((int)file.Layout.OffsetOf(block.Piece), block.Length).ToArray();
        bytes[0] ^= (byte)(Corrupts(file.Name) ? 1 : 0);
        _world.Later(TimeSpan.Zero, () => Tell(new Input(InputKind.BlocksSent, Link: link, Count: 1, Bytes: block.Length)));
        _world.Later(_world.Latency(), () => wire.Other.Arrived(wire.There, block, bytes)); // a tag of its own: in no order
    }

    private void Arrived(LinkId link, BlockRequest block, byte[] bytes)
    {
        if (!_links.ContainsKey(link))
        {
            return;
        }

        var kind = InputKind.BlockDiscarded;
        if (_expected.Remove((link, block), out var slot))
        {
            bytes.CopyTo(slot, 0);
            kind = InputKind.BlockReceived;
        }

        Tell(new Input(kind, Link: link, Message: new PeerMessage(PeerMessageKind.Piece, block.Piece, block.Begin, block.Length)));
    }

    private void Close(LinkId link)
    {
        if (_links.TryGetValue(link, out var wire))
        {
            Closed(link);
            _world.Deliver(Rank, wire.Other.Rank, "link", () => wire.Other.Closed(wire.There));
        }
    }

    private void Closed(LinkId link)
    {
        if (_links.Remove(link))
        {
            foreach (var key in _expected.Keys.Where(key => key.Link == link).ToArray())
            {
                _expected.Remove(key);
            }

            _world.Later(TimeSpan.Zero, () => Tell(new Input(InputKind.LinkClosed, Link: link)));
        }
    }

    private sealed record OpenFile(string Name, PieceLayout Layout, byte[] Disk, Bitfield Verified);

    private sealed record Wire(JobRank Other, LinkId There);
}
