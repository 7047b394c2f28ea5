using Shoal.Protocol;

namespace Shoal.Engine.Picking;

/// <summary>
/// The pieces being fetched. Those that have free blocks stand in a list of their own, because a pick looks through it
/// for every block. Invariant, after <see cref="Update"/>: a piece is in that list exactly while it has free blocks.
/// </summary>
internal sealed class PartialPieces
{
    private readonly List<PartialPiece> _all = [];
    private readonly List<PartialPiece> _withFree = [];
    private readonly Dictionary<int, PartialPiece> _byPiece = [];
    private long _openedCount;

    /// <summary>All, in order of opening.</summary>
    public List<PartialPiece> All => _all;

    /// <summary>Those with free blocks, in order of opening.</summary>
    public List<PartialPiece> WithFree => _withFree;

    public PartialPiece? Find(PieceIndex piece) => _byPiece.GetValueOrDefault(piece.Value);

    public PartialPiece Open(PieceIndex piece, int blockCount)
    {
        var partial = new PartialPiece(piece, blockCount, ++_openedCount);
        _byPiece.Add(piece.Value, partial);
        _all.Add(partial);
        Update(partial);
        return partial;
    }

    public void Close(PartialPiece partial)
    {
        _byPiece.Remove(partial.Piece.Value);
        _all.Remove(partial);
        _withFree.Remove(partial);
    }

    /// <summary>To be called whenever a piece's free blocks may have become some or none.</summary>
    public void Update(PartialPiece partial)
    {
        if (partial.FreeCount > 0 == partial.IsListedAsFree)
        {
            return;
        }

        partial.IsListedAsFree = !partial.IsListedAsFree;
        if (!partial.IsListedAsFree)
        {
            _withFree.Remove(partial);
            return;
        }

        var at = _withFree.Count;
        while (at > 0 && _withFree[at - 1].Sequence > partial.Sequence)
        {
            at--;
        }

        _withFree.Insert(at, partial);
    }
}
