using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Shoal.Protocol;
using Shoal.Runtime;
using Shoal.Runtime.Storage;

namespace Shoal.Mpi.Copying;

/// <summary>What a thread beside the swarm has found out.</summary>
internal enum FindingKind : byte
{
    /// <summary>A piece was read from the sources; its hash is known, and it can be served.</summary>
    Read,

    /// <summary>Pieces cannot be read from the sources.</summary>
    Unreadable,

    /// <summary>A piece of the sources could not be written to our copy.</summary>
    WriteFailed,

    /// <summary>A piece that lay here from before has this hash.</summary>
    Checked,

    /// <summary>A piece that lay here from before cannot be used.</summary>
    Useless,

    /// <summary>A piece that lay here from before is right, and in its place.</summary>
    Adopted,
}

/// <summary>One finding.</summary>
internal readonly record struct Finding(FindingKind Kind, PieceIndex Piece, PieceHash Hash = default, int Count = 1, string Reason = "");

/// <summary>A thread's piece of memory.</summary>
internal sealed unsafe class PieceMemory(int length) : IDisposable
{
    private readonly void* _bytes = NativeMemory.Alloc((nuint)Math.Max(1, length));

    public Span<byte> Take(int count) => new(_bytes, count);

    public void Dispose() => NativeMemory.Free(_bytes);
}

/// <summary>
/// Reads this rank's share of the sources: each byte once, in order, hashed, written to our own copy, and kept for the others while it is in memory.
/// A thread of its own; what it found out is taken from <see cref="TryTake"/>.
/// </summary>
internal sealed unsafe class SourceReader : IDisposable
{
    private readonly ConcurrentQueue<Finding> _findings = new();
    private readonly Thread _thread;
    private volatile bool _isStopping;

    public SourceReader(PieceStore source, CopyHasher hasher, IPieceStore? own, PieceRange share, Bitfield kept, CopyStore store)
    {
        _thread = new Thread(() =>
        {
            try
            {
                Read(source, hasher, own, share, kept, store);
            }
            catch (ObjectDisposedException) when (_isStopping)
            {
            }
        }) { IsBackground = true, Name = "shoal source" };
        _thread.Start();
    }

    public bool TryTake(out Finding finding) => _findings.TryDequeue(out finding);

    /// <summary>Its stores may go: a job that fails does not wait for a thread whose disk hangs.</summary>
    public void Abandon() => _isStopping = true;

    public void Dispose()
    {
        _isStopping = true;
        _thread.Join();
    }

    private void Read(PieceStore source, CopyHasher hasher, IPieceStore? own, PieceRange share, Bitfield kept, CopyStore store)
    {
        for (var i = share.First.Value; i < share.End && !_isStopping; i++)
        {
            var piece = new PieceIndex(i);
            store.Pace?.Wait(source.Layout.PieceLength);
            var memory = store.Recent.Rent();
            var bytes = new Span<byte>((void*)memory, source.Layout.LengthOf(piece));
            try
            {
                source.Read(piece, 0, bytes);
            }
            catch (StorageException error)
            {
                store.Recent.Return(memory);
                _findings.Enqueue(new Finding(FindingKind.Unreadable, piece, Reason: error.Message));
                continue;
            }

            var hash = hasher.Hash(bytes);
            try
            {
                if (!kept[i])
                {
                    own?.Write(piece, 0, bytes);
                }
            }
            catch (StorageException error)
            {
                own = null; // the others go on, and get it from the sources
                _findings.Enqueue(new Finding(FindingKind.WriteFailed, piece, Reason: error.Message));
            }

            store.Recent.Keep(piece, memory);
            store.Pace?.Read(piece);
            _findings.Enqueue(new Finding(FindingKind.Read, piece, hash, Count: own is null ? 0 : 1));
        }
    }
}

/// <summary>
/// Hashes what lies here from before, and puts what turns out right in its place. A thread of its own; what it found out is taken
/// from <see cref="TryTake"/>.
/// </summary>
internal sealed class PresentChecker : IDisposable
{
    private readonly BlockingCollection<(PieceIndex Piece, bool Adopt)> _orders = [];
    private readonly ConcurrentQueue<Finding> _findings = new();
    private readonly Thread _thread;
    private volatile bool _isStopping;

    public PresentChecker(StagedStore store, CopyPlan plan, Bitfield candidates)
    {
        _thread = new Thread(() =>
        {
            try
            {
                Work(store, plan, candidates);
            }
            catch (ObjectDisposedException) when (_isStopping)
            {
            }
        }) { IsBackground = true, Name = "shoal check" };
        _thread.Start();
    }

    public bool TryTake(out Finding finding) => _findings.TryDequeue(out finding);

    /// <summary>The piece is right.</summary>
    public void Adopt(PieceIndex piece) => _orders.Add((piece, true));

    /// <inheritdoc cref="SourceReader.Abandon"/>
    public void Abandon() => _isStopping = true;

    public void Dispose()
    {
        _isStopping = true;
        _orders.CompleteAdding();
        _thread.Join();
        _orders.Dispose();
    }

    private void Work(StagedStore store, CopyPlan plan, Bitfield candidates)
    {
        using var memory = new PieceMemory(plan.Layout.PieceLength);
        for (var piece = candidates.NextSet(0); piece >= 0 && !_isStopping; piece = candidates.NextSet(piece + 1))
        {
            Do(store, plan, memory, new PieceIndex(piece), adopt: false);
            while (!_isStopping && _orders.TryTake(out var order))
            {
                Do(store, plan, memory, order.Piece, adopt: true);
            }
        }

        foreach (var order in _orders.GetConsumingEnumerable())
        {
            if (!_isStopping)
            {
                Do(store, plan, memory, order.Piece, adopt: true);
            }
        }
    }

    private void Do(StagedStore store, CopyPlan plan, PieceMemory memory, PieceIndex piece, bool adopt)
    {
        var bytes = memory.Take(plan.Layout.LengthOf(piece));
        try
        {
            store.ReadCandidate(piece, bytes);
            if (adopt)
            {
                store.Adopt(piece, bytes);
            }

            _findings.Enqueue(new Finding(adopt ? FindingKind.Adopted : FindingKind.Checked, piece, adopt ? default : plan.Hasher.Hash(bytes)));
        }
        catch (StorageException error)
        {
            _findings.Enqueue(new Finding(FindingKind.Useless, piece, Reason: error.Message));
        }
    }
}
