using System.Numerics;

namespace Shoal.Engine.Trackers;

/// <summary>
/// Memory for peer lists: small blocks of 64-bit words out of large arrays, so that a million small swarms are a few
/// thousand objects to the collector. Sizes are 2ⁿ and 3·2ⁿ words; freed blocks wait in a list for each size and are never
/// merged, so what has 64 words or more is an array of its own, which the collector takes back. A block is named by 32
/// bits: the highest tells which of both, the rest array and offset. Not thread-safe.
/// </summary>
internal sealed class PeerSlab
{
    private const int ChunkBits = 13;
    private const int ChunkWords = 1 << ChunkBits;
    private const int LeastOwnSize = 64;
    private const uint OwnArray = 0x8000_0000;
    private const uint NoBlock = uint.MaxValue;

    private readonly List<ulong[]> _chunks = [];
    private readonly List<ulong[]> _arrays = [];
    private readonly Stack<int> _freeArrays = new();
    private readonly uint[] _free = new uint[16];
    private int _used = ChunkWords;

    public PeerSlab() => Array.Fill(_free, NoBlock);

    /// <summary>Bytes held, used or not.</summary>
    public long Bytes { get; private set; }

    /// <summary>The smallest size, in words, that holds <paramref name="words"/>.</summary>
    public static int SizeFor(int words)
    {
        var power = (int)BitOperations.RoundUpToPowerOf2((uint)words);
        return power >= 4 && power / 4 * 3 >= words ? power / 4 * 3 : power;
    }

    /// <summary>A block of exactly <paramref name="size"/> words, which must be one of the sizes. Its content is arbitrary.</summary>
    public uint Allocate(int size)
    {
        if (size >= LeastOwnSize)
        {
            return OwnArray | (uint)AddArray(size);
        }

        ref var head = ref _free[ClassOf(size)];
        if (head != NoBlock)
        {
            var block = head;
            head = (uint)Words(block, 1)[0];
            return block;
        }

        if (_used + size > ChunkWords)
        {
            _chunks.Add(new ulong[ChunkWords]);
            Bytes += 8L * ChunkWords;
            _used = 0;
        }

        var start = ((uint)(_chunks.Count - 1) << ChunkBits) | (uint)_used;
        _used += size;
        return start;
    }

    /// <summary>Takes a block of <paramref name="size"/> words back.</summary>
    public void Free(uint block, int size)
    {
        if (size >= LeastOwnSize)
        {
            var number = (int)(block & ~OwnArray);
            Bytes -= 8L * size;
            _arrays[number] = [];
            _freeArrays.Push(number);
            return;
        }

        ref var head = ref _free[ClassOf(size)];
        Words(block, 1)[0] = head;
        head = block;
    }

    /// <summary>The first <paramref name="count"/> words of the block.</summary>
    public Span<ulong> Words(uint block, int count) => (block & OwnArray) != 0
        ? _arrays[(int)(block & ~OwnArray)].AsSpan(0, count)
        : _chunks[(int)(block >> ChunkBits)].AsSpan((int)(block & (ChunkWords - 1)), count);

    // 1, 2, 3, 4, 6, 8, 12 … become 0, 2, 3, 4, 5, 6, 7 …
    private static int ClassOf(int size)
    {
        var log = BitOperations.Log2((uint)size);
        return (2 * log) + (BitOperations.IsPow2(size) ? 0 : 1);
    }

    private int AddArray(int words)
    {
        var array = new ulong[words];
        Bytes += 8L * words;
        if (_freeArrays.TryPop(out var number))
        {
            _arrays[number] = array;
            return number;
        }

        _arrays.Add(array);
        return _arrays.Count - 1;
    }
}
