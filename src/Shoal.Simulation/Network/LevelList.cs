using System.Numerics;

namespace Shoal.Simulation.Network;

/// <summary>Levels that are sorted once and then taken from the lowest up: cheaper than a heap where most keys never change.</summary>
internal sealed class LevelList
{
    private const int DigitBits = 11;

    /// <summary>Shorter lists are sorted by insertion.</summary>
    private const int ShortLength = 48;

    private readonly int[] _starts = new int[1 << DigitBits];
    private LevelEntry[] _entries = new LevelEntry[64];
    private LevelEntry[] _spare = new LevelEntry[64];
    private int _count;
    private int _next;

    /// <summary>The lowest level that was not taken; <see cref="long.MaxValue"/> if there is none.</summary>
    public long Lowest => _next < _count ? _entries[_next].Level : long.MaxValue;

    /// <summary>Puts one at the end, before <see cref="Sort"/>.</summary>
    public void Append(LevelEntry entry)
    {
        if (_count == _entries.Length)
        {
            Array.Resize(ref _entries, _count * 2);
            _spare = new LevelEntry[_entries.Length];
        }

        _entries[_count++] = entry;
    }

    /// <summary>The lowest goes out. There must be one.</summary>
    public int Take() => _entries[_next++].Id;

    /// <summary>Empties it.</summary>
    public void Clear() => _count = _next = 0;

    /// <summary>Sorts by level, in linear time: by digits of eleven bits, the lowest first.</summary>
    public void Sort()
    {
        if (_count <= ShortLength)
        {
            Insert();
            return;
        }

        var highest = 0L;
        foreach (var entry in _entries.AsSpan(0, _count))
        {
            highest |= entry.Level;
        }

        var bitCount = 64 - BitOperations.LeadingZeroCount((ulong)highest);
        for (var shift = 0; shift < bitCount; shift += DigitBits)
        {
            Distribute(shift);
        }
    }

    private void Insert()
    {
        for (var i = 1; i < _count; i++)
        {
            var entry = _entries[i];
            var place = i;
            for (; place > 0 && _entries[place - 1].Level > entry.Level; place--)
            {
                _entries[place] = _entries[place - 1];
            }

            _entries[place] = entry;
        }
    }

    private void Distribute(int shift)
    {
        const int Mask = (1 << DigitBits) - 1;
        Array.Clear(_starts);
        var entries = _entries.AsSpan(0, _count);
        foreach (var entry in entries)
        {
            _starts[(int)(entry.Level >> shift) & Mask]++;
        }

        var start = 0;
        foreach (ref var place in _starts.AsSpan())
        {
            (place, start) = (start, start + place);
        }

        foreach (var entry in entries)
        {
            _spare[_starts[(int)(entry.Level >> shift) & Mask]++] = entry;
        }

        (_entries, _spare) = (_spare, _entries);
    }
}
