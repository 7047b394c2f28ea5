using Shoal.Protocol;

namespace Shoal.Runtime.Storage;

/// <summary>Hashes content into the piece hashes of a new torrent (BEP 3), with all processors.</summary>
public static class ContentHasher
{
    /// <summary>
    /// The hashes of all pieces, 20 bytes each. Open the store read-only: then a file that changes meanwhile is noticed.
    /// <paramref name="progress"/> gets the bytes hashed so far, from any thread and sometimes out of order.
    /// </summary>
    /// <exception cref="StorageException">A file cannot be read, or changed.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static Task<byte[]> HashAsync(PieceStore store, Action<long>? progress = null, CancellationToken cancellation = default) =>
        HashContentAsync(store, progress, cancellation);

    /// <summary>The same of what is sealed, as it is sealed.</summary>
    /// <inheritdoc cref="HashAsync(PieceStore, Action{long}?, CancellationToken)"/>
    public static Task<byte[]> HashAsync(SealedContent content, Action<long>? progress = null, CancellationToken cancellation = default) =>
        HashContentAsync(content, progress, cancellation);

    private static async Task<byte[]> HashContentAsync(IHashedContent content, Action<long>? progress, CancellationToken cancellation)
    {
        var count = content.Layout.PieceCount;
        var hashes = new byte[count * PieceHash.Sha1Length];
        var hashing = new ParallelHashing(content, [.. Enumerable.Range(0, count)], progress);
        await hashing.RunAsync(
            (piece, hash, error) =>
            {
                if (error is not null)
                {
                    throw error;
                }

                hash.WriteTo(hashes.AsSpan(piece.Value * PieceHash.Sha1Length, PieceHash.Sha1Length));
            },
            cancellation);
        return hashes;
    }
}
