using Shoal.Engine;
using Shoal.Protocol;
using Shoal.Protocol.Wire;

namespace Shoal.Simulation.Fuzzing;

/// <summary>
/// What has gone over one link, as its machine was told and told others: enough to say what may follow. The rules are those of BEP 3
/// and 6 and of <see cref="OutputKind"/>.
/// </summary>
internal sealed class LinkLedger(int pieceCount)
{
    /// <summary>What a peer may have waiting (the engine tells it so, reqq), and what may be handed to the driver besides.</summary>
    private const int MostAsked = 2048 + 256;

    private readonly Bitfield _has = new(pieceCount);
    private readonly HashSet<PieceIndex> _allowed = [];
    private readonly HashSet<PieceIndex> _granted = [];
    private readonly List<BlockRequest> _asked = []; // by the peer, and neither sent nor rejected
    private bool _isChoking = true;
    private bool _amChoking = true;
    private bool _amInterested;

    /// <summary>Whether the machine knows that it is open.</summary>
    public bool IsOpen { get; set; }

    /// <summary>Blocks asked of the peer and not forgotten, and the slots they shall lie in.</summary>
    public List<(BlockRequest Block, BufferSlot Slot)> Requested { get; } = [];

    /// <summary>The peer says something.</summary>
    public void Received(in PeerMessage message)
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
                _asked.Add(message.Block);
                break;
            default:
                break;
        }
    }

    /// <summary>The machine says something.</summary>
    public void Sent(in PeerMessage message)
    {
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
                Safety.Require(_asked.Remove(message.Block), "a request is rejected that was not made, or was answered", message.Piece);
                break;
            default:
                break;
        }
    }

    /// <summary>The machine asks for a block.</summary>
    public void Request(in BlockRequest block, BufferSlot slot, int maximumDepth)
    {
        Safety.Require(IsOpen, "a block is asked for on a link that is not open", block.Piece);
        Safety.Require(!_isChoking || _allowed.Contains(block.Piece), "a block is asked for of a peer that chokes us", block.Piece);
        Safety.Require(_amInterested, "a block is asked for without interest", block.Piece);
        Safety.Require(_has[block.Piece], "a block is asked for of a peer that does not have it", block.Piece);
        foreach (var (other, _) in Requested)
        {
            Safety.Require(other != block, "a block is asked for twice on one link", block.Piece);
        }

        Requested.Add((block, slot));
        Safety.Require(Requested.Count <= maximumDepth, $"{Requested.Count} requests are out on a link that may have {maximumDepth}");
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
    public void Upload(in BlockRequest block)
    {
        Safety.Require(_asked.Remove(block), "a block is served that nobody asked for, or twice", block.Piece);
        Safety.Require(!_amChoking || _granted.Contains(block.Piece), "a block is served to a peer that we choke", block.Piece);
    }

    /// <summary>A block that was to be served could not be read.</summary>
    public void NotSent(in BlockRequest block) => _asked.Add(block);

    public void CheckBounds() =>
        Safety.Require(_asked.Count <= MostAsked, $"{_asked.Count} requests of a peer wait, and {MostAsked} may");
}
