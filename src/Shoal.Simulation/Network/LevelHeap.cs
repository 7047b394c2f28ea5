namespace Shoal.Simulation.Network;

/// <summary>A level in bytes per second, and what may be full at it: a resource, or ~flow for a flow's cap.</summary>
internal readonly record struct LevelEntry(long Level, int Id);

/// <summary>
/// A min-heap of levels, in one array with four children a node: shallow, and the children of a node are one cache line.
/// Equal levels come out in any, but always the same, order.
/// </summary>
internal sealed class LevelHeap
{
    private LevelEntry[] _entries = new LevelEntry[64];

    private int _count;

    /// <summary>The lowest level; <see cref="long.MaxValue"/> if there is none.</summary>
    public long Lowest => _count > 0 ? _entries[0].Level : long.MaxValue;

    /// <summary>What has the lowest level. There must be one.</summary>
    public int LowestId => _entries[0].Id;

    /// <summary>Puts one in.</summary>
    public void Push(LevelEntry entry)
    {
        if (_count == _entries.Length)
        {
            Array.Resize(ref _entries, _count * 2);
        }

        var place = _count++;
        while (place > 0)
        {
            var parent = (place - 1) >> 2;
            if (_entries[parent].Level <= entry.Level)
            {
                break;
            }

            _entries[place] = _entries[parent];
            place = parent;
        }

        _entries[place] = entry;
    }

    /// <summary>Takes the lowest away.</summary>
    public void TakeLowest()
    {
        _count--;
        if (_count > 0)
        {
            Sink(_entries[_count]);
        }
    }

    /// <summary>Raises the lowest to a level that is not lower.</summary>
    public void RaiseLowest(long level) => Sink(new LevelEntry(level, _entries[0].Id));

    /// <summary>Empties it.</summary>
    public void Clear() => _count = 0;

    private void Sink(LevelEntry entry)
    {
        var entries = _entries.AsSpan(0, _count);
        var place = 0;
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
