namespace Shoal.Protocol;

/// <summary>
/// How a torrent's content is cut: total length into pieces, pieces into blocks. All pieces but the last, and all
/// blocks of a piece but its last, have full length. Immutable.
/// </summary>
public sealed record PieceLayout
{
    /// <summary>The block length that every client asks for: 16 KiB.</summary>
    public const int DefaultBlockLength = 16 * 1024;

    /// <summary>The largest piece we accept: 256 MiB. A piece must fit a buffer slot.</summary>
    public const int MaximumPieceLength = 256 * 1024 * 1024;

    /// <summary>The largest number of pieces we accept: 8 million (a bitfield of 1 MiB).</summary>
    public const int MaximumPieceCount = 8 * 1024 * 1024;

    /// <summary>Lays out <paramref name="totalLength"/> bytes.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A length is negative, zero where it must not be, or beyond our limits.</exception>
    public PieceLayout(long totalLength, int pieceLength, int blockLength = DefaultBlockLength)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(totalLength);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(pieceLength);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(pieceLength, MaximumPieceLength);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(blockLength);
        var pieces = (totalLength / pieceLength) + (totalLength % pieceLength == 0 ? 0 : 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(pieces, MaximumPieceCount, nameof(totalLength));
        TotalLength = totalLength;
        PieceLength = pieceLength;
        BlockLength = Math.Min(blockLength, pieceLength);
        PieceCount = (int)pieces;
    }

    /// <summary>Bytes in all.</summary>
    public long TotalLength { get; }

    /// <summary>Bytes in every piece but the last.</summary>
    public int PieceLength { get; }

    /// <summary>Bytes in every block but a piece's last.</summary>
    public int BlockLength { get; }

    /// <summary>The number of pieces; 0 for an empty torrent.</summary>
    public int PieceCount { get; }

    /// <summary>The length in bytes of a bitfield message for this layout.</summary>
    public int BitfieldLength => (PieceCount + 7) / 8;

    /// <summary>Whether the index names a piece of this layout.</summary>
    public bool Contains(PieceIndex piece) => (uint)piece.Value < (uint)PieceCount;

    /// <summary>Where the piece begins in the content, in bytes.</summary>
    public long OffsetOf(PieceIndex piece) => (long)piece.Value * PieceLength;

    /// <summary>The piece's length in bytes.</summary>
    public int LengthOf(PieceIndex piece) => (int)Math.Min(PieceLength, TotalLength - OffsetOf(piece));

    /// <summary>The pieces that hold a byte of the range; none if it is empty.</summary>
    public PieceRange PiecesOf(long offset, long length)
    {
        var first = (int)(offset / PieceLength);
        return new PieceRange(new PieceIndex(first), length == 0 ? 0 : (int)((offset + length - 1) / PieceLength) - first + 1);
    }

    /// <summary>The number of blocks in the piece.</summary>
    public int BlockCountOf(PieceIndex piece) => (LengthOf(piece) + BlockLength - 1) / BlockLength;

    /// <summary>The request for the <paramref name="block"/>-th block of the piece.</summary>
    public BlockRequest BlockAt(PieceIndex piece, int block)
    {
        var begin = block * BlockLength;
        return new BlockRequest(piece, begin, Math.Min(BlockLength, LengthOf(piece) - begin));
    }

    /// <summary>Whether the range lies within its piece and is not empty. Says nothing of block boundaries.</summary>
    public bool Contains(BlockRequest request) =>
        Contains(request.Piece) && request.Begin >= 0 && request.Length > 0 &&
        request.Begin <= LengthOf(request.Piece) - request.Length;

    /// <summary>Which block this is, if it is exactly one block of this layout; else -1.</summary>
    public int BlockIndexOf(BlockRequest request) =>
        Contains(request) && request.Begin % BlockLength == 0 &&
        BlockAt(request.Piece, request.Begin / BlockLength) == request
            ? request.Begin / BlockLength
            : -1;
}
