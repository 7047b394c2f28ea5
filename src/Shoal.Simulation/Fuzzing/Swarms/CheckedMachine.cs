using Shoal.Engine;
using Shoal.Engine.Swarms;
using Shoal.Protocol;
using Shoal.Protocol.Wire;
using Shoal.Simulation.Peers;
using Shoal.Simulation.Scenarios;

namespace Shoal.Simulation.Fuzzing.Swarms;

/// <summary>
/// Stands between the world and a machine and holds all that passes against the engine's contract: what the machine does to links,
/// slots and requests, and what it says. Knows only what passes, and what truly lies on the peer's disk.
/// </summary>
internal sealed class CheckedMachine : IMachine
{
    private const int TurnsBetweenCounts = 32;
    private const int MostCandidates = 2000;

    /// <summary>What one input may make the machine want: far more than swarms as small as these do.</summary>
    private const int MostOutputs = 100_000;

    /// <summary>How long a machine may sleep that has links: it must see what is dead, and say that it is not.</summary>
    private static readonly TimeSpan LongestSleep = TimeSpan.FromMinutes(2);

    /// <summary>How soon a new piece is told of.</summary>
    private static readonly TimeSpan NewsTime = TimeSpan.FromSeconds(5);

    private readonly World _world;
    private readonly VirtualPeer _peer;
    private readonly IProgram _program;
    private readonly IMachine _inner;
    private readonly Action<VirtualPeer> _begins;
    private readonly bool _isJob;
    private readonly Dictionary<LinkId, LinkLedger> _links = [];
    private readonly Dictionary<BufferSlot, PieceIndex> _slots = [];
    private readonly List<(LinkId Link, BlockRequest Block)> _uncancelled = []; // forgotten in this turn, on links that live
    private readonly Queue<(PieceIndex Piece, Instant At)> _news = new(); // pieces that links are yet to be told of
    private readonly Bitfield _have;
    private Instant _now;
    private Input _told;
    private long _turnCount;
    private int _outputCount; // of this turn
    private bool _isStopping;
    private bool _isStopped;

    /// <param name="world">Where it is.</param>
    /// <param name="peer">Whose machine it is.</param>
    /// <param name="program">Whose machine it drives.</param>
    /// <param name="inner">What the world would have driven: the machine, or what stands before it.</param>
    /// <param name="begins">Is told whose turn it is.</param>
    public CheckedMachine(World world, VirtualPeer peer, IProgram program, IMachine inner, Action<VirtualPeer> begins)
    {
        (_world, _peer, _program, _inner, _begins, _isJob) = (world, peer, program, inner, begins, world.Job is not null);
        _have = new Bitfield(world.Layout.PieceCount);
    }

    /// <inheritdoc/>
    public Instant Deadline => _inner.Deadline;

    // A liar says and serves what it does not have.
    private bool IsTruthful => _peer.Class.Behavior != Behavior.Liar;

    // In a job each calls those who were there before it, and a double call is seen only when it is there.
    private int MostLinks => _isJob ? 2 * _world.Peers.Count : Options.MaximumConnectionCount;

    // Under the other policies each asks and is rejected.
    private bool TellsPieces => Options.Balance == BalancePolicy.Swarm;

    private SwarmOptions Options => _program.Options ?? throw new SafetyException("something is wanted before there is a swarm");

    private int SlotCount => (int)Math.Min(Math.Max(2, Options.BufferBytes / _world.Layout.PieceLength), _world.Layout.PieceCount);

    /// <inheritdoc/>
    public void Handle(Instant now, in Input input)
    {
        (_now, _told, _outputCount) = (now, input, 0);
        _begins(_peer);
        _links.TryGetValue(input.Link, out var link);
        switch (input.Kind)
        {
            case InputKind.LinkOpened when input.Link.IsIncoming:
                _links.Add(input.Link, new LinkLedger(_world.Layout.PieceCount) { IsOpen = true });
                break;
            case InputKind.LinkOpened when link is not null:
                link.IsOpen = true;
                break;
            case InputKind.LinkClosed:
                _links.Remove(input.Link);
                break;
            case InputKind.Message:
                link?.Received(now, input.Message);
                break;
            case InputKind.BlockReceived when link is not null:
                Safety.Require(link.TryEndRequest(input.Message.Block), "a block comes in that was forgotten", input.Piece);
                break;
            case InputKind.ReadFailed:
                link?.NotSent(now, input.Message.Block);
                break;
            case InputKind.BlocksSent:
                link?.Uploaded(now, input.Count, input.Bytes);
                break;
            case InputKind.ContentReady:
                Know(((ContentState)input.Detail!).Have);
                break;
            case InputKind.Stop:
                _isStopping = true;
                break;
            default:
                break;
        }

        _inner.Handle(now, input);
    }

    /// <inheritdoc/>
    public void Warm(InputKind kind, LinkId link, PieceIndex piece, int step) => _inner.Warm(kind, link, piece, step);

    /// <inheritdoc/>
    public bool TryPoll(out Output output)
    {
        if (_inner.TryPoll(out output))
        {
            // A job's session outlives its swarm, and turns away who calls then.
            Safety.Require(!_isStopped || (_isJob && output.Kind == OutputKind.CloseLink), "something is wanted after the end");
            Safety.Require(++_outputCount <= MostOutputs, $"there is no end to what is wanted after one input ({_told.Kind})");
            Check(output);
            return true;
        }

        EndTurn();
        return false;
    }

    /// <summary>Whether what is to be done in time was done. To be asked now and then, whether the machine has turns or not.</summary>
    public void CheckTimes(Instant now)
    {
        _begins(_peer);
        foreach (var link in _links.Values)
        {
            link.CheckTimes(now);
        }

        Safety.Require(
            _inner.Deadline <= now + LongestSleep || !_links.Values.Any(link => link.IsOpen), "a timer is lost: there are links, and none is set");
        while (_news.TryPeek(out var news) && news.At + NewsTime <= now)
        {
            _news.Dequeue();
            Safety.Require(
                !_have[news.Piece] || _links.Values.All(link => !link.IsIntroduced || link.IsToldOf(news.Piece)),
                $"a peer is not told of a piece within {NewsTime.TotalSeconds:F0} s", news.Piece);
        }
    }

    private void Know(Bitfield have)
    {
        for (var piece = have.NextSet(0); piece >= 0; piece = have.NextSet(piece + 1))
        {
            Know(new PieceIndex(piece));
        }
    }

    private void Know(PieceIndex piece)
    {
        _have.Set(piece.Value);
        if (TellsPieces)
        {
            _news.Enqueue((piece, _now));
        }
    }

    private void Check(in Output output)
    {
        switch (output.Kind)
        {
            case OutputKind.Connect:
                _links.Add(output.Link, new LinkLedger(_world.Layout.PieceCount));
                break;
            case OutputKind.CloseLink:
                Find(output.Link);
                _links.Remove(output.Link);
                _uncancelled.RemoveAll(AreOn(output.Link));
                break;
            case OutputKind.Send:
                Say(output.Link, output.Message);
                break;
            case OutputKind.Request:
                Request(output);
                break;
            case OutputKind.Forget when _links.TryGetValue(output.Link, out var link):
                Forget(link, output);
                break;
            case OutputKind.Upload:
                Find(output.Link).Upload(_now, output.Message.Block);
                break;
            case OutputKind.Hash or OutputKind.Write or OutputKind.Spill:
                Safety.Require(_slots.GetValueOrDefault(output.Slot, new PieceIndex(-1)) == output.Piece, "a piece is in hand that has no slot", output.Piece);
                RequireQuiet(output.Slot);
                break;
            case OutputKind.Restore:
                Take(output.Slot, output.Piece);
                break;
            case OutputKind.ReleaseSlot:
                Safety.Require(_slots.Remove(output.Slot), "a slot is released that nobody has");
                RequireQuiet(output.Slot);
                break;
            case OutputKind.Event:
                Happened((SwarmEvent)output.Detail!);
                break;
            default:
                break;
        }
    }

    private void Say(LinkId id, in PeerMessage message)
    {
        var link = Find(id);
        Safety.Require(link.IsOpen, $"{message.Kind} is said on a link that is not open");
        var wasIntroduced = link.IsIntroduced;
        link.Sent(_now, message);
        Safety.Require(
            wasIntroduced || !link.IsIntroduced || !TellsPieces || link.IsToldOf(_have), "a peer is not told of all that is here");
        var right = _peer.Disk.Right;
        switch (message.Kind)
        {
            case PeerMessageKind.HaveAll when IsTruthful:
                Safety.Require(right.IsFull, "all pieces are announced, and not all are verified");
                break;
            case PeerMessageKind.Bitfield when IsTruthful:
                var told = Bitfield.TryRead(message.Payload.Span, right.Length);
                Safety.Require(told is not null && !right.Lacks(told), "a bitfield has pieces that are not verified");
                break;
            case PeerMessageKind.Cancel:
                _uncancelled.Remove((id, message.Block));
                break;
            default:
                break;
        }
    }

    private void Request(in Output output)
    {
        var block = output.Message.Block;
        Safety.Require(_world.Layout.Contains(block), "a block is asked for that does not exist", block.Piece);
        Safety.Require(!IsTruthful || !_peer.Disk.Right[block.Piece], "a piece is asked for that is here", block.Piece);
        Take(output.Slot, block.Piece);
        Find(output.Link).Request(_now, block, output.Slot, Options);
    }

    private void Forget(LinkLedger link, in Output output)
    {
        var block = output.Message.Block;
        Safety.Require(link.TryEndRequest(block), "a block is forgotten that was not asked for", block.Piece);
        var isRejected = _told is { Kind: InputKind.Message, Message.Kind: PeerMessageKind.RejectRequest } &&
            _told.Link == output.Link && _told.Message.Block == block;
        if (!isRejected && !_isStopping)
        {
            _uncancelled.Add((output.Link, block));
        }
    }

    private void Happened(SwarmEvent happened)
    {
        switch (happened)
        {
            case SwarmEvent.PeerBanned { Address: var address, Reason: var reason } when _world.Adversary?.SaysAnything(_peer) != true:
                Safety.Require(
                    _world.PeerAt(address).Class.Behavior is Behavior.Corrupter or Behavior.Liar, $"an honest peer is banned: {reason}");
                break;
            case SwarmEvent.PieceCompleted { Piece: var piece }:
                Know(piece);
                break;
            case SwarmEvent.PiecesLost { Pieces: var lost }:
                lost.ToList().ForEach(piece => _have.Clear(piece.Value));
                break;
            case SwarmEvent.Completed:
                Safety.Require(_slots.Count == 0, $"{_slots.Count} slots are in use with nothing to fetch");
                break;
            case SwarmEvent.Stopped:
                Safety.Require(_slots.Count == 0, $"{_slots.Count} slots are in use at the end");
                Safety.Require(!_links.Values.Any(link => link.HasSpoken || !_isJob), $"{_links.Count} links are there at the end");
                _isStopped = true;
                break;
            default:
                break;
        }
    }

    private void EndTurn()
    {
        if (_uncancelled.Count > 0)
        {
            Safety.Require(holds: false, "a block is forgotten, and the peer is not told to keep it", _uncancelled[0].Block.Piece);
        }

        Safety.Require(
            _links.Count <= MostLinks, $"{_links.Count} links are there, and {MostLinks} may be");
        Safety.Require(
            _told.Kind != InputKind.Timer || _inner.Deadline > _now, "a timer spins: its deadline is no later after it than before");
        if (++_turnCount % TurnsBetweenCounts == 0 && !_isStopped)
        {
            Count();
        }
    }

    // What the machine itself believes to be out is what it asked for.
    private void Count()
    {
        if (_program.Status is not { } status)
        {
            return;
        }

        Safety.Require(status.CandidateCount <= MostCandidates, $"{status.CandidateCount} addresses are kept");
        var believed = status.Peers.Sum(peer => peer.OutstandingRequestCount);
        var asked = 0;
        foreach (var link in _links.Values)
        {
            asked += link.Requested.Count;
            link.CheckBounds();
        }

        Safety.Require(
            TellsPieces || asked <= LinkLedger.MostRequestsInRounds, $"{asked} requests are out, and {LinkLedger.MostRequestsInRounds} may be");
        Safety.Require(believed == asked, $"{asked} requests are out, and the swarm knows of {believed}");
    }

    // The slot is the piece's, which has no other.
    private void Take(BufferSlot slot, PieceIndex piece)
    {
        Safety.Require(slot.Value >= 0 && slot.Value < SlotCount, $"slot {slot.Value} is used where {SlotCount} may be", piece);
        if (_slots.TryGetValue(slot, out var owner))
        {
            Safety.Require(owner == piece, $"a slot has two owners, the other is piece {owner.Value}", piece);
            return;
        }

        Safety.Require(!_slots.ContainsValue(piece), "a piece has two slots", piece);
        _slots.Add(slot, piece);
    }

    private void RequireQuiet(BufferSlot slot)
    {
        foreach (var link in _links.Values)
        {
            Safety.Require(!link.Requested.Exists(requested => requested.Slot == slot), "a slot is given away that a block may still come to");
        }
    }

    private LinkLedger Find(LinkId id)
    {
        Safety.Require(_links.TryGetValue(id, out var link), "something is wanted of a link that is not there");
        return link!;
    }

    private static Predicate<(LinkId Link, BlockRequest Block)> AreOn(LinkId link) => forgotten => forgotten.Link == link;
}
