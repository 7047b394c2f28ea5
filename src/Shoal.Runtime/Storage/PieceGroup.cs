using System.Security.Cryptography;
using Shoal.Protocol;

namespace Shoal.Runtime.Storage;

/// <summary>Reads and hashes a few pieces at a time, for one worker: it holds the worker's buffer. Not thread-safe.</summary>
internal sealed class PieceGroup(PieceStore store) : IDisposable
{
    // Small enough that what was read is still in the core's cache when it is hashed.
    private const int ChunkLength = 256 * 1024;

    private readonly byte[] _buffer = GC.AllocateUninitializedArray<byte>(Math.Min(ChunkLength, store.Layout.PieceLength), pinned: true);
#pragma warning disable CA5350 // The protocol says SHA-1.
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA1);
#pragma warning restore CA5350

    /// <summary>How many pieces it likes to have at once.</summary>
    public int Size => 1;

    /// <summary>Hashes the pieces, telling of the bytes as it goes.</summary>
    public void Hash(ReadOnlySpan<int> pieces, ParallelHashing.Hashed hashed, Action<int> advanced)
    {
        foreach (var piece in pieces)
        {
            HashOne(new PieceIndex(piece), hashed, advanced);
        }
    }

    /// <summary>Frees the hash.</summary>
    public void Dispose() => _hash.Dispose();

    private void HashOne(PieceIndex piece, ParallelHashing.Hashed hashed, Action<int> advanced)
    {
        Span<byte> result = stackalloc byte[PieceHash.Sha1Length];
        StorageException? failure = null;
        try
        {
            var length = store.Layout.LengthOf(piece);
            for (var begin = 0; begin < length; begin += _buffer.Length)
            {
                var chunk = _buffer.AsSpan(0, Math.Min(_buffer.Length, length - begin));
                store.Read(piece, begin, chunk);
                _hash.AppendData(chunk);
                advanced(chunk.Length);
            }
        }
        catch (StorageException error)
        {
            failure = error;
        }

        _hash.GetHashAndReset(result);
        hashed(piece, new PieceHash(result), failure);
    }
}
