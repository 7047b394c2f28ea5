using Shoal.Protocol;
using Shoal.Runtime;
using Shoal.Runtime.Storage;

namespace Shoal;

/// <summary>
/// A store that only serves, as the host wants it: it refuses to be written to as a disk would. What was lost of it stays
/// lost, and a file that its owner has changed stays as he left it.
/// </summary>
internal sealed class ReadOnlyStore(IPieceStore store, string root) : IPieceStore
{
    public void Write(PieceIndex piece, int begin, ReadOnlySpan<byte> data) =>
        throw new StorageException(StorageErrorKind.PermissionDenied, $"'{root}' is only shared, never written to");

    public void Read(PieceIndex piece, int begin, Span<byte> destination) => store.Read(piece, begin, destination);

    public int ReadBlocks(ReadOnlySpan<BlockRequest> blocks, Span<byte> destination, int gapBefore) =>
        store.ReadBlocks(blocks, destination, gapBefore);
}
