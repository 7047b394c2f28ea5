using System.Diagnostics.CodeAnalysis;
using Shoal.Engine;
using Shoal.Protocol;
using Shoal.Protocol.Wire;
using Shoal.Simulation.Faults;
using Shoal.Simulation.Time;

namespace Shoal.Simulation.Peers;

/// <summary>
/// One life of a peer: drives the machine of its program as every driver does, with the world's links and the peer's own disk, and
/// checks what it does against what it may do.
/// </summary>
internal sealed class MachineDriver(World world, VirtualPeer peer, IProgram program)
{
    private readonly IMachine _machine = program.Machine;
    private readonly bool _takesTurns = program.TakesTurns;
    private readonly LinkTable _ends = new();
    private readonly Queue<Output> _hashJobs = new(); // in order; the first is under way
    private readonly Queue<Output> _diskJobs = new(); // likewise
    private long _incomingSequence;
    private Instant _armedAt = Instant.Never;
    private long _hasherFreeAt;

    /// <summary>Whose life.</summary>
    public VirtualPeer Peer => peer;

    /// <summary>What it drives.</summary>
    public IMachine Machine => _machine;

    /// <summary>Whether it is over: nothing that comes has any effect.</summary>
    public bool IsOver { get; private set; }

    /// <summary>Its ends of links, in the order in which they were opened.</summary>
    public IReadOnlyList<LinkEnd> Ends => _ends.All;

    /// <summary>All ends will be looked at soon (<see cref="IMachine.Warm"/>).</summary>
    public void WarmEnds(int step) => _ends.Warm(step);

    /// <summary>Tells the machine what happened, and does what it wants done.</summary>
    public void Tell(in Input input)
    {
        if (IsOver)
        {
            return;
        }

        _machine.Handle(world.Now, input);
        while (_machine.TryPoll(out var output))
        {
            Do(output);
        }

        if (_takesTurns)
        {
            program.Turn();
        }

        if (!IsOver && _machine.Deadline is var deadline && deadline < _armedAt)
        {
            _armedAt = deadline;
            world.Timeline.Add(deadline, new Event(EventKind.Timer, peer, peer.Life));
        }
    }

    /// <summary>An event of this life has come.</summary>
    public void Handle(in Event happening)
    {
        switch (happening.Kind)
        {
            case EventKind.Timer when world.Now >= _armedAt:
                _armedAt = Instant.Never;
                Tell(new Input(InputKind.Timer));
                break;
            case EventKind.Timer:
                break;
            case EventKind.DiskDone:
                DiskDone(happening.Flag);
                break;
            default:
                program.Handle(happening);
                break;
        }
    }

    /// <summary>Ends all links at once, as a system does for a process that is killed.</summary>
    public void HangUp()
    {
        foreach (var end in _ends.All.ToArray())
        {
            world.HangUp(end);
        }
    }

    /// <summary>The disk does not get done what it was told to.</summary>
    public void Tear()
    {
        while (_diskJobs.TryDequeue(out var output))
        {
            world.Adversary?.Tear(peer.Disk, output);
        }
    }

    /// <summary>It is over.</summary>
    public void End()
    {
        IsOver = true;
        foreach (var end in _ends.All)
        {
            end.IsClosed = true;
        }

        _ends.Clear();
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
        peer.DownloadedBytes += block.Length;
        if (end.TryTakeExpected(block, out var slot))
        {
            kind = InputKind.BlockReceived;
            peer.Disk.Receive(slot, block, isCorrupt);
        }

        Tell(new Input(kind, Link: end.Id, Message: PeerMessage.Request(block), Slot: slot));
    }

    /// <summary>The block that was being sent has left.</summary>
    public void Sent(LinkEnd end, int length)
    {
        peer.UploadedBytes += length;
        Tell(new Input(InputKind.BlocksSent, Link: end.Id, Count: 1, Bytes: length));
    }

    /// <summary>Somebody calls: there is a new link here.</summary>
    public LinkEnd Accept(LinkEnd caller)
    {
        var end = new LinkEnd(this, LinkId.Incoming(++_incomingSequence), caller.Latency);
        LinkEnd.Join(caller, end);
        world.Adversary?.Streams.Joined(caller, end);
        _ends.Add(end);
        Tell(new Input(InputKind.LinkOpened, Link: end.Id, Address: Adversary.CallerAt(caller.Owner.Address)));
        return end;
    }

    /// <summary>A link that this peer asked for is open.</summary>
    public void Opened(LinkEnd end)
    {
        if (!IsOver)
        {
            world.Adversary?.Streams.Greeted(end);
            Tell(new Input(InputKind.LinkOpened, Link: end.Id, Address: end.Other.Owner.Address));
        }
    }

    /// <summary>A link is gone, or could not be opened.</summary>
    public void Closed(LinkEnd end, string reason)
    {
        if (end.IsClosed)
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
                    sending.HasSpoken = true;
                    world.Send(sending, output.Message);
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
                    Safety.Require(!peer.IsChecked || peer.Disk.Right[output.Message.Piece], "a piece is served that is not verified", output.Message.Piece);
                    if (world.MustRead(peer, output.Piece))
                    {
                        Queue(output);
                    }
                    else
                    {
                        world.Upload(uploading, output.Message.Block);
                    }
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
                    world.HangUp(closing);
                }

                break;
            case OutputKind.Announce or OutputKind.Event:
                program.Do(output);
                break;
            default:
                Order(output);
                break;
        }
    }

    private bool TryFind(LinkId id, [NotNullWhen(true)] out LinkEnd? end) => _ends.TryFind(id, out end) && !end.IsHungUp;

    private void Connect(in Output output)
    {
        if (world.Adversary?.IsNowhere(output.Address) == true)
        {
            var toNobody = new LinkEnd(this, output.Link, latency: 0);
            _ends.Add(toNobody);
            world.Adversary.CallNobody(toNobody);
            return;
        }

        var other = world.PeerAt(output.Address);
        var end = new LinkEnd(this, output.Link, world.LatencyBetween(peer, other));
        _ends.Add(end);
        world.Call(end, other);
    }

    private void Request(LinkEnd end, in Output output)
    {
        var block = output.Message.Block;
        Safety.Require(
            !end.IsChoked || end.AllowedFast?.Contains(block.Piece.Value) == true, "a block is asked for of a peer that chokes us", block.Piece);
        peer.Disk.Use(output.Slot, block.Piece);
        end.Expected.Add(new Expectation(block, output.Slot));
        world.Send(end, output.Message);
    }

    private void Check(in PeerMessage message)
    {
        if (message.Kind == PeerMessageKind.Have)
        {
            Safety.Require(!peer.IsChecked || peer.Disk.Right[message.Piece], "a piece is announced that is not verified", message.Piece);
        }
    }

    private void Release(BufferSlot slot)
    {
        if (world.IsThorough)
        {
            foreach (var end in _ends.All)
            {
                Safety.Require(!end.Expects(slot), "a slot is released that a block may still come to");
            }
        }

        peer.Disk.Release(slot);
    }

    // Hashing and writing take their time, one after the other.
    private void Order(in Output output)
    {
        Safety.Require(IsDiskOrder(output.Kind), "an output that nobody knows");
        if (output.Kind is OutputKind.Restore)
        {
            peer.Disk.Use(output.Slot, output.Piece);
        }

        if (output.Kind == OutputKind.Hash)
        {
            _hasherFreeAt = Math.Max(_hasherFreeAt, world.Now.Nanoseconds) + VirtualTime.ToMove(world.Layout.LengthOf(output.Piece), World.HashBytesPerSecond);
            _hashJobs.Enqueue(output);
            world.Timeline.Add(new Instant(_hasherFreeAt), new Event(EventKind.DiskDone, peer, peer.Life, Flag: true));
            return;
        }

        Queue(output);
    }

    private void Queue(in Output output)
    {
        _diskJobs.Enqueue(output);
        if (_diskJobs.Count == 1)
        {
            BeginDiskJob();
        }
    }

    // Each takes as long as the disk is slow when it begins.
    private void BeginDiskJob()
    {
        while (_diskJobs.TryPeek(out var next) && next.Kind == OutputKind.Upload && !TryFind(next.Link, out _))
        {
            _diskJobs.Dequeue(); // whoever asked is gone
        }

        if (!_diskJobs.TryPeek(out var output))
        {
            return;
        }

        var length = output.Kind == OutputKind.Upload ? output.Message.Length : world.Layout.LengthOf(output.Piece);
        world.Timeline.After(
            VirtualTime.ToMove(length, world.DiskRateOf(peer)), new Event(EventKind.DiskDone, peer, peer.Life));
    }

    private void DiskDone(bool isHash)
    {
        var output = (isHash ? _hashJobs : _diskJobs).Dequeue();
        var piece = output.Piece;
        if (!isHash && _diskJobs.Count > 0)
        {
            BeginDiskJob();
        }

        if (output.Kind == OutputKind.Upload)
        {
            if (TryFind(output.Link, out var uploading))
            {
                world.Upload(uploading, output.Message.Block);
            }

            return;
        }

        var answer = new Input(default, output.Swarm, Message: output.Message, Slot: output.Slot);
        switch (output.Kind)
        {
            case OutputKind.Hash:
                answer = answer with { Kind = InputKind.PieceHashed, Hash = world.HashOf(piece, peer.Disk.IsRight(output.Slot, piece)) };
                break;
            case OutputKind.Write or OutputKind.Spill when world.IsDiskFull(peer):
                answer = answer with { Kind = InputKind.WriteFailed, Detail = "no space left on the disk" };
                break;
            case OutputKind.Write:
                peer.Disk.Write(output.Slot, piece);
                answer = answer with { Kind = InputKind.PieceWritten };
                break;
            case OutputKind.Spill:
                peer.Disk.Spill(output.Slot, piece, (Bitfield)output.Detail!);
                answer = answer with { Kind = InputKind.BlocksSpilled };
                break;
            default:
                peer.Disk.Restore(output.Slot, piece, (Bitfield)output.Detail!);
                answer = answer with { Kind = InputKind.BlocksRestored };
                break;
        }

        Tell(answer);
    }

    private static bool IsDiskOrder(OutputKind kind) => kind is OutputKind.Hash or OutputKind.Write or OutputKind.Spill or OutputKind.Restore;
}
