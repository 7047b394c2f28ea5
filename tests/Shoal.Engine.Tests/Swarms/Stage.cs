using System.Security.Cryptography;
using Shoal.Engine.Swarms;
using Shoal.Protocol;
using Shoal.Protocol.Wire;

namespace Shoal.Engine.Tests.Swarms;

/// <summary>
/// One machine before scripted peers: the test says each message, the stage is the driver and the clock. It keeps the
/// driver's side of the contract, and holds the machine to its own: a timer moves the deadline, slots have one owner,
/// nothing unverified is announced or served.
/// </summary>
internal sealed class Stage
{
    private readonly Dictionary<LinkId, RawPeer> _peers = [];
    private readonly Dictionary<BufferSlot, byte[]> _slots = [];
    private readonly Queue<Output> _disk = new();
    private readonly Queue<Input> _answers = new();
    private readonly byte[] _content;
    private long _incoming;

    public Stage(World world, IMachine machine)
    {
        World = world;
        Machine = machine;
        _content = new byte[world.Content.Length];
        Verified = new Bitfield(world.Layout.PieceCount);
    }

    public World World { get; }

    public IMachine Machine { get; }

    public Instant Now { get; private set; } = Instant.Zero + TimeSpan.FromSeconds(1000);

    public Bitfield Verified { get; }

    public List<SwarmEvent> Events { get; } = [];

    public List<AnnounceOrder> Announces { get; } = [];

    public List<RawPeer> Connecting { get; } = [];

    public IEnumerable<RawPeer> Open => _peers.Values.Where(peer => !peer.IsClosed && !Connecting.Contains(peer)).OrderBy(peer => peer.Link);

    public int DiskJobCount => _disk.Count;

    public int SlotCount => _slots.Count;

    /// <summary>Whether disk jobs wait for <see cref="DoDisk"/>.</summary>
    public bool HoldsDisk { get; set; }

    public string? DiskError { get; set; }

    /// <summary>A swarm by itself on a stage.</summary>
    public static (Stage Stage, Swarm Swarm) Of(
        World world, int haveCount = 0, Func<SwarmOptions, SwarmOptions>? options = null, bool knowsContent = true, bool starts = true)
    {
        var self = new byte[20];
        self[0] = 100;
        var swarm = new Swarm(
            default, (options ?? (o => o))(new SwarmOptions { InfoHash = world.InfoHash }), new PeerId(self), world.Prng.NextUInt64());
        var stage = new Stage(world, swarm);
        if (knowsContent)
        {
            stage.KnowContent(haveCount);
        }

        if (starts)
        {
            stage.Tell(new Input(InputKind.Start));
        }

        return (stage, swarm);
    }

    public void KnowContent(int haveCount = 0, SwarmId swarm = default, bool isPrivate = false)
    {
        var have = new Bitfield(World.Layout.PieceCount);
        for (var piece = 0; piece < haveCount; piece++)
        {
            have.Set(piece);
            Verified.Set(piece);
        }

        World.Content.AsSpan(0, Math.Min(_content.Length, haveCount * World.Layout.PieceLength)).CopyTo(_content);
        Tell(new Input(InputKind.ContentReady, swarm, Detail: new ContentState(
            World.Layout, World.Hashes, have, InfoBytes: World.Info, IsPrivate: isPrivate)));
    }

    /// <summary>A link comes in; nothing has been said on it.</summary>
    public RawPeer Come(int number = 1) => Come(AddressOf(number));

    public RawPeer Come(PeerAddress address)
    {
        var link = LinkId.Incoming(_incoming++);
        var peer = new RawPeer(this, link, address);
        _peers.Add(link, peer);
        Tell(new Input(InputKind.LinkOpened, Link: link, Address: peer.Address));
        return peer;
    }

    /// <summary>A link comes in and gets through its handshake.</summary>
    public RawPeer Join(int number = 1, bool fast = true)
    {
        var peer = Come(number);
        peer.Shake(number, fast);
        return peer;
    }

    public static PeerAddress AddressOf(int number) => PeerAddress.From(new System.Net.IPAddress([10, 0, (byte)(number >> 8), (byte)number]), 6881);

    public void Tell(in Input input)
    {
        Machine.Handle(Now, input);
        Drain();
        while (_answers.TryDequeue(out var answer))
        {
            Machine.Handle(Now, answer);
            Drain();
        }

        if (!HoldsDisk)
        {
            while (_disk.Count > 0)
            {
                DoDisk();
            }
        }
    }

    /// <summary>Time goes by, and every timer goes off when it is due; <paramref name="each"/> second something else happens.</summary>
    public void Wait(TimeSpan span, Action? each = null)
    {
        var end = Now + span;
        var count = 0;
        while (Now < end)
        {
            var second = Instant.Min(end, Now + TimeSpan.FromSeconds(1));
            while (Machine.Deadline <= second)
            {
                Now = Machine.Deadline > Now ? Machine.Deadline : Now;
                Tell(new Input(InputKind.Timer));
                Assert.True(Machine.Deadline > Now, $"the timer spins at {Now}");
                Assert.True(++count < 2000 * Math.Max(1, span.TotalSeconds), $"the timer races at {Now}");
            }

            Now = second;
            each?.Invoke();
        }
    }

    /// <summary>Does the oldest disk job.</summary>
    public void DoDisk()
    {
        var job = _disk.Dequeue();
        var layout = World.Layout;
        var offset = (int)layout.OffsetOf(job.Piece);
        var slot = _slots[job.Slot];
        var answer = new Input(default, job.Swarm, Message: job.Message, Slot: job.Slot, Detail: DiskError);
        switch (job.Kind)
        {
            case OutputKind.Hash:
                Assert.DoesNotContain(_peers.Values, peer => peer.Expected.ContainsValue(job.Slot));
                var hash = SHA1.HashData(slot.AsSpan(0, layout.LengthOf(job.Piece)));
                Tell(answer with { Kind = InputKind.PieceHashed, Hash = new PieceHash(hash), Detail = null });
                break;
            case OutputKind.Restore when DiskError is not null:
                Tell(answer with { Kind = InputKind.ReadFailed });
                break;
            case OutputKind.Write or OutputKind.Spill when DiskError is not null:
                Tell(answer with { Kind = InputKind.WriteFailed });
                break;
            case OutputKind.Write:
                slot.AsSpan(0, layout.LengthOf(job.Piece)).CopyTo(_content.AsSpan(offset));
                Verified.Set(job.Piece.Value);
                Tell(answer with { Kind = InputKind.PieceWritten });
                break;
            default:
                Move(job, slot, offset);
                Tell(answer with { Kind = job.Kind == OutputKind.Spill ? InputKind.BlocksSpilled : InputKind.BlocksRestored });
                break;
        }
    }

    internal void Hung(RawPeer peer) => Tell(new Input(InputKind.LinkClosed, Link: peer.Link));

    internal void Deliver(RawPeer peer, BlockRequest block, bool corrupt)
    {
        if (!peer.Expected.Remove(block, out var slot))
        {
            Tell(new Input(InputKind.BlockDiscarded, Link: peer.Link, Message: MessageOf(block)));
            return;
        }

        var place = _slots[slot].AsSpan(block.Begin, block.Length);
        World.Content.AsSpan((int)World.Layout.OffsetOf(block.Piece) + block.Begin, block.Length).CopyTo(place);
        place[0] ^= corrupt ? (byte)1 : (byte)0;
        Tell(new Input(InputKind.BlockReceived, Link: peer.Link, Message: MessageOf(block), Slot: slot));
    }

    private static PeerMessage MessageOf(BlockRequest block) => new(PeerMessageKind.Piece, block.Piece, block.Begin, block.Length);

    private void Move(in Output job, byte[] slot, int offset)
    {
        var blocks = (Bitfield)job.Detail!;
        for (var block = blocks.NextSet(0); block >= 0; block = blocks.NextSet(block + 1))
        {
            var range = World.Layout.BlockAt(job.Piece, block);
            var inSlot = slot.AsSpan(range.Begin, range.Length);
            var onDisk = _content.AsSpan(offset + range.Begin, range.Length);
            if (job.Kind == OutputKind.Spill)
            {
                inSlot.CopyTo(onDisk);
            }
            else
            {
                onDisk.CopyTo(inSlot);
            }
        }
    }

    private void Drain()
    {
        while (Machine.TryPoll(out var output))
        {
            Do(output);
        }
    }

    private void Do(Output output)
    {
        switch (output.Kind)
        {
            case OutputKind.Connect:
                var coming = new RawPeer(this, output.Link, output.Address);
                _peers.Add(output.Link, coming);
                Connecting.Add(coming);
                break;
            case OutputKind.CloseLink:
                var closing = _peers[output.Link];
                if (!closing.IsClosed)
                {
                    closing.End((string?)output.Detail);
                    Connecting.Remove(closing);
                    _answers.Enqueue(new Input(InputKind.LinkClosed, Link: output.Link));
                }

                break;
            case OutputKind.Send:
                Assert.True(output.Message.Kind != PeerMessageKind.Have || Verified[output.Message.Piece]);
                _peers[output.Link].Got.Add(output.Message);
                break;
            case OutputKind.Request:
                Slot(output.Slot);
                var asked = _peers[output.Link];
                if (!asked.IsClosed)
                {
                    asked.Expected.Add(output.Message.Block, output.Slot);
                    asked.Got.Add(output.Message);
                }

                break;
            case OutputKind.Forget:
                _peers[output.Link].Expected.Remove(output.Message.Block);
                break;
            case OutputKind.Upload:
                Assert.True(Verified[output.Message.Piece], $"piece {output.Message.Piece} served and not verified");
                _peers[output.Link].Uploads.Add(output.Message.Block);
                break;
            case OutputKind.ReleaseSlot:
                Assert.DoesNotContain(_peers.Values, peer => peer.Expected.ContainsValue(output.Slot));
                _slots.Remove(output.Slot);
                break;
            case OutputKind.Announce:
                Announces.Add((AnnounceOrder)output.Detail!);
                break;
            case OutputKind.Event:
                Events.Add((SwarmEvent)output.Detail!);
                foreach (var piece in (output.Detail as SwarmEvent.PiecesLost)?.Pieces ?? [])
                {
                    Verified.Clear(piece.Value);
                }

                break;
            default:
                Slot(output.Slot);
                _disk.Enqueue(output);
                break;
        }
    }

    private void Slot(BufferSlot slot)
    {
        Assert.NotEqual(BufferSlot.None, slot);
        _slots.TryAdd(slot, new byte[World.Layout.PieceLength]);
    }
}

/// <summary>A peer that says what the test makes it say.</summary>
internal sealed class RawPeer(Stage stage, LinkId link, PeerAddress address)
{
    public LinkId Link => link;

    public PeerAddress Address => address;

    /// <summary>What it was sent; requests are among it.</summary>
    public List<PeerMessage> Got { get; } = [];

    /// <summary>The blocks that are expected of it.</summary>
    public Dictionary<BlockRequest, BufferSlot> Expected { get; } = [];

    /// <summary>The blocks handed over to be sent to it, which it has not taken.</summary>
    public List<BlockRequest> Uploads { get; } = [];

    public bool IsClosed { get; private set; }

    public string? Reason { get; private set; }

    public int CountOf(PeerMessageKind kind) => Got.Count(message => message.Kind == kind);

    public void Shake(int number, bool fast = true, bool extensions = true, bool dht = false)
    {
        var id = new byte[20];
        (id[0], id[1]) = ((byte)number, (byte)(number >> 8));
        Send(new Handshake(stage.World.InfoHash, new PeerId(id), fast, extensions, dht).ToMessage());
    }

    /// <summary>Accepts a connection of ours.</summary>
    public void Accept()
    {
        stage.Connecting.Remove(this);
        stage.Tell(new Input(InputKind.LinkOpened, Link: link, Address: address));
    }

    public void Send(PeerMessage message)
    {
        if (!IsClosed)
        {
            stage.Tell(new Input(InputKind.Message, Link: link, Message: message));
        }
    }

    public void Send(PeerMessageKind kind) => Send(new PeerMessage(kind));

    public void Ask(int piece, int begin, int length) => Send(PeerMessage.Request(new BlockRequest(new PieceIndex(piece), begin, length)));

    /// <summary>It has everything and gives.</summary>
    public void Offer()
    {
        Send(PeerMessageKind.HaveAll);
        Send(PeerMessageKind.Unchoke);
    }

    public void Deliver(BlockRequest block, bool corrupt = false)
    {
        if (!IsClosed)
        {
            stage.Deliver(this, block, corrupt);
        }
    }

    /// <summary>Delivers what is asked of it until nothing more is.</summary>
    public void DeliverAll()
    {
        while (Expected.Count > 0 && !IsClosed)
        {
            Deliver(Expected.Keys.OrderBy(b => b.Piece.Value).ThenBy(b => b.Begin).First());
        }
    }

    public void Take(int count)
    {
        count = Math.Min(count, Uploads.Count);
        if (count > 0 && !IsClosed)
        {
            var bytes = Uploads.Take(count).Sum(block => (long)block.Length);
            Uploads.RemoveRange(0, count);
            stage.Tell(new Input(InputKind.BlocksSent, Link: link, Count: count, Bytes: bytes));
        }
    }

    public void HangUp()
    {
        if (!IsClosed)
        {
            End("hung up");
            stage.Connecting.Remove(this);
            stage.Hung(this);
        }
    }

    internal void End(string? reason)
    {
        (IsClosed, Reason) = (true, reason);
        Expected.Clear();
    }
}
