using System.Security.Cryptography;
using Shoal.Engine.Swarms;
using Shoal.Protocol;
using Shoal.Protocol.Wire;

namespace Shoal.Engine.Tests.Swarms;

/// <summary>One peer of a <see cref="World"/>: a real <see cref="Swarm"/> and the driver that does what it says.</summary>
internal sealed class Host
{
    private readonly World _world;
    private readonly Dictionary<LinkId, Wire> _links = [];
    private readonly Dictionary<BufferSlot, byte[]> _slots = [];
    private readonly Dictionary<(LinkId Link, BlockRequest Block), BufferSlot> _expected = [];
    private long _incoming;

    public Host(World world, int number, bool isSeeder, Func<SwarmOptions, SwarmOptions> options, bool knowsContent)
    {
        _world = world;
        Number = number;
        Disk = isSeeder ? (byte[])world.Content.Clone() : new byte[world.Content.Length];
        var id = new byte[20];
        id[0] = (byte)number;
        id[1] = (byte)(number >> 8);
        id[19] = 7;
        Swarm = new Swarm(
            new SwarmId(number),
            options(new SwarmOptions { InfoHash = world.InfoHash }),
            new PeerId(id),
            world.Prng.NextUInt64());
        var have = new Bitfield(world.Layout.PieceCount);
        if (isSeeder)
        {
            have.SetAll();
        }

        if (knowsContent)
        {
            Verified = have.Clone();
            Tell(new Input(InputKind.ContentReady, Detail: new ContentState(world.Layout, world.Hashes, have, InfoBytes: world.Info)));
        }
    }

    public int Number { get; }

    public Swarm Swarm { get; }

    public byte[] Disk { get; }

    public Bitfield Verified { get; private set; } = new(0);

    public List<SwarmEvent> Events { get; } = [];

    public List<AnnounceOrder> Announces { get; } = [];

    public int MostSlots { get; private set; }

    public PeerAddress Address => PeerAddress.FromRank(Number);

    public Instant Deadline => IsDead ? Instant.Never : Swarm.Deadline;

    public bool IsDead { get; private set; }

    public bool IsComplete => Events.Exists(e => e is SwarmEvent.Completed);

    // Faults, as plain functions a test sets.
    public Func<BlockRequest, bool> Corrupts { get; set; } = _ => false;

    public Func<PeerMessage, bool> Swallows { get; set; } = _ => false;

    public Func<string?> DiskError { get; set; } = () => null;

    public Func<Handshake, Handshake> Introduces { get; set; } = h => h;

    public Func<TimeSpan> DiskTime { get; set; } = () => TimeSpan.FromMilliseconds(1);

    public void Start() => Tell(new Input(InputKind.Start));

    public void Meet(Host other) => Tell(new Input(InputKind.PeerFound, Address: other.Address));

    /// <summary>The process is killed: its links break, its swarm never hears anything again.</summary>
    public void Kill()
    {
        IsDead = true;
        foreach (var link in _links.Keys.ToArray())
        {
            Break(link);
        }
    }

    /// <summary>All links of the host break, as when a cable is pulled and put back.</summary>
    public void BreakAll()
    {
        foreach (var link in _links.Keys.ToArray())
        {
            Break(link);
        }
    }

    public void Tell(in Input input)
    {
        if (IsDead)
        {
            return;
        }

        Swarm.Handle(_world.Now, input);
        while (Swarm.TryPoll(out var output))
        {
            Do(output);
        }
    }

    private void Do(Output output)
    {
        switch (output.Kind)
        {
            case OutputKind.Connect:
                Connect(output);
                break;
            case OutputKind.CloseLink:
                Break(output.Link);
                break;
            case OutputKind.Send:
                Send(output.Link, output.Message);
                break;
            case OutputKind.Request:
                Assert.NotEqual(BufferSlot.None, output.Slot);
                Assert.True(_expected.TryAdd((output.Link, output.Message.Block), output.Slot), "asked twice on one link");
                if (!_slots.ContainsKey(output.Slot))
                {
                    _slots.Add(output.Slot, new byte[_world.Layout.PieceLength]);
                    MostSlots = Math.Max(MostSlots, _slots.Count);
                }

                Send(output.Link, output.Message);
                break;
            case OutputKind.Forget:
                _expected.Remove((output.Link, output.Message.Block));
                break;
            case OutputKind.Upload:
                Upload(output.Link, output.Message.Block);
                break;
            case OutputKind.ReleaseSlot:
                Assert.DoesNotContain(output.Slot, _expected.Values);
                _slots.Remove(output.Slot);
                break;
            case OutputKind.Announce:
                var order = (AnnounceOrder)output.Detail!;
                Announces.Add(order);
                _world.Later(_world.Latency, () => Tell(new Input(InputKind.Announced, Detail: new AnnounceResult(
                    order.Tracker, order.Kind, Interval: TimeSpan.FromMinutes(30),
                    Peers: [.. _world.Hosts.Where(h => !h.IsDead).Select(h => h.Address)]))));
                break;
            case OutputKind.Event:
                Happened((SwarmEvent)output.Detail!);
                break;
            default:
                _world.Later(DiskTime(), () => Disked(output));
                break;
        }
    }

    private void Happened(SwarmEvent happening)
    {
        Events.Add(happening);
        if (happening is SwarmEvent.MetadataReceived metadata)
        {
            Assert.Equal(_world.Info, metadata.InfoBytes.ToArray());
            Verified = new Bitfield(_world.Layout.PieceCount);
            _world.Later(_world.Latency, () => Tell(new Input(InputKind.ContentReady, Detail: new ContentState(
                _world.Layout, _world.Hashes, new Bitfield(_world.Layout.PieceCount), InfoBytes: _world.Info))));
        }
    }

    private void Disked(Output output)
    {
        if (IsDead)
        {
            return;
        }

        var layout = _world.Layout;
        var piece = output.Piece;
        var offset = (int)layout.OffsetOf(piece);
        var length = layout.LengthOf(piece);
        var answer = new Input(default, Message: output.Message, Slot: output.Slot);
        switch (output.Kind)
        {
            case OutputKind.Hash:
                Assert.DoesNotContain(_expected, e => e.Value == output.Slot);
                Tell(answer with { Kind = InputKind.PieceHashed, Hash = new PieceHash(SHA1.HashData(_slots[output.Slot].AsSpan(0, length))) });
                break;
            case OutputKind.Write or OutputKind.Spill when DiskError() is { } error:
                Tell(answer with { Kind = InputKind.WriteFailed, Detail = error });
                break;
            case OutputKind.Write:
                Assert.Equal(_world.Content.AsSpan(offset, length), _slots[output.Slot].AsSpan(0, length));
                _slots[output.Slot].AsSpan(0, length).CopyTo(Disk.AsSpan(offset));
                Verified.Set(piece.Value);
                Tell(answer with { Kind = InputKind.PieceWritten });
                break;
            case OutputKind.Spill or OutputKind.Restore:
                var blocks = (Bitfield)output.Detail!;
                if (!_slots.ContainsKey(output.Slot))
                {
                    _slots.Add(output.Slot, new byte[layout.PieceLength]);
                    MostSlots = Math.Max(MostSlots, _slots.Count);
                }

                for (var block = blocks.NextSet(0); block >= 0; block = blocks.NextSet(block + 1))
                {
                    var range = layout.BlockAt(piece, block);
                    var inSlot = _slots[output.Slot].AsSpan(range.Begin, range.Length);
                    var onDisk = Disk.AsSpan(offset + range.Begin, range.Length);
                    if (output.Kind == OutputKind.Spill)
                    {
                        inSlot.CopyTo(onDisk);
                    }
                    else
                    {
                        onDisk.CopyTo(inSlot);
                    }
                }

                Tell(answer with { Kind = output.Kind == OutputKind.Spill ? InputKind.BlocksSpilled : InputKind.BlocksRestored });
                break;
            default:
                throw new InvalidOperationException($"what is {output.Kind}?");
        }
    }

    private void Connect(Output output)
    {
        var other = _world.Hosts[output.Address.Rank];
        var here = output.Link;
        _world.Later(_world.Latency, () =>
        {
            if (other.IsDead)
            {
                Tell(new Input(InputKind.LinkClosed, Link: here, Detail: "connection refused"));
                return;
            }

            var there = LinkId.Incoming(other._incoming++);
            _links.Add(here, new Wire(other, there));
            other._links.Add(there, new Wire(this, here));
            Tell(new Input(InputKind.LinkOpened, Link: here, Address: other.Address));
            other.Tell(new Input(InputKind.LinkOpened, Link: there, Address: Address));
        });
    }

    private void Send(LinkId link, PeerMessage message)
    {
        if (message.Kind == PeerMessageKind.Handshake)
        {
            Handshake.TryRead(message.Payload.Span, out var handshake);
            message = Introduces(handshake).ToMessage();
        }
        else if (message.Kind == PeerMessageKind.Have)
        {
            Assert.True(Verified[message.Piece], $"piece {message.Piece} announced and not verified");
        }

        if (_links.TryGetValue(link, out var wire) && !Swallows(message))
        {
            _world.Later(_world.Latency, () => wire.Arrive(message));
        }
    }

    private void Upload(LinkId link, BlockRequest block)
    {
        Assert.True(Verified[block.Piece], $"piece {block.Piece} served and not verified");
        if (!_links.TryGetValue(link, out var wire))
        {
            return;
        }

        var bytes = Disk.AsSpan((int)_world.Layout.OffsetOf(block.Piece) + block.Begin, block.Length).ToArray();
        if (Corrupts(block))
        {
            bytes[0] ^= 1;
        }

        _world.Later(DiskTime(), () => Tell(new Input(InputKind.BlocksSent, Link: link, Count: 1, Bytes: block.Length)));
        _world.Later(DiskTime() + _world.Latency, () => wire.Arrive(block, bytes));
    }

    private void Break(LinkId link)
    {
        if (!_links.Remove(link, out var wire))
        {
            return;
        }

        wire.Other._links.Remove(wire.There);
        _world.Later(_world.Latency, () => Ended(link));
        _world.Later(_world.Latency, () => wire.Other.Ended(wire.There));
    }

    private void Ended(LinkId link)
    {
        foreach (var key in _expected.Keys.Where(key => key.Link == link).ToArray())
        {
            _expected.Remove(key);
        }

        Tell(new Input(InputKind.LinkClosed, Link: link));
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
            bytes.CopyTo(_slots[slot].AsSpan(block.Begin));
            kind = InputKind.BlockReceived;
        }

        Tell(new Input(kind, Link: link, Message: new PeerMessage(PeerMessageKind.Piece, block.Piece, block.Begin, block.Length)));
    }

    private sealed record Wire(Host Other, LinkId There)
    {
        public void Arrive(PeerMessage message)
        {
            if (Other._links.ContainsKey(There))
            {
                Other.Tell(new Input(InputKind.Message, Link: There, Message: message));
            }
        }

        public void Arrive(BlockRequest block, byte[] bytes) => Other.Arrived(There, block, bytes);
    }
}
