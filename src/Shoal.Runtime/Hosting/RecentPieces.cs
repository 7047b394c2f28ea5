using Shoal.Protocol;
using Shoal.Runtime.Storage;

namespace Shoal.Runtime.Hosting;

/// <summary>
/// Pieces that came last, in the memory that they came to: just those are what others ask for, and from there they are sent without being
/// read. A host puts those in that it wrote (<see cref="SwarmResources.Recent"/>), its owner those that it read. The oldest make room. A piece that
/// is lent stays until it is given back, and no more are lent at once than are kept: so twice <paramref name="capacity"/> pieces, and those being read,
/// bound the memory. Thread-safe.
/// </summary>
/// <param name="pieceLength">Bytes of a piece.</param>
/// <param name="capacity">How many are kept.</param>
public sealed unsafe class RecentPieces(int pieceLength, int capacity) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<PieceIndex, Entry> _entries = [];
    private readonly Queue<Entry> _byAge = new();
    private readonly SlotMemory _memory = new(long.MaxValue, pieceLength); // of those that are read
    private int _lentCount;

    /// <summary>Memory for a piece that is to be read, with whatever was in it; to be kept or given back.</summary>
    public nint Rent() => _memory.Rent(pieceLength);

    /// <summary>Gives memory back that was rented and not kept.</summary>
    public void Return(nint address) => _memory.Return(address);

    /// <summary>Takes over rented memory, which the piece was read into.</summary>
    public void Keep(PieceIndex piece, nint address) => Keep(piece, address, _memory);

    /// <summary>The block where its piece lies; null if that is not here, or too many are lent already.</summary>
    public LentBytes? TryLend(in BlockRequest block)
    {
        lock (_gate)
        {
            if (!_entries.TryGetValue(block.Piece, out var entry) || (entry.UserCount == 0 && _lentCount == capacity))
            {
                return null;
            }

            _lentCount += entry.UserCount++ == 0 ? 1 : 0;
            return new Loan(this, entry, block.Begin);
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

    /// <inheritdoc cref="Clear"/>
    public void Dispose()
    {
        Clear();
        _memory.Dispose();
    }

    /// <summary>Takes over the piece's memory, which goes back there in the end.</summary>
    internal void Keep(PieceIndex piece, nint address, SlotMemory memory)
    {
        lock (_gate)
        {
            var entry = new Entry(piece, address, memory);
            _entries[piece] = entry; // one that was lost has come again: the older goes in its turn
            _byAge.Enqueue(entry);
            Trim(capacity);
        }
    }

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

    private static void ReturnUnused(Entry entry)
    {
        if (entry.IsOut && entry.UserCount == 0)
        {
            entry.Memory.Return(entry.Address);
        }
    }

    private sealed class Entry(PieceIndex piece, nint address, SlotMemory memory)
    {
        public PieceIndex Piece => piece;

        public nint Address => address;

        public SlotMemory Memory => memory;

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
                    ReturnUnused(entry);
                }
            }
        }
    }
}
