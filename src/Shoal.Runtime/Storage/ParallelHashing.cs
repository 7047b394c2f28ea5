using Shoal.Engine.Resume;
using Shoal.Protocol;

namespace Shoal.Runtime.Storage;

/// <summary>Content whose pieces can be read and hashed: as it lies there, or as it is sealed. Thread-safe.</summary>
internal interface IHashedContent
{
    /// <summary>How what is hashed is cut.</summary>
    PieceLayout Layout { get; }

    /// <summary>What to do about a piece of which there are only holes on disk.</summary>
    PieceVerdict VerdictOfHole(PieceIndex piece);

    /// <summary>What one thread needs to hash.</summary>
    IPieceWorker StartWorker();
}

/// <summary>Reads and hashes pieces on one thread.</summary>
internal interface IPieceWorker : IDisposable
{
    /// <summary>Hashes the pieces, telling of the bytes as it goes.</summary>
    void Hash(ReadOnlySpan<int> pieces, ParallelHashing.Hashed hashed, Action<int> advanced);
}

/// <summary>
/// Reads and hashes many pieces of some content, on a thread per processor. Pieces are independent, so each worker takes the
/// next group of them; memory is what the workers have.
/// </summary>
internal sealed class ParallelHashing(IHashedContent content, int[] pieces, Action<long>? progress)
{
    private const int ProgressStep = 4 * 1024 * 1024;

    private int _groupSize;
    private int _next;
    private long _hashedBytes;
    private volatile bool _stop;

    /// <summary>Told of each piece by whichever worker hashed it: the hash, or why it could not be read.</summary>
    public delegate void Hashed(PieceIndex piece, PieceHash hash, StorageException? error);

    /// <summary>Bytes read and hashed so far.</summary>
    public long HashedBytes => Interlocked.Read(ref _hashedBytes);

    /// <summary>Hashes all; the first exception that <paramref name="hashed"/> throws ends it.</summary>
    public async Task RunAsync(Hashed hashed, CancellationToken cancellation)
    {
        var workers = new Task[Math.Max(1, Math.Min(Environment.ProcessorCount, pieces.Length))];
        _groupSize = Math.Clamp((pieces.Length + workers.Length - 1) / workers.Length, 1, PieceGroup.MaximumSize);
        for (var i = 0; i < workers.Length; i++)
        {
            workers[i] = Task.Factory.StartNew(
                () => Work(hashed, cancellation), cancellation, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        }

        await Task.WhenAll(workers);
        progress?.Invoke(HashedBytes);
    }

    private void Work(Hashed hashed, CancellationToken cancellation)
    {
        try
        {
            using var worker = content.StartWorker();
            var unreported = 0L;
            while (!_stop && Interlocked.Add(ref _next, _groupSize) - _groupSize is var start && start < pieces.Length)
            {
                var end = Math.Min(start + _groupSize, pieces.Length);
                worker.Hash(pieces.AsSpan(start, end - start), hashed, bytes =>
                {
                    cancellation.ThrowIfCancellationRequested();
                    var total = Interlocked.Add(ref _hashedBytes, bytes);
                    unreported += bytes;
                    if (unreported >= ProgressStep)
                    {
                        unreported = 0;
                        progress?.Invoke(total);
                    }
                });
            }
        }
        catch
        {
            _stop = true;
            throw;
        }
    }
}
