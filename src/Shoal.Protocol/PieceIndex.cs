namespace Shoal.Protocol;

/// <summary>The number of a piece in its torrent, from 0. Ask <see cref="PieceLayout"/> whether it is in range.</summary>
public readonly record struct PieceIndex(int Value) : IComparable<PieceIndex>
{
    /// <summary>In order of the number.</summary>
    public int CompareTo(PieceIndex other) => Value.CompareTo(other.Value);

    /// <summary>The number.</summary>
    public override string ToString() => Value.ToString();
}

/// <summary>A range within a piece that is asked for or sent in one message (BEP 3): offsets and lengths in bytes.</summary>
public readonly record struct BlockRequest(PieceIndex Piece, int Begin, int Length)
{
    /// <summary>"piece 3, bytes 16384+16384".</summary>
    public override string ToString() => $"piece {Piece}, bytes {Begin}+{Length}";
}

/// <summary>Pieces that follow each other: <paramref name="Count"/> from <paramref name="First"/> on.</summary>
public readonly record struct PieceRange(PieceIndex First, int Count)
{
    /// <summary>The number behind the last one's.</summary>
    public int End => First.Value + Count;
}
