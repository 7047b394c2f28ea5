using Shoal.Protocol;

namespace Shoal.Runtime.Storage;

/// <summary>
/// Whole pieces that are costly to make and asked for block by block: keeps those last used. Memory is bounded: 32 MiB, but 8 pieces in any case, so that
/// as many uploads as there are slots need not make theirs for each block. Who finds all in use waits. Thread-safe.
/// </summary>
/// <param name="layout">How the content is cut.</param>
/// <param name="load">Makes a piece; what it throws, the one who asked for the piece gets, and the next one tries again.</param>
internal sealed class PieceCache(PieceLayout layout, PieceCache.Loader load) : IDisposable
{
    private const int MaximumBytes = 32 * 1024 * 1024;
    private const int FewestPieces = 8;

    private readonly Lock _gate = new();
    private readonly Dictionary<PieceIndex, Entry> _entries = [];
    private readonly LinkedList<Entry> _byUse = new();
    private readonly SemaphoreSlim _free = new(CapacityOf(layout), CapacityOf(layout));

    /// <summary>Fills the destination, which is as long as the piece.</summary>
    public delegate void Loader(PieceIndex piece, Span<byte> destination);

    /// <summary>Copies the block of its piece, which is made if it is not there.</summary>
    public void CopyTo(BlockRequest block, Span<byte> destination)
    {
        if (!layout.Contains(block))
        {
            throw new ArgumentOutOfRangeException(nameof(block), block, "not within the piece");
        }

        _free.Wait();
        try
        {
            var entry = Take(block.Piece);
            try
            {
                lock (entry.Loading)
                {
                    if (!entry.IsLoaded)
                    {
                        load(block.Piece, entry.Bytes.AsSpan(0, layout.LengthOf(block.Piece)));
                        entry.IsLoaded = true;
                    }
                }

                entry.Bytes.AsSpan(block.Begin, block.Length).CopyTo(destination);
            }
            finally
            {
                Release(entry);
            }
        }
        finally
        {
            _free.Release();
        }
    }

    public void Dispose() => _free.Dispose();

    private static int CapacityOf(PieceLayout layout) => Math.Clamp(MaximumBytes / layout.PieceLength, FewestPieces, Math.Max(FewestPieces, layout.PieceCount));

    private Entry Take(PieceIndex piece)
    {
        lock (_gate)
        {
            if (_entries.TryGetValue(piece, out var entry))
            {
                _byUse.Remove(entry.Node);
            }
            else
            {
                _entries.Add(piece, entry = new Entry(piece, TakeMemory()));
            }

            _byUse.AddFirst(entry.Node);
            entry.UserCount++;
            return entry;
        }
    }

    // Each user holds one piece at most, and there are no more of them than pieces: so one is free.
    private byte[] TakeMemory()
    {
        if (_entries.Count < CapacityOf(layout))
        {
            return GC.AllocateUninitializedArray<byte>(layout.PieceLength);
        }

        var node = _byUse.Last!;
        while (node.Value.UserCount > 0)
        {
            node = node.Previous!;
        }

        _byUse.Remove(node);
        _entries.Remove(node.Value.Piece);
        return node.Value.Bytes;
    }

    private void Release(Entry entry)
    {
        lock (_gate)
        {
            entry.UserCount--;
        }
    }

    private sealed class Entry
    {
        public Entry(PieceIndex piece, byte[] bytes)
        {
            Piece = piece;
            Bytes = bytes;
            Node = new LinkedListNode<Entry>(this);
        }

        public PieceIndex Piece { get; }

        public byte[] Bytes { get; }

        public LinkedListNode<Entry> Node { get; }

        public Lock Loading { get; } = new();

        /// <summary>Guarded by <see cref="Loading"/>.</summary>
        public bool IsLoaded { get; set; }

        /// <summary>Guarded by the cache's lock.</summary>
        public int UserCount { get; set; }
    }
}
