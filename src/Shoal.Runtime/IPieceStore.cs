using Shoal.Protocol;
using Shoal.Runtime.Storage;

namespace Shoal.Runtime;

/// <summary>
/// Where a swarm's pieces lie. Thread-safe: several workers read and write different ranges at once. A failure is a
/// <see cref="StorageException"/>, whose message is one line for the user.
/// </summary>
public interface IPieceStore
{
    /// <summary>Writes to the piece from the offset <paramref name="begin"/> (bytes) on.</summary>
    void Write(PieceIndex piece, int begin, ReadOnlySpan<byte> bytes);

    /// <summary>Fills <paramref name="destination"/> from the piece's offset <paramref name="begin"/> (bytes) on.</summary>
    void Read(PieceIndex piece, int begin, Span<byte> destination);

    /// <summary>
    /// The block where it lies, to be sent from there: in memory or, if the caller <paramref name="mayMap"/> it, where the kernel keeps it.
    /// Null where it can only be read.
    /// </summary>
    LentBytes? TryLend(in BlockRequest block, bool mayMap) => null;

    /// <summary>
    /// Reads blocks one behind the other into <paramref name="destination"/>, leaving <paramref name="gapBefore"/>
    /// bytes untouched before each: room for a header, so that all go out with one send. Returns the bytes used, gaps included. One by one, unless a store knows a better way.
    /// </summary>
    int ReadBlocks(ReadOnlySpan<BlockRequest> blocks, Span<byte> destination, int gapBefore)
    {
        var position = 0;
        foreach (var block in blocks)
        {
            position += gapBefore;
            Read(block.Piece, block.Begin, destination.Slice(position, block.Length));
            position += block.Length;
        }

        return position;
    }
}
