using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Shoal.Engine;
using Shoal.Mpi.Native;
using Shoal.Protocol;
using Shoal.Runtime;
using Shoal.Runtime.Storage;

namespace Shoal.Mpi.Links;

/// <summary>
/// One block on its way to a rank: lent or read by a reader, then sent, then its memory serves the next.
/// </summary>
internal sealed unsafe class Upload : Operation
{
    private byte* _memory;
    private LentBytes? _lent;

    public MpiLink Link { get; set; } = null!;

    public SwarmId Swarm { get; set; }

    public IPieceStore Store { get; set; } = null!;

    public BlockRequest Block { get; set; }

    /// <summary>Whether it may be sent from where the kernel keeps it, see <see cref="IPieceStore.TryLend"/>.</summary>
    public bool MayMap { get; set; }

    /// <summary>The reply slot that the request named.</summary>
    public int Slot { get; set; }

    /// <summary>Why it could not be read; null if it was.</summary>
    public ReadFailure? Failure { get; set; }

    /// <summary>Where the bytes to send lie.</summary>
    public byte* Bytes => _lent is null ? _memory : _lent.Bytes;

    /// <summary>Bytes of memory that it has of its own.</summary>
    public int Capacity { get; private set; }

    /// <summary>Takes the block from where it lies, if the store lends it; else into memory of its own.</summary>
    /// <exception cref="StorageException">It cannot be read.</exception>
    public void Load()
    {
        _lent = Store.TryLend(Block, MayMap);
        if (_lent is MappedBytes)
        {
            NativeMemory.Free(_memory); // one or the other: both would be twice what is allowed
            _memory = null;
            Capacity = 0;
        }

        if (_lent is not null)
        {
            return;
        }

        if (Block.Length > Capacity)
        {
            Capacity = Block.Length;
            _memory = (byte*)NativeMemory.Realloc(_memory, (nuint)Capacity);
        }

        Store.Read(Block.Piece, Block.Begin, new Span<byte>(_memory, Block.Length));
    }

    public override void Ended(MpiApi api, void* status) => Link.Sent(this);

    /// <summary>The bytes are not needed any more.</summary>
    public void Unload()
    {
        _lent?.Dispose();
        _lent = null;
    }

    public void Free()
    {
        Unload();
        NativeMemory.Free(_memory);
    }
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
    private readonly Queue<(MpiLink Link, SwarmId Swarm, IPieceStore Store, BlockRequest Block, int Slot, bool MayMap)> _waiting = new();
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

    /// <summary>Has the block read as soon as there is memory, or lent if it can be.</summary>
    public void Order(MpiLink link, SwarmId swarm, IPieceStore store, BlockRequest block, int slot, bool mayMap)
    {
        _waiting.Enqueue((link, swarm, store, block, slot, mayMap));
        Pump();
    }

    /// <summary>A block that was read, or could not be.</summary>
    public bool TryTake(out Upload upload) => _ready.TryDequeue(out upload!);

    /// <summary>The block was sent, or needs no sending: its memory is free.</summary>
    public void Return(Upload upload)
    {
        upload.Unload();
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
            upload.MayMap = next.MayMap;
            upload.Failure = null;
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

    private void Read(Upload upload)
    {
        try
        {
            upload.Load();
        }
        catch (StorageException exception)
        {
            upload.Failure = new ReadFailure(exception.Message, exception.LostPieces ?? new PieceRange(upload.Block.Piece, 1));
        }

        _ready.Enqueue(upload);
    }
}
