using System.Numerics;

namespace Shoal.Engine.Trackers;

/// <summary>
/// Memory for peer lists: blocks of 64-bit words out of large arrays, so that a million swarms are a few hundred
/// objects to the collector. Sizes are 2ⁿ and 3·2ⁿ words; freed blocks wait in a list for each size and are never
/// merged. A block is named by 32 bits: array number and offset. Not thread-safe.
/// </summary>
internal sealed class PeerSlab
{
    private const int ChunkBits = 13;
    private const int ChunkWords = 1 << ChunkBits;
    private const uint NoBlock = uint.MaxValue;

    private readonly List<ulong[]> _chunks = [];
    private readonly Stack<int> _freeChunkNumbers = new();
    private readonly uint[] _free = new uint[64];
    private int _current = -1;
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
        if (size > ChunkWords)
        {
            return (uint)AddChunk(size) << ChunkBits;
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
            _current = AddChunk(ChunkWords);
            _used = 0;
        }

        var start = ((uint)_current << ChunkBits) | (uint)_used;
        _used += size;
        return start;
    }

    /// <summary>Takes a block of <paramref name="size"/> words back.</summary>
    public void Free(uint block, int size)
    {
        if (size > ChunkWords)
        {
            var number = (int)(block >> ChunkBits);
            Bytes -= 8L * _chunks[number].Length;
            _chunks[number] = [];
            _freeChunkNumbers.Push(number);
            return;
        }

        ref var head = ref _free[ClassOf(size)];
        Words(block, 1)[0] = head;
        head = block;
    }

    /// <summary>The first <paramref name="count"/> words of the block.</summary>
    public Span<ulong> Words(uint block, int count) =>
        _chunks[(int)(block >> ChunkBits)].AsSpan((int)(block & (ChunkWords - 1)), count);

    // 1, 2, 3, 4, 6, 8, 12 … become 0, 2, 3, 4, 5, 6, 7 …
    private static int ClassOf(int size)
    {
        var log = BitOperations.Log2((uint)size);
        return (2 * log) + (BitOperations.IsPow2(size) ? 0 : 1);
    }

    private int AddChunk(int words)
    {
        var chunk = new ulong[words];
        Bytes += 8L * words;
        if (_freeChunkNumbers.TryPop(out var number))
        {
            _chunks[number] = chunk;
            return number;
        }

        _chunks.Add(chunk);
        return _chunks.Count - 1;
    }
}
