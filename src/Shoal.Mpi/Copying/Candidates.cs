using Shoal.Protocol;

namespace Shoal.Mpi.Copying;

/// <summary>
/// Pieces that lie here from before and may be right: two hashes come for each, of what lies here and of the source, in any order.
/// </summary>
internal sealed class Candidates(Bitfield pieces)
{
    private readonly Dictionary<PieceIndex, PieceHash> _sourceHashes = []; // of those that are not checked yet
    private readonly Dictionary<PieceIndex, PieceHash> _ownHashes = [];    // of those whose source hash is not known yet

    public Bitfield Pieces => pieces;

    /// <summary>The pieces that are neither of these, nor of those, nor in the range.</summary>
    public Bitfield AllBut(Bitfield those, PieceRange range)
    {
        var rest = new Bitfield(pieces.Length);
        for (var piece = 0; piece < rest.Length; piece++)
        {
            if (!those[piece] && !pieces[piece] && (piece < range.First.Value || piece >= range.End))
            {
                rest.Set(piece);
            }
        }

        return rest;
    }

    /// <summary>The piece comes by another way.</summary>
    public void Remove(PieceIndex piece)
    {
        pieces.Clear(piece.Value);
        _sourceHashes.Remove(piece);
        _ownHashes.Remove(piece);
    }

    /// <summary>What lies here has this hash. Whether it is right; null if that is not known yet, or no matter any more.</summary>
    public bool? Checked(PieceIndex piece, PieceHash own) => Match(piece, own, _sourceHashes, _ownHashes);

    /// <summary>The source has this hash. Whether what lies here is right; null if that is not known yet, or no matter.</summary>
    public bool? SourceKnown(PieceIndex piece, PieceHash source) => Match(piece, source, _ownHashes, _sourceHashes);

    private bool? Match(PieceIndex piece, PieceHash hash, Dictionary<PieceIndex, PieceHash> others, Dictionary<PieceIndex, PieceHash> same)
    {
        if (!pieces[piece])
        {
            return null;
        }

        if (others.Remove(piece, out var other))
        {
            return hash == other;
        }

        same[piece] = hash;
        return null;
    }
}
