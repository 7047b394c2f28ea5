using Shoal.Protocol;
using Shoal.Runtime.Storage;

namespace Shoal.Runtime.Hosting;

/// <summary>
/// A store whose last pieces still lie in the memory that they came to: just those are what others ask for, and from there they are sent
/// without being read. The oldest make room. A piece that is lent stays until it is given back, and no more are lent at once than are kept: so twice
/// <paramref name="capacity"/> pieces bound the memory. Thread-safe.
/// </summary>
/// <param name="store">Where all pieces lie.</param>
/// <param name="memory">Whose memory it is.</param>
/// <param name="capacity">How many are kept.</param>
internal sealed unsafe class RecentPieces(IPieceStore store, SlotMemory memory, int capacity) : IPieceStore
{
    private readonly Lock _gate = new();
    private readonly Dictionary<PieceIndex, Entry> _entries = [];
    private readonly Queue<Entry> _byAge = new();
    private int _lentCount;

    /// <summary>Takes over the piece's memory.</summary>
    public void Keep(PieceIndex piece, nint address)
    {
        lock (_gate)
        {
            var entry = new Entry(piece, address);
            _entries[piece] = entry; // one that was lost has come again: the older goes in its turn
            _byAge.Enqueue(entry);
            Trim(capacity);
        }
    }

    /// <summary>Gives all memory back, but for what is lent: that follows.</summary>
    public void Clear()
    {
        lock (_gate)
        {
            Trim(0);
        }
    }

    public LentBytes? TryLend(in BlockRequest block, bool mayMap)
    {
        lock (_gate)
        {
            if (_entries.TryGetValue(block.Piece, out var entry) && (entry.UserCount > 0 || _lentCount < capacity))
            {
                _lentCount += entry.UserCount++ == 0 ? 1 : 0;
                return new Loan(this, entry, block.Begin);
            }
        }

        return store.TryLend(block, mayMap);
    }

    public void Write(PieceIndex piece, int begin, ReadOnlySpan<byte> bytes) => store.Write(piece, begin, bytes);

    public void Read(PieceIndex piece, int begin, Span<byte> destination) => store.Read(piece, begin, destination);

    public int ReadBlocks(ReadOnlySpan<BlockRequest> blocks, Span<byte> destination, int gapBefore) => store.ReadBlocks(blocks, destination, gapBefore);

    private void Trim(int bound)
    {
        while (_byAge.Count > bound)
        {
            var oldest = _byAge.Dequeue();
            if (_entries.TryGetValue(oldest.Piece, out var current) && current == oldest)
            {
                _entries.Remove(oldest.Piece);
            }

            oldest.IsOut = true;
            ReturnUnused(oldest);
        }
    }

    private void ReturnUnused(Entry entry)
    {
        if (entry.IsOut && entry.UserCount == 0)
        {
            memory.Return(entry.Address);
        }
    }

    private sealed class Entry(PieceIndex piece, nint address)
    {
        public PieceIndex Piece => piece;

        public nint Address => address;

        public int UserCount { get; set; }

        public bool IsOut { get; set; }
    }

    private sealed class Loan(RecentPieces pieces, Entry entry, int begin) : LentBytes
    {
        public override byte* Bytes => (byte*)entry.Address + begin;

        protected override void Release()
        {
            lock (pieces._gate)
            {
                if (--entry.UserCount == 0)
                {
                    pieces._lentCount--;
                    pieces.ReturnUnused(entry);
                }
            }
        }
    }
}
