using Shoal.Protocol.Catalogue;

namespace Shoal.Tracker.Catalogue;

/// <summary>
/// Of all changes those that still count, in their order: the versions that there are, and the last removal of each name. A journal of
/// these says all that there is, and who was away reads here what is new, a slice at a time. Not thread-safe.
/// </summary>
internal sealed class LiveChanges
{
    private const int LengthWorthCompacting = 1024;

    // Ascending. What counts no more is null until half of them are.
    private readonly List<(long Sequence, object? What)> _changes = [];

    /// <summary>Changes that count.</summary>
    public int Count { get; private set; }

    /// <summary>Adds a version, which comes after all others.</summary>
    public void Add(CatalogueEntry published) => Add(published.Sequence, published);

    /// <summary>Adds a removal, which comes after all others.</summary>
    public void Add(CatalogueRemoval removed) => Add(removed.Sequence, removed);

    /// <summary>The change of that number counts no more.</summary>
    public void Remove(long sequence)
    {
        _changes[IndexAfter(sequence) - 1] = (sequence, null);
        Count--;
        if (_changes.Count > LengthWorthCompacting && Count < _changes.Count / 2)
        {
            _changes.RemoveAll(static change => change.What is null);
        }
    }

    /// <summary>Adds up to <paramref name="limit"/> changes to the list: the first after the given number.</summary>
    public void CopyAfter(long sequence, int limit, List<CatalogueChange> changes)
    {
        for (var i = IndexAfter(sequence); i < _changes.Count && limit > 0; i++)
        {
            if (_changes[i].What is { } what)
            {
                changes.Add(what is CatalogueEntry published ? new CatalogueChange(published) : new CatalogueChange(Removed: (CatalogueRemoval)what));
                limit--;
            }
        }
    }

    /// <summary>Adds versions to the list, the newest first: those among the last changes before the given number, of which it looks at so many.</summary>
    /// <returns>Before which number to go on; 0 if that was all.</returns>
    public long CopyBefore(long sequence, int count, List<CatalogueEntry> versions)
    {
        var end = IndexAfter(sequence - 1);
        var start = Math.Max(0, end - count);
        for (var i = end - 1; i >= start; i--)
        {
            if (_changes[i].What is CatalogueEntry published)
            {
                versions.Add(published);
            }
        }

        return start > 0 ? _changes[start].Sequence : 0;
    }

    private void Add(long sequence, object what)
    {
        _changes.Add((sequence, what));
        Count++;
    }

    private int IndexAfter(long sequence)
    {
        var (low, high) = (0, _changes.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = _changes[middle].Sequence <= sequence ? (middle + 1, high) : (low, middle);
        }

        return low;
    }
}
