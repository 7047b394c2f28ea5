using System.Diagnostics.CodeAnalysis;
using Shoal.Engine;
using Shoal.Engine.Swarms;
using Shoal.Protocol;
using Shoal.Protocol.Wire;
using Shoal.Simulation.Network;
using Shoal.Simulation.Scenarios;
using Shoal.Simulation.Time;
using Path = Shoal.Simulation.Network.Path;

namespace Shoal.Simulation.Peers;

/// <summary>
/// A peer: a production <see cref="Swarm"/>, driven as every driver does, with the world's links and its own disk. Lives as often as
/// it is started again after a crash. Checks what the swarm does against what it may do.
/// </summary>
internal sealed class VirtualPeer
{
    private readonly World _world;
    private readonly LinkTable _ends = new();
    private Swarm? _swarm;
    private long _incomingSequence;
    private Instant _armedAt = Instant.Never;
    private long _hasherFreeAt;
    private long _diskFreeAt;
    private long _wastedBefore;

    public VirtualPeer(World world, int number, PeerClass peerClass, Path path)
    {
        (_world, Number, Class, Path) = (world, number, peerClass, path);
        Disk = new VirtualDisk(world.Layout, peerClass.IsSeeder);
    }

    /// <summary>Its number, which is its address.</summary>
    public int Number { get; }

    /// <summary>What kind of peer it is.</summary>
    public PeerClass Class { get; }

    /// <summary>Its ways to and from the network.</summary>
    public Path Path { get; }

    /// <summary>What it has.</summary>
    public VirtualDisk Disk { get; }

    /// <summary>Counts its lives: what was begun in one is void in the next.</summary>
    public int Life { get; private set; }

    /// <summary>Whether it is there.</summary>
    public bool IsRunning => _swarm is not null;

    /// <summary>When it first came.</summary>
    public Instant JoinedAt { get; private set; } = Instant.Never;

    /// <summary>When it first had everything; never of one that had it from the beginning.</summary>
    public Instant CompletedAt { get; private set; } = Instant.Never;

    /// <summary>Whether it has left for good.</summary>
    public bool HasLeft { get; private set; }

    /// <summary>Payload that left, over all lives.</summary>
    public long UploadedBytes { get; private set; }

    /// <summary>Payload that came and was expected, over all lives.</summary>
    public long DownloadedBytes { get; private set; }

    /// <summary>Acknowledgements that are to go through its uplink, see <see cref="WireCosts"/>.</summary>
    public long OwedAckBytes { get; set; }

    /// <summary>Payload that was of no use, as the swarm counts it.</summary>
    public long WastedBytes => _wastedBefore + (_swarm?.Status().WastedBytes ?? 0);

    public SwarmStatus? Status => _swarm?.Status();
    public IEnumerable<LinkEnd> Ends => _ends.All;
    /// <summary>Links it has.</summary>
    public int LinkCount => _ends.All.Count;

    private bool IsChecked => Class.Behavior != Behavior.Liar; // it serves what it does not have

    /// <summary>Comes, or comes back.</summary>
    public void Start()
    {
        if (IsRunning || HasLeft)
        {
            return;
        }

        if (JoinedAt == Instant.Never)
        {
            JoinedAt = _world.Now;
            _world.Joined(this);
        }

        _swarm = new Swarm(new SwarmId(0), _world.OptionsFor(this), _world.IdOf(Number, Life), _world.Prng.NextUInt64());
        var have = Disk.Right.Clone();
        if (Class.Behavior == Behavior.Liar)
        {
            have.SetAll();
        }

        Tell(new Input(InputKind.ContentReady, Detail: new ContentState(_world.Layout, _world.Hashes, have, Partial: Disk.Partial())));
        Tell(new Input(InputKind.Start));
    }

    /// <summary>Leaves politely.</summary>
    public void Leave() => Tell(new Input(InputKind.Stop));

    /// <summary>The process is killed.</summary>
    public void Crash()
    {
        if (!IsRunning)
        {
            return;
        }

        foreach (var end in _ends.All.ToArray())
        {
            _world.HangUp(end);
        }

        End();
        Disk.Crash();
    }

    /// <summary>Tells the machine what happened, and does what it wants done.</summary>
    public void Tell(in Input input)
    {
        if (_swarm is not { } swarm)
        {
            return;
        }

        swarm.Handle(_world.Now, input);
        while (swarm.TryPoll(out var output))
        {
            Do(output);
        }

        if (_swarm is not null && swarm.Deadline is var deadline && deadline < _armedAt)
        {
            _armedAt = deadline;
            _world.Timeline.Add(deadline, new Event(EventKind.Timer, this, Life));
        }
    }

    /// <summary>An event of this peer's has come.</summary>
    public void Handle(in Event happening)
    {
        switch (happening.Kind)
        {
            case EventKind.Timer when happening.Life == Life && _world.Now >= _armedAt:
                _armedAt = Instant.Never;
                Tell(new Input(InputKind.Timer));
                break;
            case EventKind.DiskDone when happening.Life == Life:
                DiskDone((Output)happening.Detail!);
                break;
            case EventKind.Answer when happening.Life == Life:
                Tell(new Input(InputKind.Announced, Detail: happening.Detail));
                break;
            default:
                break;
        }
    }

    /// <summary>A control message came in.</summary>
    public void Receive(LinkEnd end, in PeerMessage message)
    {
        switch (message.Kind)
        {
            case PeerMessageKind.Choke:
                end.IsChoked = true;
                break;
            case PeerMessageKind.Unchoke:
                end.IsChoked = false;
                break;
            case PeerMessageKind.AllowedFast:
                (end.AllowedFast ??= []).Add(message.Piece.Value);
                break;
            default:
                break;
        }

        Tell(new Input(InputKind.Message, Link: end.Id, Message: message));
    }

    /// <summary>A block came in, whole.</summary>
    public void Receive(LinkEnd end, in BlockRequest block, bool isCorrupt)
    {
        var kind = InputKind.BlockDiscarded;
        if (end.TryTakeExpected(block, out var slot))
        {
            kind = InputKind.BlockReceived;
            DownloadedBytes += block.Length;
            Disk.Receive(slot, block, isCorrupt);
        }

        Tell(new Input(kind, Link: end.Id, Message: PeerMessage.Request(block), Slot: slot));
    }

    /// <summary>The block that was being sent has left.</summary>
    public void Sent(LinkEnd end, int length)
    {
        UploadedBytes += length;
        Tell(new Input(InputKind.BlocksSent, Link: end.Id, Count: 1, Bytes: length));
    }

    /// <summary>Somebody calls: there is a new link here.</summary>
    public LinkEnd Accept(LinkEnd caller)
    {
        var end = new LinkEnd(this, LinkId.Incoming(++_incomingSequence), caller.Latency);
        LinkEnd.Join(caller, end);
        _ends.Add(end);
        Tell(new Input(InputKind.LinkOpened, Link: end.Id, Address: PeerAddress.FromRank(caller.Owner.Number)));
        return end;
    }

    /// <summary>A link that this peer asked for is open.</summary>
    public void Opened(LinkEnd end)
    {
        if (end.Life == Life)
        {
            Tell(new Input(InputKind.LinkOpened, Link: end.Id, Address: PeerAddress.FromRank(end.Other.Owner.Number)));
        }
    }

    /// <summary>A link is gone, or could not be opened.</summary>
    public void Closed(LinkEnd end, string reason)
    {
        if (end.IsClosed || end.Life != Life)
        {
            return;
        }

        end.IsClosed = true;
        end.Expected.Clear();
        _ends.Remove(end);
        Tell(new Input(InputKind.LinkClosed, Link: end.Id, Detail: reason));
    }

    private void Do(in Output output)
    {
        switch (output.Kind)
        {
            case OutputKind.Send:
                if (TryFind(output.Link, out var sending))
                {
                    Check(output.Message);
                    _world.Send(sending, output.Message);
                }

                break;
            case OutputKind.Request:
                if (TryFind(output.Link, out var asking))
                {
                    Request(asking, output);
                }

                break;
            case OutputKind.Upload:
                if (TryFind(output.Link, out var uploading))
                {
                    Safety.Require(!IsChecked || Disk.Right[output.Message.Piece], "a piece is served that is not verified", output.Message.Piece);
                    _world.Upload(uploading, output.Message.Block);
                }

                break;
            case OutputKind.Forget:
                if (TryFind(output.Link, out var forgetting))
                {
                    forgetting.TryTakeExpected(output.Message.Block, out _);
                }

                break;
            case OutputKind.ReleaseSlot:
                Release(output.Slot);
                break;
            case OutputKind.Connect:
                Connect(output);
                break;
            case OutputKind.CloseLink:
                if (TryFind(output.Link, out var closing))
                {
                    _world.HangUp(closing);
                }

                break;
            case OutputKind.Announce:
                _world.Announce(this, (AnnounceOrder)output.Detail!);
                break;
            case OutputKind.Event:
                Happened((SwarmEvent)output.Detail!);
                break;
            default:
                Order(output);
                break;
        }
    }

    private bool TryFind(LinkId id, [NotNullWhen(true)] out LinkEnd? end) => _ends.TryFind(id, out end) && !end.IsHungUp;

    private void Connect(in Output output)
    {
        var other = _world.Peers[output.Address.Rank];
        var end = new LinkEnd(this, output.Link, _world.LatencyBetween(this, other));
        _ends.Add(end);
        _world.Call(end, other);
    }

    private void Request(LinkEnd end, in Output output)
    {
        var block = output.Message.Block;
        Safety.Require(
            !end.IsChoked || end.AllowedFast?.Contains(block.Piece.Value) == true, "a block is asked for of a peer that chokes us", block.Piece);
        Disk.Use(output.Slot, block.Piece);
        end.Expected.Add(new Expectation(block, output.Slot));
        _world.Send(end, output.Message);
    }

    private void Check(in PeerMessage message)
    {
        if (message.Kind == PeerMessageKind.Have)
        {
            Safety.Require(!IsChecked || Disk.Right[message.Piece], "a piece is announced that is not verified", message.Piece);
        }
    }

    private void Release(BufferSlot slot)
    {
        if (_world.IsThorough)
        {
            foreach (var end in _ends.All)
            {
                Safety.Require(!end.Expected.Exists(expected => expected.Slot == slot), "a slot is released that a block may still come to");
            }
        }

        Disk.Release(slot);
    }

    // Hashing and writing take their time, one after the other.
    private void Order(in Output output)
    {
        Safety.Require(
            output.Kind is OutputKind.Hash or OutputKind.Write or OutputKind.Spill or OutputKind.Restore, "an output that nobody knows");
        if (output.Kind is OutputKind.Restore)
        {
            Disk.Use(output.Slot, output.Piece);
        }

        var isHash = output.Kind == OutputKind.Hash;
        ref var freeAt = ref isHash ? ref _hasherFreeAt : ref _diskFreeAt;
        var rate = isHash ? World.HashBytesPerSecond : _world.DiskRateOf(this);
        freeAt = Math.Max(freeAt, _world.Now.Nanoseconds) + VirtualTime.ToMove(_world.Layout.LengthOf(output.Piece), rate);
        _world.Timeline.Add(new Instant(freeAt), new Event(EventKind.DiskDone, this, Life, Detail: output));
    }

    private void DiskDone(in Output output)
    {
        var piece = output.Piece;
        var answer = new Input(default, Message: output.Message, Slot: output.Slot);
        switch (output.Kind)
        {
            case OutputKind.Hash:
                answer = answer with { Kind = InputKind.PieceHashed, Hash = _world.HashOf(piece, Disk.IsRight(output.Slot, piece)) };
                break;
            case OutputKind.Write or OutputKind.Spill when _world.IsDiskFull(this):
                answer = answer with { Kind = InputKind.WriteFailed, Detail = "no space left on the disk" };
                break;
            case OutputKind.Write:
                Disk.Write(output.Slot, piece);
                answer = answer with { Kind = InputKind.PieceWritten };
                break;
            case OutputKind.Spill:
                Disk.Spill(output.Slot, piece, (Bitfield)output.Detail!);
                answer = answer with { Kind = InputKind.BlocksSpilled };
                break;
            default:
                Disk.Restore(output.Slot, piece, (Bitfield)output.Detail!);
                answer = answer with { Kind = InputKind.BlocksRestored };
                break;
        }

        Tell(answer);
    }

    private void Happened(SwarmEvent happening)
    {
        switch (happening)
        {
            case SwarmEvent.PieceCompleted { Piece: var piece }:
                Safety.Require(!IsChecked || Disk.Right[piece], "a piece counts that is not verified", piece);
                _world.Got(this);
                break;
            case SwarmEvent.Completed when !Class.IsSeeder && CompletedAt == Instant.Never && Class.Behavior != Behavior.Liar:
                Safety.Require(Disk.Right.IsFull, "a download counts as complete that is not");
                CompletedAt = _world.Now;
                _world.Completed(this);
                break;
            case SwarmEvent.Stopped:
                HasLeft = true;
                End();
                break;
            default:
                break;
        }
    }

    private void End()
    {
        _wastedBefore += _swarm!.Status().WastedBytes;
        _swarm = null;
        _ends.Clear();
        _armedAt = Instant.Never;
        (_hasherFreeAt, _diskFreeAt) = (0, 0);
        Life++;
    }
}
