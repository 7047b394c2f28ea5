using Shoal.Engine;
using Shoal.Protocol;
using Shoal.Runtime.Storage;

namespace Shoal.Runtime.Hosting;

/// <summary>What a worker does to a piece: the engine's output, and what its swarm and its slot had at that time.</summary>
internal readonly record struct DiskJob(Output Order, SwarmResources Resources, nint Address)
{
    public PieceLayout Layout => Resources.Layout!;

    public IPieceStore Store => Resources.Store ?? throw new InvalidOperationException("the swarm has no store yet");
}

/// <summary>
/// The threads that hash, write, spill and restore pieces. First come, first served. The queue needs no bound of its
/// own: a job holds a slot, and slots are bounded. Without threads each job is done within the turn that orders it.
/// </summary>
internal sealed class DiskWorkers
{
    private readonly object _gate = new();
    private readonly Queue<DiskJob> _jobs = new();
    private readonly Thread[] _threads;
    private readonly ILinkEvents _events;
    private readonly Action<Exception> _fail;
    private bool _isStopping;

    public DiskWorkers(int count, ILinkEvents events, Action<Exception> fail)
    {
        _events = events;
        _fail = fail;
        _threads = new Thread[count];
        for (var i = 0; i < count; i++)
        {
            _threads[i] = new Thread(Work) { IsBackground = true, Name = $"shoal disk {i}" };
            _threads[i].Start();
        }
    }

    public void Enqueue(in DiskJob job)
    {
        if (_threads.Length == 0)
        {
            var answer = Do(job);
            _events.Post(new ReadOnlySpan<Input>(in answer));
            return;
        }

        lock (_gate)
        {
            _jobs.Enqueue(job);
            Monitor.Pulse(_gate);
        }
    }

    /// <summary>Lets each thread finish the job it has, forgets the others, and waits.</summary>
    public void Stop()
    {
        lock (_gate)
        {
            _isStopping = true;
            _jobs.Clear();
            Monitor.PulseAll(_gate);
        }

        foreach (var thread in _threads)
        {
            if (thread != Thread.CurrentThread)
            {
                thread.Join();
            }
        }
    }

    private void Work()
    {
        while (TryTake(out var job))
        {
            try
            {
                var answer = Do(job);
                _events.Post(new ReadOnlySpan<Input>(in answer));
            }
#pragma warning disable CA1031 // a thread of ours has nobody above it: the host stops and says so
            catch (Exception exception)
#pragma warning restore CA1031
            {
                _fail(exception);
            }
        }
    }

    private bool TryTake(out DiskJob job)
    {
        lock (_gate)
        {
            while (_jobs.Count == 0 && !_isStopping)
            {
                Monitor.Wait(_gate);
            }

            return _jobs.TryDequeue(out job);
        }
    }

    private static unsafe Input Do(in DiskJob job)
    {
        var order = job.Order;
        var answer = new Input(InputKind.Timer, order.Swarm, Message: order.Message, Slot: order.Slot);
        var bytes = new Span<byte>((void*)job.Address, job.Layout.LengthOf(order.Piece));
        try
        {
            switch (order.Kind)
            {
                case OutputKind.Hash:
                    return answer with { Kind = InputKind.PieceHashed, Hash = job.Resources.Hash(bytes) };
                case OutputKind.Write:
                    job.Store.Write(order.Piece, 0, bytes);
                    return answer with { Kind = InputKind.PieceWritten };
                case OutputKind.Spill:
                    Spill(job, bytes);
                    return answer with { Kind = InputKind.BlocksSpilled };
                default:
                    Restore(job, bytes);
                    return answer with { Kind = InputKind.BlocksRestored };
            }
        }
        catch (Exception exception) when (exception is StorageException or IOException or UnauthorizedAccessException)
        {
            var kind = order.Kind == OutputKind.Restore ? InputKind.ReadFailed : InputKind.WriteFailed;
            return answer with { Kind = kind, Detail = exception.Message };
        }
    }

    private static void Spill(in DiskJob job, ReadOnlySpan<byte> bytes)
    {
        var blocks = Blocks(job);
        for (var from = blocks.NextSet(0); from >= 0;)
        {
            var (begin, end, next) = RunAt(job.Layout, blocks, from, bytes.Length);
            job.Store.Write(job.Order.Piece, begin, bytes[begin..end]);
            from = next;
        }
    }

    private static void Restore(in DiskJob job, Span<byte> bytes)
    {
        var blocks = Blocks(job);
        for (var from = blocks.NextSet(0); from >= 0;)
        {
            var (begin, end, next) = RunAt(job.Layout, blocks, from, bytes.Length);
            job.Store.Read(job.Order.Piece, begin, bytes[begin..end]);
            from = next;
        }
    }

    private static Bitfield Blocks(in DiskJob job) =>
        job.Order.Detail as Bitfield ?? throw new InvalidOperationException($"{job.Order.Kind} names no blocks");

    // The bytes of the run of set bits that begins with the given one, and the first set bit behind it.
    private static (int Begin, int End, int Next) RunAt(PieceLayout layout, Bitfield blocks, int from, int length)
    {
        var clear = blocks.NextClear(from);
        return clear < 0
            ? (from * layout.BlockLength, length, -1)
            : (from * layout.BlockLength, Math.Min(clear * layout.BlockLength, length), blocks.NextSet(clear));
    }
}
