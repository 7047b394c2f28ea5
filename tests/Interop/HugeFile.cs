using Shoal.Interop.Foreign;

namespace Shoal.Interop;

/// <summary>
/// A file of over 4 GiB, most of it holes. Random bytes lie where a number of 31 or of 32 bits would overflow,
/// and from there to the end.
/// </summary>
internal static class HugeFile
{
    public const int PieceLength = 4 * Payload.MiB;

    /// <summary>The bytes of all pieces that are not zeros: the first, two about 2 GiB, and all from <see cref="Tail"/> on.</summary>
    public const long MissingLength = (3 * PieceLength) + Length - Tail;

    private const string Name = "huge";
    private const long Length = (4L << 30) + (64 * Payload.MiB) + 1;
    private const long Tail = (4L << 30) - PieceLength;

    public static string Write(string folder) => Payload.WriteSparse(
        Path.Combine(folder, Name), Length, (12_345, 50_000), ((2L << 30) - 9, 50_000), (Tail, Length - Tail));

    /// <summary>Its beginning, up to where the random bytes of the end begin, and zeros throughout.</summary>
    public static void WriteHoles(string folder) => Payload.WriteSparse(Path.Combine(folder, Name), Tail);
}
