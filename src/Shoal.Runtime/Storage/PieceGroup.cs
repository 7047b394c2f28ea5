using System.Security.Cryptography;
using Shoal.Protocol;

namespace Shoal.Runtime.Storage;

/// <summary>
/// Reads and hashes a few pieces at a time, for one worker: side by side where the processor can (<see cref="Sha1Lanes"/>),
/// else one after another. Holds the worker's buffer, whose size does not grow with the pieces. Not thread-safe.
/// </summary>
internal sealed class PieceGroup : IPieceWorker
{
    /// <summary>The most pieces that gain by being hashed together.</summary>
    public const int MaximumSize = Sha1Lanes.LaneCount;

    // Side by side costs the same for one piece as for sixteen: with fewer than this, one after another is faster.
    private const int FewestLanes = 5;

    // All lanes' chunks together about fit a core's second cache: what was read is mostly still there when it is hashed.
    private const int LaneChunkLength = 64 * 1024;
    private const int Stride = LaneChunkLength + Sha1Lanes.BlockLength;

    private readonly PieceStore _store;
    private readonly byte[] _buffer = GC.AllocateUninitializedArray<byte>(Stride * Sha1Lanes.LaneCount);
    private readonly Sha1Lanes? _lanes;
#pragma warning disable CA5350 // The protocol says SHA-1.
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA1);
#pragma warning restore CA5350

    public PieceGroup(PieceStore store)
    {
        _store = store;
        _lanes = Sha1Lanes.IsSupported && store.Layout.PieceLength % Sha1Lanes.BlockLength == 0 ? new Sha1Lanes() : null;
    }

    /// <inheritdoc/>
    public void Hash(ReadOnlySpan<int> pieces, ParallelHashing.Hashed hashed, Action<int> advanced)
    {
        // The last piece may be shorter than the others.
        var together = pieces;
        while (!together.IsEmpty && _store.Layout.LengthOf(new PieceIndex(together[^1])) != _store.Layout.PieceLength)
        {
            together = together[..^1];
        }

        if (_lanes is null || together.Length < FewestLanes || !TryHashTogether(_lanes, together, hashed, advanced))
        {
            together = [];
        }

        foreach (var piece in pieces[together.Length..])
        {
            HashOne(new PieceIndex(piece), hashed, advanced);
        }
    }

    /// <summary>Frees the hash.</summary>
    public void Dispose() => _hash.Dispose();

    /// <summary>False, and nothing told of any hash, if a piece could not be read; one by one it will show which.</summary>
    private bool TryHashTogether(Sha1Lanes lanes, ReadOnlySpan<int> pieces, ParallelHashing.Hashed hashed, Action<int> advanced)
    {
        var length = _store.Layout.PieceLength;
        lanes.Begin();
        for (var begin = 0; begin < length; begin += LaneChunkLength)
        {
            var chunk = Math.Min(LaneChunkLength, length - begin);
            try
            {
                for (var lane = 0; lane < pieces.Length; lane++)
                {
                    _store.Read(new PieceIndex(pieces[lane]), begin, _buffer.AsSpan(lane * Stride, chunk));
                }
            }
            catch (StorageException)
            {
                advanced(-begin * pieces.Length);
                return false;
            }

            lanes.Append(_buffer, Stride, chunk);
            advanced(chunk * pieces.Length);
        }

        Span<PieceHash> hashes = stackalloc PieceHash[Sha1Lanes.LaneCount];
        lanes.End(length, hashes);
        for (var lane = 0; lane < pieces.Length; lane++)
        {
            hashed(new PieceIndex(pieces[lane]), hashes[lane], null);
        }

        return true;
    }

    private void HashOne(PieceIndex piece, ParallelHashing.Hashed hashed, Action<int> advanced)
    {
        Span<byte> result = stackalloc byte[PieceHash.Sha1Length];
        StorageException? failure = null;
        try
        {
            var length = _store.Layout.LengthOf(piece);
            for (var begin = 0; begin < length; begin += _buffer.Length)
            {
                var chunk = _buffer.AsSpan(0, Math.Min(_buffer.Length, length - begin));
                _store.Read(piece, begin, chunk);
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
