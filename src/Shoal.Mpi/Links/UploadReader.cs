using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Shoal.Engine;
using Shoal.Mpi.Native;
using Shoal.Protocol;
using Shoal.Runtime;
using Shoal.Runtime.Storage;

namespace Shoal.Mpi.Links;

/// <summary>One block on its way to a rank: read by a reader, then sent, then its memory serves the next.</summary>
internal sealed unsafe class Upload : Operation
{
    public MpiLink Link { get; set; } = null!;

    public SwarmId Swarm { get; set; }

    public IPieceStore Store { get; set; } = null!;

    public BlockRequest Block { get; set; }

    /// <summary>The reply slot that the request named.</summary>
    public int Slot { get; set; }

    /// <summary>Why it could not be read; null if it was.</summary>
    public ReadFailure? Failure { get; set; }

    public byte* Bytes { get; private set; }

    public int Capacity { get; private set; }

    public void Reserve(int length)
    {
        if (length > Capacity)
        {
            Capacity = length;
            Bytes = (byte*)NativeMemory.Realloc(Bytes, (nuint)length);
        }
    }

    public override void Ended(MpiApi api, void* status) => Link.Sent(this);

    public void Free() => NativeMemory.Free(Bytes);
}

/// <summary>
/// Reads blocks for other ranks on threads of its own, so that a slow disk does not hold up the thread that calls MPI.
/// Its memory is bounded: as many blocks as fit are read or under way, the others wait. Without threads of its own it
/// reads at once, where blocks are small and lie in memory.
/// </summary>
internal sealed class UploadReader : IDisposable
{
    private readonly BlockingCollection<Upload> _orders = [];
    private readonly ConcurrentQueue<Upload> _ready = new();
    private readonly Queue<(MpiLink Link, SwarmId Swarm, IPieceStore Store, BlockRequest Block, int Slot)> _waiting = new();
    private readonly Stack<Upload> _idle = new();
    private readonly Thread[] _threads;
    private readonly long _maximumBytes;
    private long _bytes;

    public UploadReader(long maximumBytes, int threadCount)
    {
        _maximumBytes = maximumBytes;
        _threads = new Thread[threadCount];
        for (var i = 0; i < threadCount; i++)
        {
            _threads[i] = new Thread(Read) { IsBackground = true, Name = $"shoal read {i}" };
            _threads[i].Start();
        }
    }

    /// <summary>Memory that no block is in, kept for those to come: no more than blocks may have.</summary>
    public long IdleBytes { get; private set; }

    /// <summary>Blocks that are not sent yet.</summary>
    public bool IsIdle => _bytes == 0 && _waiting.Count == 0;

    /// <summary>Has the block read as soon as there is memory.</summary>
    public void Order(MpiLink link, SwarmId swarm, IPieceStore store, BlockRequest block, int slot)
    {
        _waiting.Enqueue((link, swarm, store, block, slot));
        Pump();
    }

    /// <summary>A block that was read, or could not be.</summary>
    public bool TryTake(out Upload upload) => _ready.TryDequeue(out upload!);

    /// <summary>The block was sent, or needs no sending: its memory is free.</summary>
    public void Return(Upload upload)
    {
        _bytes -= upload.Block.Length;
        if (IdleBytes + upload.Capacity <= _maximumBytes)
        {
            IdleBytes += upload.Capacity;
            _idle.Push(upload);
        }
        else
        {
            upload.Free(); // grown for a large block, among many that were made for small ones
        }

        Pump();
    }

    public void Dispose()
    {
        _orders.CompleteAdding();
        foreach (var thread in _threads)
        {
            thread.Join();
        }

        foreach (var upload in _idle)
        {
            upload.Free();
        }

        _orders.Dispose();
    }

    private void Pump()
    {
        while (_waiting.TryPeek(out var next) && (_bytes == 0 || _bytes + next.Block.Length <= _maximumBytes))
        {
            _waiting.Dequeue();
            if (_idle.TryPop(out var upload))
            {
                IdleBytes -= upload.Capacity;
            }
            else
            {
                upload = new Upload();
            }

            upload.Link = next.Link;
            upload.Swarm = next.Swarm;
            upload.Store = next.Store;
            upload.Block = next.Block;
            upload.Slot = next.Slot;
            upload.Failure = null;
            upload.Reserve(next.Block.Length);
            _bytes += next.Block.Length;
            if (_threads.Length > 0)
            {
                _orders.Add(upload);
            }
            else
            {
                Read(upload);
            }
        }
    }

    private void Read()
    {
        foreach (var upload in _orders.GetConsumingEnumerable())
        {
            Read(upload);
        }
    }

    private unsafe void Read(Upload upload)
    {
        try
        {
            upload.Store.Read(upload.Block.Piece, upload.Block.Begin, new Span<byte>(upload.Bytes, upload.Block.Length));
        }
        catch (StorageException exception)
        {
            upload.Failure = new ReadFailure(exception.Message, exception.LostPieces ?? new PieceRange(upload.Block.Piece, 1));
        }

        _ready.Enqueue(upload);
    }
}
