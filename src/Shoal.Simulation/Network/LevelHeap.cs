namespace Shoal.Simulation.Network;

/// <summary>
/// A min-heap of levels (bytes per second) and what becomes full at them, in one array with four children a node: shallow, and the
/// children of a node are one cache line. Equal levels come out in any, but always the same, order.
/// </summary>
internal sealed class LevelHeap
{
    private (long Level, int Id)[] _entries = new (long Level, int Id)[64];

    /// <summary>How many are in it.</summary>
    public int Count { get; private set; }

    /// <summary>The lowest. There must be one.</summary>
    public (long Level, int Id) Top => _entries[0];

    /// <summary>Puts one at the end, which breaks the order until <see cref="Build"/>.</summary>
    public void Append(long level, int id)
    {
        if (Count == _entries.Length)
        {
            Array.Resize(ref _entries, Count * 2);
        }

        _entries[Count++] = (level, id);
    }

    /// <summary>Makes the order good, in linear time.</summary>
    public void Build()
    {
        for (var i = (Count - 2) >> 2; i >= 0 && Count > 1; i--)
        {
            Sink(i, _entries[i]);
        }
    }

    /// <summary>Takes the lowest away.</summary>
    public void Pop()
    {
        Count--;
        if (Count > 0)
        {
            Sink(0, _entries[Count]);
        }
    }

    /// <summary>Raises the lowest to a level that is not lower.</summary>
    public void RaiseTop(long level) => Sink(0, (level, _entries[0].Id));

    /// <summary>Empties it.</summary>
    public void Clear() => Count = 0;

    private void Sink(int place, (long Level, int Id) entry)
    {
        var entries = _entries.AsSpan(0, Count);
        while (true)
        {
            var child = (place << 2) + 1;
            if (child >= entries.Length)
            {
                break;
            }

            var least = child;
            var end = Math.Min(child + 4, entries.Length);
            for (var i = child + 1; i < end; i++)
            {
                if (entries[i].Level < entries[least].Level)
                {
                    least = i;
                }
            }

            if (entries[least].Level >= entry.Level)
            {
                break;
            }

            entries[place] = entries[least];
            place = least;
        }

        entries[place] = entry;
    }
}
