using System.Numerics;
using Shoal.Protocol.Metadata;

namespace Shoal.Protocol.Secrets;

/// <summary>
/// The lengths of a secret share (docs/secret-shares.md): each piece of the torrent is a piece of plaintext and its tag, so there are as
/// many of the one as of the other, with the same numbers.
/// </summary>
public static class SealedLayout
{
    /// <summary>Length in bytes of the tag at a piece's end.</summary>
    public const int TagLength = 16;

    /// <summary>The longest sealed piece, in bytes: 16 MiB. Each is sealed and opened as a whole, in memory.</summary>
    public const int MaximumPieceLength = PieceLengthRule.Longest;

    // For a block a whole piece is sealed: long ones cost time and memory. So none are, unless there would be very many.
    private const int LongestPreferred = 4 * 1024 * 1024;
    private const long MostPieces = 1 << 18;

    /// <summary>How content of that length, padded, is cut when it is sealed. Null: into more pieces than there may be.</summary>
    /// <param name="contentLength">Bytes of all files.</param>
    /// <param name="pieceLength">Bytes of a sealed piece, more than 16 and at most <see cref="MaximumPieceLength"/>. Null: as suits the length.</param>
    public static PieceLayout? For(long contentLength, int? pieceLength = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(pieceLength ?? MaximumPieceLength, TagLength, nameof(pieceLength));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(pieceLength ?? MaximumPieceLength, MaximumPieceLength, nameof(pieceLength));
        var padded = Pad(contentLength);
        var length = pieceLength ?? ChoosePieceLength(padded);
        var perPiece = length - TagLength;
        var pieces = (padded + perPiece - 1) / perPiece;
        return pieces > PieceLayout.MaximumPieceCount ? null : new PieceLayout(padded + (pieces * TagLength), length);
    }

    /// <summary>How the plaintext of what is sealed so is cut. Null: no share is sealed so.</summary>
    public static PieceLayout? PlainOf(PieceLayout layout)
    {
        var isPossible = layout is { PieceCount: > 0, PieceLength: <= MaximumPieceLength } && layout.LengthOf(new PieceIndex(layout.PieceCount - 1)) > TagLength;
        return isPossible ? new PieceLayout(layout.TotalLength - ((long)layout.PieceCount * TagLength), layout.PieceLength - TagLength) : null;
    }

    /// <summary>
    /// The length to which content is padded: one of few. Padmé (Nikitin et al., "Reducing Metadata Leakage from Encrypted Files",
    /// 2019): keeps as many leading bits as the exponent has, so a length of b bits tells about log b of them, for at most 12 %.
    /// </summary>
    public static long Pad(long contentLength)
    {
        var length = Math.Max(contentLength, PieceLengthRule.Shortest - TagLength);
        var exponent = BitOperations.Log2((ulong)length);
        var mask = (1L << (exponent - BitOperations.Log2((uint)exponent) - 1)) - 1;
        return length == PieceLengthRule.Shortest - TagLength ? length : (length + mask) & ~mask;
    }

    private static int ChoosePieceLength(long padded)
    {
        var length = PieceLengthRule.For(padded);
        return length > LongestPreferred && padded / LongestPreferred < MostPieces ? LongestPreferred : length;
    }
}
