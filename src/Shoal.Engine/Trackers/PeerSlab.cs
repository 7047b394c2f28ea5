using System.Numerics;

namespace Shoal.Engine.Trackers;

/// <summary>
/// Memory for peer lists: small blocks of 64-bit words out of large arrays that never move, so that a million small
/// swarms are a few hundred objects to the collector. Sizes are 2ⁿ and 3·2ⁿ words up to 192; a freed block waits in a list for its
/// size and is never merged or given back. A block is named by 32 bits, the number of its first word. What is larger
/// than a block is a table of pages: a list of equal blocks that grows and shrinks at its end, so nothing large is ever
/// copied or left behind. Not thread-safe.
/// </summary>
internal sealed class PeerSlab
{
    private const int ChunkBits = 13;
    private const int ChunkWords = 1 << ChunkBits;
    private const uint NoBlock = uint.MaxValue;

    private readonly List<List<uint>> _tables = [];
    private readonly Stack<int> _freeTables = new();
    private readonly uint[] _free = new uint[16];
    private ulong[][] _chunks = [];
    private int _chunkCount;
    private int _used = ChunkWords;

    public PeerSlab() => Array.Fill(_free, NoBlock);

    /// <summary>Bytes of blocks, used or not; page tables are not counted (about 150 bytes for each large set).</summary>
    public long Bytes => 8L * ChunkWords * _chunkCount;

    /// <summary>The smallest size, in words, that holds <paramref name="words"/>.</summary>
    public static int SizeFor(int words)
    {
        var power = (int)BitOperations.RoundUpToPowerOf2((uint)words);
        return power >= 4 && power / 4 * 3 >= words ? power / 4 * 3 : power;
    }

    /// <summary>A block of exactly <paramref name="size"/> words, which must be one of the sizes. Its content is arbitrary.</summary>
    public uint Allocate(int size)
    {
        ref var head = ref _free[ClassOf(size)];
        if (head != NoBlock)
        {
            var block = head;
            head = (uint)Words(block, 1)[0];
            return block;
        }

        if (_used + size > ChunkWords)
        {
            AddChunk();
        }

        var start = ((uint)(_chunkCount - 1) << ChunkBits) | (uint)_used;
        _used += size;
        return start;
    }

    /// <summary>Takes a block of <paramref name="size"/> words back.</summary>
    public void Free(uint block, int size)
    {
        ref var head = ref _free[ClassOf(size)];
        Words(block, 1)[0] = head;
        head = block;
    }

    /// <summary>Words of a block; <paramref name="start"/> is the block or, further on, a word of it.</summary>
    public Span<ulong> Words(uint start, int count) => _chunks[start >> ChunkBits].AsSpan((int)(start & (ChunkWords - 1)), count);

    /// <summary>The number of an empty table of pages.</summary>
    public uint AddTable()
    {
        if (_freeTables.TryPop(out var number))
        {
            return (uint)number;
        }

        _tables.Add([]);
        return (uint)_tables.Count - 1;
    }

    /// <summary>The pages of a table, which are its user's to allocate and free.</summary>
    public List<uint> Table(uint number) => _tables[(int)number];

    /// <summary>Makes a table as long as wanted, with pages of <paramref name="size"/> words.</summary>
    public void ResizeTable(uint number, int pageCount, int size)
    {
        var pages = _tables[(int)number];
        while (pages.Count < pageCount)
        {
            pages.Add(Allocate(size));
        }

        while (pages.Count > pageCount)
        {
            Free(pages[^1], size);
            pages.RemoveAt(pages.Count - 1);
        }
    }

    /// <summary>Takes a table back, whose pages are somebody else's or free by now.</summary>
    public void FreeTable(uint number)
    {
        _tables[(int)number].Clear();
        _freeTables.Push((int)number);
    }

    // 1, 2, 3, 4, 6, 8, 12 … become 0, 2, 3, 4, 5, 6, 7 …
    private static int ClassOf(int size)
    {
        var log = BitOperations.Log2((uint)size);
        return (2 * log) + (BitOperations.IsPow2(size) ? 0 : 1);
    }

    private void AddChunk()
    {
        if (_chunkCount == _chunks.Length)
        {
            Array.Resize(ref _chunks, Math.Max(4, _chunks.Length * 2));
        }

        // Pinned: the collector would move (copy) every chunk twice before it took it for old.
        _chunks[_chunkCount++] = GC.AllocateUninitializedArray<ulong>(ChunkWords, pinned: true);
        _used = 0;
    }
}
