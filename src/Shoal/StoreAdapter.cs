using Shoal.Protocol;
using Shoal.Runtime;
using Shoal.Runtime.Storage;

namespace Shoal;

/// <summary>
/// A store as the host wants it. A store that only serves refuses to be written to as a disk would: then what was lost
/// of it stays lost, and a file that its owner has changed stays as he left it.
/// </summary>
internal sealed class StoreAdapter(PieceStore store) : IPieceStore
{
    public void Write(PieceIndex piece, int begin, ReadOnlySpan<byte> data)
    {
        if (store.IsReadOnly)
        {
            throw new IOException($"'{store.Root}' is only shared, never written to");
        }

        try
        {
            store.Write(piece, begin, data);
        }
        catch (StorageException error)
        {
            throw new IOException(error.Message, error);
        }
    }

    public void Read(PieceIndex piece, int begin, Span<byte> destination)
    {
        try
        {
            store.Read(piece, begin, destination);
        }
        catch (StorageException error)
        {
            throw new IOException(error.Message, error);
        }
    }

    public void ReadBlocks(ReadOnlySpan<BlockRequest> blocks, Memory<byte> destination, int gapBefore)
    {
        try
        {
            store.ReadBlocks(blocks, destination.Span, gapBefore);
        }
        catch (StorageException error)
        {
            throw new IOException(error.Message, error);
        }
    }
}
