using Shoal.Engine;
using Shoal.Engine.Swarms;
using Shoal.Protocol;
using Shoal.Protocol.Wire;

namespace Shoal.Simulation.Fuzzing.Swarms;

/// <summary>
/// What has gone over one link, as its machine was told and told others: enough to say what may follow. The rules are those of BEP 3
/// and 6 and of <see cref="OutputKind"/>.
/// </summary>
internal sealed class LinkLedger(int pieceCount)
{
    /// <summary>Requests out under policies that are told whom to ask, over all links: so many may be one link's.</summary>
    public const int MostRequestsInRounds = 64;

    /// <summary>What a peer may have waiting (the engine tells it so, reqq), and what may be handed to the driver besides.</summary>
    private const int MostAsked = 2048 + 256;

    /// <summary>So much the machine hands to the driver at once: while there is less, the oldest request of a peer need not wait.</summary>
    private const long WindowBytes = 2 * 1024 * 1024;

    private const int WindowCount = 256;

    /// <summary>How long an answer may take that nothing stands before: the machine looks at its links every second.</summary>
    private static readonly TimeSpan AnswerTime = TimeSpan.FromSeconds(5);

    /// <summary>BEP 3: who says nothing for two minutes is taken for dead.</summary>
    private static readonly TimeSpan LongestSilence = TimeSpan.FromMinutes(2);

    private readonly Bitfield _has = new(pieceCount);
    private readonly Bitfield _told = new(pieceCount);
    private readonly HashSet<PieceIndex> _allowed = [];
    private readonly HashSet<PieceIndex> _granted = [];
    private readonly PexLedger _pex = new();
    private readonly List<BlockRequest> _asked = []; // by the peer, and neither sent nor rejected; the oldest first
    private Instant _oldestWaitsSince; // with room for it on the way
    private Instant _spokeAt = Instant.Never;
    private long _uploadingBytes; // handed to the driver and not yet sent
    private int _uploadingCount;
    private bool _isChoking = true;
    private bool _amChoking = true;
    private bool _amInterested;

    /// <summary>Whether the machine knows that it is open.</summary>
    public bool IsOpen { get; set; }

    /// <summary>Whether the machine has said anything on it.</summary>
    public bool HasSpoken => _spokeAt != Instant.Never;

    /// <summary>Whether the peer was told what is here, all at once.</summary>
    public bool IsIntroduced { get; private set; }

    /// <summary>Blocks asked of the peer and not forgotten, and the slots they shall lie in.</summary>
    public List<(BlockRequest Block, BufferSlot Slot)> Requested { get; } = [];

    /// <summary>The peer says something.</summary>
    public void Received(Instant now, in PeerMessage message)
    {
        switch (message.Kind)
        {
            case PeerMessageKind.Choke or PeerMessageKind.Unchoke:
                _isChoking = message.Kind == PeerMessageKind.Choke;
                break;
            case PeerMessageKind.AllowedFast:
                _allowed.Add(message.Piece);
                break;
            case PeerMessageKind.Have:
                _has.Set(message.Piece.Value);
                break;
            case PeerMessageKind.HaveAll:
                _has.SetAll();
                break;
            case PeerMessageKind.Bitfield when Bitfield.TryRead(message.Payload.Span, pieceCount) is { } has:
                _has.ClearAll();
                _has.Add(has);
                break;
            case PeerMessageKind.Request:
                _oldestWaitsSince = _asked.Count == 0 ? now : _oldestWaitsSince;
                _asked.Add(message.Block);
                break;
            case PeerMessageKind.Extended:
                _pex.Received(message);
                break;
            default:
                break;
        }
    }

    /// <summary>The machine says something.</summary>
    public void Sent(Instant now, in PeerMessage message)
    {
        _spokeAt = now;
        switch (message.Kind)
        {
            case PeerMessageKind.Choke or PeerMessageKind.Unchoke:
                _amChoking = message.Kind == PeerMessageKind.Choke;
                break;
            case PeerMessageKind.Interested or PeerMessageKind.NotInterested:
                _amInterested = message.Kind == PeerMessageKind.Interested;
                break;
            case PeerMessageKind.AllowedFast:
                _granted.Add(message.Piece);
                break;
            case PeerMessageKind.RejectRequest:
                Safety.Require(TryAnswer(now, message.Block), "a request is rejected that was not made, or was answered", message.Piece);
                break;
            case PeerMessageKind.Have:
                _told.Set(message.Piece.Value);
                break;
            case PeerMessageKind.HaveAll:
                IsIntroduced = true;
                _told.SetAll();
                break;
            case PeerMessageKind.HaveNone:
                IsIntroduced = true;
                break;
            case PeerMessageKind.Bitfield when Bitfield.TryRead(message.Payload.Span, pieceCount) is { } told:
                IsIntroduced = true;
                _told.Add(told);
                break;
            case PeerMessageKind.Extended:
                _pex.Sent(now, message);
                break;
            default:
                break;
        }
    }

    /// <summary>The machine asks for a block.</summary>
    public void Request(Instant now, in BlockRequest block, BufferSlot slot, SwarmOptions options)
    {
        _spokeAt = now;
        Safety.Require(IsOpen, "a block is asked for on a link that is not open", block.Piece);
        Safety.Require(!_isChoking || _allowed.Contains(block.Piece), "a block is asked for of a peer that chokes us", block.Piece);
        Safety.Require(_amInterested, "a block is asked for without interest", block.Piece);
        Safety.Require(options.Balance != BalancePolicy.Swarm || _has[block.Piece], "a block is asked for of a peer that does not have it", block.Piece);
        foreach (var (other, _) in Requested)
        {
            Safety.Require(other != block, "a block is asked for twice on one link", block.Piece);
        }

        Requested.Add((block, slot));
        var most = options.Balance == BalancePolicy.Swarm ? options.MaximumRequestDepth : MostRequestsInRounds;
        Safety.Require(Requested.Count <= most, $"{Requested.Count} requests are out on a link that may have {most}");
    }

    /// <summary>A request is over; false if it was not out.</summary>
    public bool TryEndRequest(BlockRequest block)
    {
        var at = Requested.FindIndex(requested => requested.Block == block);
        if (at >= 0)
        {
            Requested.RemoveAt(at);
        }

        return at >= 0;
    }

    /// <summary>The machine serves a block.</summary>
    public void Upload(Instant now, in BlockRequest block)
    {
        Safety.Require(TryAnswer(now, block), "a block is served that nobody asked for, or twice", block.Piece);
        Safety.Require(!_amChoking || _granted.Contains(block.Piece), "a block is served to a peer that we choke", block.Piece);
        (_uploadingCount, _uploadingBytes) = (_uploadingCount + 1, _uploadingBytes + block.Length);
    }

    /// <summary>Blocks that were to be served have left.</summary>
    public void Uploaded(Instant now, int count, long bytes)
    {
        _spokeAt = now;
        Left(now, count, bytes);
    }

    /// <summary>A block that was to be served could not be read: it is owed again.</summary>
    public void NotSent(Instant now, in BlockRequest block)
    {
        Left(now, 1, block.Length);
        _asked.Insert(0, block);
        _oldestWaitsSince = now;
    }

    /// <summary>Whether the peer knows of the piece: it was told, or told of it.</summary>
    public bool IsToldOf(PieceIndex piece) => _told[piece] || _has[piece];

    /// <summary>Whether the peer knows of all these.</summary>
    public bool IsToldOf(Bitfield pieces) => !_told.Lacks(pieces);

    public void CheckBounds() =>
        Safety.Require(_asked.Count <= MostAsked, $"{_asked.Count} requests of a peer wait, and {MostAsked} may");

    /// <summary>Whether what is owed to the peer was done in time.</summary>
    public void CheckTimes(Instant now)
    {
        Safety.Require(
            _asked.Count == 0 || !HasRoom || now - _oldestWaitsSince <= AnswerTime,
            $"a request is not answered within {AnswerTime.TotalSeconds:F0} s, and nothing stands before it", _asked.FirstOrDefault().Piece);
        Safety.Require(
            _spokeAt == Instant.Never || now - _spokeAt <= LongestSilence, $"nothing is said on a link for {LongestSilence.TotalMinutes:F0} minutes");
    }

    private bool HasRoom => _uploadingBytes < WindowBytes && _uploadingCount < WindowCount;

    private bool TryAnswer(Instant now, BlockRequest block)
    {
        var at = _asked.IndexOf(block);
        if (at >= 0)
        {
            _asked.RemoveAt(at);
        }

        _oldestWaitsSince = at == 0 ? now : _oldestWaitsSince;
        return at >= 0;
    }

    private void Left(Instant now, int count, long bytes)
    {
        _oldestWaitsSince = HasRoom ? _oldestWaitsSince : now;
        (_uploadingCount, _uploadingBytes) = (_uploadingCount - count, _uploadingBytes - bytes);
    }
}
