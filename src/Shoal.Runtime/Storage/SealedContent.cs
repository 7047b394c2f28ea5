using System.Buffers;
using System.Collections.Concurrent;
using Shoal.Engine.Resume;
using Shoal.Protocol;
using Shoal.Protocol.Secrets;

namespace Shoal.Runtime.Storage;

/// <summary>
/// Plain files seen as the sealed pieces of a secret share (docs/secret-shares.md), and the other way round: what is read is sealed, what is
/// written is opened. What it reads is <b>not fit to be sent</b>: if a file changed, it is another text under the same nonce. <see cref="SealedStore"/>
/// compares. Thread-safe; every method blocks.
/// </summary>
/// <param name="plain">The files, cut as <see cref="SealedLayout.PlainOf"/> says. Remains the caller's.</param>
/// <param name="layout">How the torrent is cut.</param>
/// <param name="key">What seals.</param>
public sealed class SealedContent(PieceStore plain, PieceLayout layout, SecretKey key) : IHashedContent, IDisposable
{
    private readonly ConcurrentBag<PieceSealer> _sealers = []; // as many as ever sealed at once

    /// <summary>How the torrent is cut.</summary>
    public PieceLayout Layout => layout;

    /// <summary>The files.</summary>
    public PieceStore Plain => plain;

    /// <summary>Reads the whole piece and seals it.</summary>
    /// <exception cref="StorageException">A file cannot be read, or changed.</exception>
    public void Read(PieceIndex piece, Span<byte> destination)
    {
        plain.Read(piece, 0, destination[..^SealedLayout.TagLength]);
        var sealer = TakeSealer();
        sealer.Seal(piece, destination);
        _sealers.Add(sealer);
    }

    /// <summary>Opens the whole piece and writes what was in it. False, and nothing is written, if it is not what the key sealed.</summary>
    /// <exception cref="StorageException">A file cannot be written.</exception>
    public bool TryWrite(PieceIndex piece, ReadOnlySpan<byte> bytes)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(bytes.Length);
        try
        {
            var opened = buffer.AsSpan(0, bytes.Length - SealedLayout.TagLength);
            var sealer = TakeSealer();
            var isRight = sealer.TryOpen(piece, bytes, opened);
            _sealers.Add(sealer);
            if (isRight)
            {
                plain.Write(piece, 0, opened);
            }

            return isRight;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Frees the ciphers.</summary>
    public void Dispose()
    {
        while (_sealers.TryTake(out var sealer))
        {
            sealer.Dispose();
        }
    }

    // A hole in a file may be zeros that belong there. Who only serves must look; else the piece is merely fetched again, and
    // so is padding, for who had that alone would show where the content ends.
    PieceVerdict IHashedContent.VerdictOfHole(PieceIndex piece) => plain.IsReadOnly ? PieceVerdict.Check : PieceVerdict.Absent;

    IPieceWorker IHashedContent.StartWorker() => new Worker(this);

    private PieceSealer TakeSealer() => _sealers.TryTake(out var sealer) ? sealer : new PieceSealer(key, layout);

    /// <summary>Holds one piece, since it is sealed as a whole.</summary>
    private sealed class Worker(SealedContent content) : IPieceWorker
    {
        private readonly byte[] _buffer = GC.AllocateUninitializedArray<byte>(content.Layout.PieceLength);

        public void Hash(ReadOnlySpan<int> pieces, ParallelHashing.Hashed hashed, Action<int> advanced)
        {
            foreach (var index in pieces)
            {
                var piece = new PieceIndex(index);
                var bytes = _buffer.AsSpan(0, content.Layout.LengthOf(piece));
                PieceHash hash = default;
                StorageException? failure = null;
                try
                {
                    content.Read(piece, bytes);
                    hash = PieceHasher.Hash(bytes);
                }
                catch (StorageException error)
                {
                    failure = error;
                }

                advanced(bytes.Length);
                hashed(piece, hash, failure);
            }
        }

        public void Dispose()
        {
            // There is only memory.
        }
    }
}
