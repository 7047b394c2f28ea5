namespace Shoal.Protocol.Metadata;

/// <summary>Chooses a piece length: long enough for a small metainfo, short enough to spread soon.</summary>
public static class PieceLengthRule
{
    /// <summary>The shortest it chooses: 16 KiB.</summary>
    public const int Shortest = 16 * 1024;

    /// <summary>The longest it chooses: 16 MiB.</summary>
    public const int Longest = 16 * 1024 * 1024;

    private const int MostPieces = 2000;

    /// <summary>The power of two that gives 1,000 to 2,000 pieces, between <see cref="Shortest"/> and <see cref="Longest"/>, in bytes.</summary>
    public static int For(long totalLength)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(totalLength);
        var length = Shortest;
        while (length < Longest && totalLength > (long)length * MostPieces)
        {
            length *= 2;
        }

        return length;
    }
}
