using Microsoft.Extensions.Logging;
using Shoal.Protocol;

namespace Shoal.Tracker.Catalogue;

/// <summary>
/// A catalogue's store in a folder: <c>journal</c>, all changes, and <c>torrents/</c>. A .torrent is on the disk before the line that names it.
/// One tracker at a time. Not thread-safe, but for reading torrents.
/// </summary>
internal sealed class FileStore(string folder, ILogger logger, int wasteWorthRewriting = FileStore.WasteWorthRewriting) : ICatalogueStore, ICatalogueWriting
{
    /// <summary>Lines that say nothing any more, from which on the journal is rewritten, if they are half of it.</summary>
    private const int WasteWorthRewriting = 10_000;

    private readonly TorrentFiles _torrents = new(Path.Combine(folder, "torrents"));
    private Journal? _journal;
    private long _wasteBeforeNextAttempt;

    public bool IsShared => false;

    /// <summary>None: nobody else writes.</summary>
    public IReadOnlyList<CatalogueChange> News => [];

    private Journal Journal => _journal ?? throw new InvalidOperationException("it was not loaded");

    public long Load(Action<CatalogueChange> replay)
    {
        try
        {
            Directory.CreateDirectory(Path.Combine(folder, "torrents"));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CatalogueException(File.Exists(folder) ? $"the catalogue's folder '{folder}' is a file" : $"cannot make the catalogue's folder '{folder}': {error.Message}", error);
        }

        var sequence = 0L;
        _journal = Journal.Open(Path.Combine(folder, "journal"), change =>
        {
            if (change.Sequence < sequence || (change.Sequence == sequence && change.Reached is null))
            {
                throw new CatalogueException($"the catalogue in '{folder}' is damaged: change {change.Sequence} comes behind change {sequence}");
            }

            if (change.Reached is null)
            {
                replay(change);
            }

            sequence = change.Sequence;
        });
        if (_journal.TornLength > 0)
        {
            Log.JournalTorn(logger, _journal.TornLength);
        }

        return sequence;
    }

    public void Watch(Action changed)
    {
        // The journal is locked.
    }

    public IReadOnlyList<CatalogueChange> ReadAfter(long sequence) => [];

    public ICatalogueWriting Begin(long sequence) => this;

    public void Put(InfoHash infoHash, ReadOnlyMemory<byte> torrent) => _torrents.Write(infoHash, torrent.Span);

    public void Commit(IReadOnlyList<CatalogueChange> changes, IReadOnlySet<InfoHash> gone)
    {
        _torrents.Sync();
        if (changes.Count > 0)
        {
            Journal.Append(changes);
        }
    }

    /// <summary>Ends a batch.</summary>
    public void Dispose() => _torrents.Discard();

    public Task<byte[]?> ReadTorrentAsync(InfoHash infoHash, CancellationToken cancellationToken) => _torrents.ReadAsync(infoHash, cancellationToken);

    public void Forget(HashSet<InfoHash> gone, CatalogueIndex index)
    {
        if (Journal.IsUnknown)
        {
            return; // a line that seems lost may be there when it is opened again
        }

        gone.RemoveWhere(index.Contains);
        foreach (var infoHash in gone)
        {
            _torrents.Remove(infoHash);
        }
    }

    public void Tidy(CatalogueIndex index, long sequence)
    {
        var waste = Journal.LineCount - index.LineCount;
        if (waste < Math.Max(wasteWorthRewriting, index.LineCount) || waste < _wasteBeforeNextAttempt)
        {
            return;
        }

        try
        {
            Journal.Rewrite(Remaining(index).Append(new CatalogueChange(Reached: sequence)));
            _wasteBeforeNextAttempt = 0;
            Log.JournalRewritten(logger, Journal.LineCount);
        }
        catch (CatalogueException error)
        {
            // It would take as long with each change.
            _wasteBeforeNextAttempt = waste + wasteWorthRewriting;
            Log.CatalogueFailed(logger, error.Message);
        }
    }

    public ValueTask DisposeAsync()
    {
        _journal?.Dispose();
        return ValueTask.CompletedTask;
    }

    private static IEnumerable<CatalogueChange> Remaining(CatalogueIndex index)
    {
        const int SliceLength = 1024;
        var slice = new List<CatalogueChange>(SliceLength);
        var after = 0L;
        do
        {
            slice.Clear();
            index.CopyAfter(after, SliceLength, slice);
            foreach (var change in slice)
            {
                yield return change;
                after = change.Sequence;
            }
        }
        while (slice.Count == SliceLength);
    }
}
