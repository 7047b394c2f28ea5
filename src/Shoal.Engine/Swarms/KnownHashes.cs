using Shoal.Protocol;

namespace Shoal.Engine.Swarms;

/// <summary>
/// What the pieces' hashes shall be: all from the beginning, or one by one as they become known. Invariant: a hash that is
/// known never changes.
/// </summary>
internal sealed class KnownHashes
{
    private readonly ReadOnlyMemory<byte> _hashes;
    private readonly byte[]? _following;
    private readonly Bitfield? _known; // null: all

    public KnownHashes(int pieceCount, ReadOnlyMemory<byte> hashes)
    {
        _hashes = hashes;
        if (hashes.IsEmpty)
        {
            _hashes = _following = new byte[pieceCount * PieceHash.Sha1Length];
            _known = new Bitfield(pieceCount);
        }
    }

    /// <summary>The piece's hash; null if it is not known yet.</summary>
    public PieceHash? Find(PieceIndex piece) => _known?[piece.Value] == false
        ? null
        : new PieceHash(_hashes.Span.Slice(piece.Value * PieceHash.Sha1Length, PieceHash.Sha1Length));

    /// <summary>The piece's hash has become known. False if it was.</summary>
    public bool Add(PieceIndex piece, PieceHash hash)
    {
        if (_known?.Set(piece.Value) != true)
        {
            return false;
        }

        hash.WriteTo(_following.AsSpan(piece.Value * PieceHash.Sha1Length, PieceHash.Sha1Length));
        return true;
    }
}
