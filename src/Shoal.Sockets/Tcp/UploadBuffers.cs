using System.Runtime.InteropServices;
using Shoal.Engine;
using Shoal.Protocol;
using Shoal.Protocol.Wire;
using Shoal.Runtime;
using Shoal.Runtime.Storage;

namespace Shoal.Sockets.Tcp;

/// <summary>Blocks that are read together and sent with one system call, each behind its header.</summary>
internal sealed class UploadBatch(int capacity)
{
    public byte[] Buffer { get; } = GC.AllocateUninitializedArray<byte>(capacity, pinned: true);

    public List<BlockRequest> Blocks { get; } = new(64);

    /// <summary>Bytes of headers and blocks.</summary>
    public int Length { get; private set; }

    /// <summary>Bytes of blocks alone.</summary>
    public long PayloadBytes { get; private set; }

    /// <summary>Adds the block if there is room.</summary>
    public bool TryAdd(in BlockRequest block)
    {
        var length = WireReader.PieceHeaderLength + block.Length;
        if (Length + length > Buffer.Length)
        {
            return false;
        }

        WireWriter.Write(Buffer.AsSpan(Length), new PeerMessage(PeerMessageKind.Piece, block.Piece, block.Begin, block.Length));
        Blocks.Add(block);
        Length += length;
        PayloadBytes += block.Length;
        return true;
    }

    /// <summary>
    /// Fills in the blocks' bytes. Those that cannot be read are taken out and returned, each with the reason: one bad
    /// piece must not cost us its neighbours.
    /// </summary>
    public IReadOnlyList<(BlockRequest Block, ReadFailure Failure)> Read(IPieceStore store)
    {
        if (Fill(store, 0, 0) is null)
        {
            return [];
        }

        var blocks = Blocks.ToArray();
        var failed = new List<(BlockRequest Block, ReadFailure Failure)>();
        Clear();
        foreach (var block in blocks)
        {
            var (start, payload) = (Length, PayloadBytes);
            TryAdd(block);
            if (Fill(store, Blocks.Count - 1, start) is { } error)
            {
                failed.Add((block, new ReadFailure(error.Message, (error as StorageException)?.LostPieces ?? new PieceRange(block.Piece, 1))));
                Blocks.RemoveAt(Blocks.Count - 1);
                (Length, PayloadBytes) = (start, payload);
            }
        }

        return failed;
    }

    public void Clear()
    {
        Blocks.Clear();
        Length = 0;
        PayloadBytes = 0;
    }

    // Reads the blocks from the given one on, which stands at the given place; null, or what went wrong.
    private Exception? Fill(IPieceStore store, int firstBlock, int start)
    {
        try
        {
            store.ReadBlocks(
                CollectionsMarshal.AsSpan(Blocks)[firstBlock..], Buffer.AsSpan(start, Length - start), WireReader.PieceHeaderLength);
            return null;
        }
        catch (Exception exception) when (exception is StorageException or IOException or UnauthorizedAccessException or ObjectDisposedException)
        {
            return exception;
        }
    }
}

/// <summary>
/// The buffers of all uploads of a transport, up to a bound. A sender that finds none may wait to be called.
/// Last in, first out: the warmest. Thread-safe.
/// </summary>
internal sealed class UploadBuffers(int batchBytes, long maximumBytes)
{
    private readonly Lock _gate = new();
    private readonly Stack<UploadBatch> _free = new();
    private readonly Queue<TcpSender> _waiting = new();

    // At least the largest block anybody may ask for.
    private readonly int _capacity = Math.Max(batchBytes, WireReader.MaximumBlockLength) + (64 * WireReader.PieceHeaderLength);

    private long _allocatedBytes;

    /// <summary>An empty batch, or null if the bound is reached.</summary>
    public UploadBatch? TryRent()
    {
        lock (_gate)
        {
            if (_free.TryPop(out var batch))
            {
                return batch;
            }

            if (!HasRoom())
            {
                return null;
            }

            _allocatedBytes += _capacity;
        }

        return new UploadBatch(_capacity);
    }

    /// <summary>Calls the sender's <see cref="TcpSender.ScheduleUploads"/> as soon as there is a batch for it, perhaps now.</summary>
    public void Wait(TcpSender sender)
    {
        lock (_gate)
        {
            if (_free.Count == 0 && !HasRoom())
            {
                if (!sender.IsWaiting)
                {
                    sender.IsWaiting = true;
                    _waiting.Enqueue(sender);
                }

                return;
            }
        }

        sender.ScheduleUploads();
    }

    public void Return(UploadBatch batch)
    {
        batch.Clear();
        lock (_gate)
        {
            _free.Push(batch);
        }

        // One that has no use for it any more must not keep it from the next.
        while (NextWaiting() is { } next && !next.ScheduleUploads())
        {
        }
    }

    private TcpSender? NextWaiting()
    {
        lock (_gate)
        {
            if (_waiting.TryDequeue(out var next))
            {
                next.IsWaiting = false;
            }

            return next;
        }
    }

    // Under the gate.
    private bool HasRoom() => _allocatedBytes == 0 || _allocatedBytes + _capacity <= maximumBytes;
}
