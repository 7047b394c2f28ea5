using System.Runtime.InteropServices;
using Shoal.Protocol;
using Shoal.Protocol.Catalogue;

namespace Shoal.Tracker.Catalogue;

/// <summary>
/// All names in order, in memory. Kept in chunks, so that a new name moves a few hundred others and not a million. Thread-safe: who
/// walks through it holds the lock for one chunk at a time, so that a long walk holds up nobody, and sees each name once, in order,
/// as it was when the walk came by.
/// </summary>
internal sealed class CatalogueIndex
{
    private const int ChunkLength = 256;

    private readonly Lock _gate = new();
    private readonly List<NameChunk> _chunks = [];
    private readonly LiveChanges _changes = new();
    private readonly TorrentNames _torrents = new();

    /// <summary>Names of which there is a version.</summary>
    public int Count { get; private set; }

    /// <summary>Versions of all names.</summary>
    public int VersionCount { get; private set; }

    /// <summary>Lines of a journal that would say all that there is: versions, and names of which something was removed.</summary>
    public int LineCount => _changes.Count;

    /// <summary>What there is of the name; null if it was never published.</summary>
    public NamedVersions? Find(string name)
    {
        lock (_gate)
        {
            var (chunk, index) = PlaceOf(name);
            return index >= 0 ? _chunks[chunk][index] : null;
        }
    }

    /// <summary>Whether there is a version of that torrent.</summary>
    public bool Contains(InfoHash infoHash)
    {
        lock (_gate)
        {
            return _torrents.Contains(infoHash);
        }
    }

    /// <summary>The name under which that torrent came first, of those that there are; null if it has none.</summary>
    public string? FirstNameOf(InfoHash infoHash)
    {
        lock (_gate)
        {
            return _torrents.FirstNameOf(infoHash);
        }
    }

    /// <summary>
    /// Takes in all changes that <paramref name="load"/> hands over, in order, before the index is used. Names are put in order once all are there: one by one, as
    /// <see cref="Apply"/> does, millions would make the collector walk through all chunks again and again.
    /// </summary>
    /// <returns>What <paramref name="load"/> returns.</returns>
    public long Fill(Func<Action<CatalogueChange>, long> load)
    {
        lock (_gate)
        {
            // Reading them and taking them in take as long as each other, and there is mostly more than one core.
            var all = new Dictionary<string, NamedVersions>(StringComparer.Ordinal);
            var result = Handover.Run(load, change =>
            {
                ref var name = ref CollectionsMarshal.GetValueRefOrAddDefault(all, change.Name, out var isThere);
                name = Replace(isThere ? name : null, change);
            });
            _chunks.AddRange(NameOrder.Sort(all.Values).Chunk(ChunkLength).Select(static chunk => new NameChunk([.. chunk])));
            Parallel.ForEach(_chunks, static chunk => chunk.Slice()); // now, rather than when somebody waits for a list
            return result;
        }
    }

    /// <summary>Takes a change in, which comes after all others.</summary>
    public void Apply(CatalogueChange change)
    {
        lock (_gate)
        {
            var (chunk, index) = PlaceOf(change.Name);
            NamedVersions? old = index >= 0 ? _chunks[chunk][index] : null;
            var now = Replace(old, change);
            if (index >= 0)
            {
                _chunks[chunk].Replace(index, now);
            }
            else
            {
                Insert(chunk, ~index, now);
            }
        }
    }

    /// <summary>What there is of a name once the change has come.</summary>
    public static NamedVersions After(NamedVersions? old, CatalogueChange change)
    {
        var versions = old?.Versions ?? [];
        var lastVersion = old?.LastVersion ?? 0;
        if (change.Published is { } published)
        {
            return new NamedVersions(published.Name, Math.Max(lastVersion, published.Version), [.. versions, published], old?.LastRemoval);
        }

        var removed = change.Removed!;
        return new NamedVersions(
            removed.Name,
            Math.Max(lastVersion, removed.LastVersion),
            removed.Version is { } version ? Array.FindAll(versions, entry => entry.Version != version) : [],
            removed);
    }

    /// <summary>
    /// Adds to the list the first <paramref name="limit"/> changes after the given number that still count: versions that there are, and of each
    /// name the last removal.
    /// </summary>
    public void CopyAfter(long sequence, int limit, List<CatalogueChange> changes)
    {
        lock (_gate)
        {
            _changes.CopyAfter(sequence, limit, changes);
        }
    }

    /// <summary>All versions, the old ones too, those that were published last first, from before the given number on.</summary>
    public IEnumerable<CatalogueEntry> VersionsBefore(long sequence)
    {
        var buffer = new List<CatalogueEntry>(ChunkLength);
        while (sequence > 0)
        {
            buffer.Clear();
            lock (_gate)
            {
                sequence = _changes.CopyBefore(sequence, ChunkLength, buffer);
            }

            foreach (var version in buffer)
            {
                yield return version;
            }
        }
    }

    /// <summary>
    /// The names from <paramref name="from"/> on, in order, a slice at a time and where it begins in it; those of which all was removed, too.
    /// </summary>
    public IEnumerable<(NameSlice Slice, int Start)> From(string from)
    {
        var chunk = 0;
        NameSlice? slice = null;
        while (true)
        {
            var index = 0;
            lock (_gate)
            {
                if (slice is not null && chunk < _chunks.Count && _chunks[chunk].Slice() == slice)
                {
                    chunk++; // as nearly always: nothing changed meanwhile
                }
                else
                {
                    // Later slices begin behind the last name of the one before.
                    (chunk, index) = PlaceOf(slice is null ? from : slice[slice.Count - 1].Name);
                    index = index >= 0 ? index + (slice is null ? 0 : 1) : ~index;
                }

                while (chunk < _chunks.Count && index >= _chunks[chunk].Count)
                {
                    (chunk, index) = (chunk + 1, 0);
                }

                if (chunk == _chunks.Count)
                {
                    yield break;
                }

                slice = _chunks[chunk].Slice();
            }

            yield return (slice, index);
        }
    }

    // What there is of the name now; the rest is brought in line with it.
    private NamedVersions Replace(NamedVersions? old, CatalogueChange change)
    {
        var now = After(old, change);
        Count += (now.Latest is null ? 0 : 1) - (old?.Latest is null ? 0 : 1);
        VersionCount += now.Versions.Length - (old?.Versions.Length ?? 0);
        if (change.Published is { } published)
        {
            _changes.Add(published);
            _torrents.Add(published);
            return now;
        }

        var removed = change.Removed!;
        foreach (var entry in old?.Versions ?? [])
        {
            if (removed.Version is null || removed.Version == entry.Version)
            {
                _changes.Remove(entry.Sequence);
                _torrents.Remove(entry);
            }
        }

        if (old?.LastRemoval is { } before)
        {
            _changes.Remove(before.Sequence);
        }

        _changes.Add(removed);
        return now;
    }

    // The chunk in which the name is or belongs, and its index there, or the complement of where it would be inserted.
    private (int Chunk, int Index) PlaceOf(string name)
    {
        var (low, high) = (0, _chunks.Count - 1);
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            (low, high) = string.CompareOrdinal(_chunks[middle][0].Name, name) <= 0 ? (middle, high) : (low, middle - 1);
        }

        if (_chunks.Count == 0)
        {
            return (0, ~0);
        }

        var chunk = _chunks[low];
        var (first, last) = (0, chunk.Count - 1);
        while (first <= last)
        {
            var middle = (first + last) / 2;
            var order = string.CompareOrdinal(chunk[middle].Name, name);
            if (order == 0)
            {
                return (low, middle);
            }

            (first, last) = order < 0 ? (middle + 1, last) : (first, middle - 1);
        }

        return (low, ~first);
    }

    private void Insert(int chunk, int index, NamedVersions name)
    {
        if (_chunks.Count == 0)
        {
            _chunks.Add(new NameChunk([]));
        }

        var names = _chunks[chunk];
        names.Insert(index, name);
        if (names.Count > ChunkLength)
        {
            // Names often come in order: what stands before is full then, and stays so.
            var half = index == names.Count - 1 && chunk == _chunks.Count - 1 ? index : names.Count / 2;
            _chunks.Insert(chunk + 1, names.Split(half, ChunkLength + 1));
        }
    }
}
