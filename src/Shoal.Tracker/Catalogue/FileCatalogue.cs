using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Shoal.Protocol;
using Shoal.Protocol.Catalogue;
using Shoal.Protocol.Metadata;

namespace Shoal.Tracker.Catalogue;

/// <summary>
/// A catalogue in a folder: <c>journal</c>, all changes, and <c>torrents/</c>. A change is acknowledged when it is on the disk; those that
/// come while another is being written go to the disk together. Thread-safe.
/// </summary>
internal sealed class FileCatalogue : IAsyncDisposable
{
    /// <summary>The most versions of all names, and names of which something was removed: some 400 bytes of memory each.</summary>
    public const int MaximumLineCount = 10_000_000;

    /// <summary>The most versions of a name, which are listed at once.</summary>
    public const int MaximumVersionCount = 10_000;

    private const int MaximumBatch = 1024;

    /// <summary>Lines that say nothing any more, from which on the journal is rewritten, if they are half of it.</summary>
    private const int WasteWorthRewriting = 10_000;

    private readonly CatalogueIndex _index = new();
    private readonly Journal _journal;
    private readonly TorrentFiles _torrents;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly int _wasteWorthRewriting;
    private long _wasteBeforeNextAttempt;
    private readonly Task _writing;

    // Bounded: who publishes waits for room.
    private readonly Channel<Order> _orders = Channel.CreateBounded<Order>(new BoundedChannelOptions(MaximumBatch) { SingleReader = true });

    private FileCatalogue(string folder, Journal journal, CatalogueIndex index, long sequence, TimeProvider time, ILogger logger, int wasteWorthRewriting)
    {
        _journal = journal;
        _index = index;
        _torrents = new TorrentFiles(Path.Combine(folder, "torrents"));
        _time = time;
        _logger = logger;
        _wasteWorthRewriting = wasteWorthRewriting;
        Feed.StartAfter(sequence);
        _writing = Task.Run(WriteAsync);
    }

    /// <summary>Names in it.</summary>
    public int Count => _index.Count;

    /// <summary>Versions of all names.</summary>
    public int VersionCount => _index.VersionCount;

    /// <summary>Changes that wait for their turn.</summary>
    public int OrderCount => _orders.Reader.Count;

    /// <summary>The latest changes.</summary>
    public EventFeed Feed { get; } = new();

    /// <summary>Opens the catalogue in the folder, or makes it.</summary>
    /// <exception cref="CatalogueException">It cannot be read or written, is in use, or is damaged.</exception>
    public static FileCatalogue Open(string folder, TimeProvider time, ILogger logger, int wasteWorthRewriting = WasteWorthRewriting)
    {
        try
        {
            Directory.CreateDirectory(Path.Combine(folder, "torrents"));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CatalogueException($"cannot make the catalogue's folder '{folder}': {error.Message}", error);
        }

        var index = new CatalogueIndex();
        var sequence = 0L;
        var journal = Journal.Open(Path.Combine(folder, "journal"), change =>
        {
            if (change.Sequence < sequence || (change.Sequence == sequence && change.Reached is null))
            {
                throw new CatalogueException($"the catalogue in '{folder}' is damaged: change {change.Sequence} comes behind change {sequence}");
            }

            if (change.Reached is null)
            {
                index.Apply(change);
            }

            sequence = change.Sequence;
        });
        if (journal.TornLength > 0)
        {
            Log.JournalTorn(logger, journal.TornLength);
        }

        return new FileCatalogue(folder, journal, index, sequence, time, logger, wasteWorthRewriting);
    }

    /// <summary>Registers a torrent under the name: as its next version, unless the newest is the same torrent already.</summary>
    /// <param name="name">The name.</param>
    /// <param name="torrent">The .torrent file.</param>
    /// <param name="metainfo">What it says.</param>
    /// <param name="by">The name of the token that allows it; null if none was needed.</param>
    /// <param name="cancellationToken">Ends the waiting, not what is on its way to the disk.</param>
    /// <returns>The version, and whether it is new; it is on the disk.</returns>
    /// <exception cref="CatalogueException">It could not be written.</exception>
    public async Task<(CatalogueEntry Entry, bool IsNew)> PublishAsync(
        CatalogueName name, ReadOnlyMemory<byte> torrent, Metainfo metainfo, string? by, CancellationToken cancellationToken)
    {
        var draft = new CatalogueEntry(
            name.Value, 0, metainfo.InfoHash, metainfo.StoredLength, metainfo.Files.Count(file => !file.IsPadding), metainfo.Layout.PieceLength, default, 0)
        {
            PublishedBy = by,
        };
        // Until it is decided, and not only as long as somebody waits for that.
        var order = new Order(new CatalogueChange(draft)) { Hold = _torrents.Hold(metainfo.InfoHash) };
        try
        {
            // First, so that no entry is ever without its file; one without an entry harms nobody.
            await Task.Run(() => _torrents.Write(metainfo.InfoHash, torrent.Span), cancellationToken);
        }
        catch
        {
            order.Hold.Dispose();
            throw;
        }

        var outcome = await OrderAsync(order, cancellationToken);
        return (outcome.Change!.Published!, outcome.IsNew);
    }

    /// <summary>Takes a version, or all of a name, out.</summary>
    /// <returns>The removal, which is on the disk; null if there was no such thing.</returns>
    /// <exception cref="CatalogueException">It could not be written.</exception>
    public async Task<CatalogueRemoval?> RemoveAsync(CatalogueReference what, string? by, CancellationToken cancellationToken)
    {
        var draft = new CatalogueRemoval(what.Name.Value, what.Version, 0, default, 0) { RemovedBy = by };
        return (await OrderAsync(new Order(new CatalogueChange(Removed: draft)), cancellationToken)).Change?.Removed;
    }

    /// <summary>The version, or the newest if none is named; null if there is none.</summary>
    public CatalogueEntry? Find(CatalogueReference what) => _index.Find(what.Name.Value) is not { } found ? null
        : what.Version is { } version ? Array.Find(found.Versions, entry => entry.Version == version)
        : found.Latest;

    /// <summary>Whether there is no newer version of its name.</summary>
    public bool IsNewest(CatalogueEntry entry) => _index.Find(entry.Name)?.Latest?.Version == entry.Version;

    /// <summary>All versions of the name, oldest first.</summary>
    public IReadOnlyList<CatalogueEntry> VersionsOf(CatalogueName name) => _index.Find(name.Value)?.Versions ?? [];

    /// <summary>The .torrent file of a version; null if it is lost.</summary>
    /// <exception cref="CatalogueException">It cannot be read.</exception>
    public Task<byte[]?> ReadTorrentAsync(CatalogueEntry entry, CancellationToken cancellationToken) => _torrents.ReadAsync(entry.InfoHash, cancellationToken);

    /// <summary>Names that match, each with its newest version, sorted; page by page.</summary>
    public CataloguePage List(CatalogueQuery query) => query.Run(_index);

    /// <summary>
    /// Adds to the list the first <paramref name="limit"/> changes after the given number that still count: versions that there are, and of each
    /// name the last removal.
    /// </summary>
    public void CopyAfter(long sequence, int limit, List<CatalogueChange> changes) => _index.CopyAfter(sequence, limit, changes);

    /// <summary>Writes what was ordered, and closes the files.</summary>
    public async ValueTask DisposeAsync()
    {
        _orders.Writer.TryComplete();
        await _writing;
        _journal.Dispose();
    }

    private async Task<Outcome> OrderAsync(Order order, CancellationToken cancellationToken)
    {
        try
        {
            await _orders.Writer.WriteAsync(order, cancellationToken);
        }
        catch (Exception error) when (error is ChannelClosedException or OperationCanceledException)
        {
            order.Hold?.Dispose();
            throw error is OperationCanceledException ? error : new CatalogueException("the tracker is stopping", error);
        }

        return await order.Done.Task.WaitAsync(cancellationToken);
    }

    private async Task WriteAsync()
    {
        var orders = new List<Order>();
        while (await _orders.Reader.WaitToReadAsync())
        {
            orders.Clear();
            while (orders.Count < MaximumBatch && _orders.Reader.TryRead(out var order))
            {
                orders.Add(order);
            }

            Write(orders);
        }
    }

    private void Write(List<Order> orders)
    {
        // What was decided in this batch counts for what comes later in it, though nobody else sees it yet.
        var pending = new Dictionary<string, NamedVersions?>(StringComparer.Ordinal);
        var changes = new List<CatalogueChange>();
        var outcomes = new List<Outcome>(orders.Count);
        var gone = new HashSet<InfoHash>();
        foreach (var order in orders)
        {
            var old = pending.TryGetValue(order.Draft.Name, out var decided) ? decided : _index.Find(order.Draft.Name);
            var outcome = Decide(order.Draft, old, Feed.LastSequence + changes.Count + 1);
            outcomes.Add(outcome);
            if (outcome.IsNew)
            {
                changes.Add(outcome.Change!);
                if (outcome.Change!.Removed is { } removed)
                {
                    gone.UnionWith(old!.Versions.Where(entry => removed.Version is null || entry.Version == removed.Version).Select(entry => entry.InfoHash));
                }

                pending[order.Draft.Name] = CatalogueIndex.After(old, outcome.Change!);
            }
        }

        try
        {
            if (changes.Count > 0)
            {
                _journal.Append(changes);
            }
        }
        catch (CatalogueException error)
        {
            Log.CatalogueFailed(_logger, error.Message);
            outcomes = [.. orders.Select(_ => new Outcome(null, IsNew: false, error.Message, error))];
            changes.Clear();
            gone.Clear();
        }

        changes.ForEach(_index.Apply);
        Feed.Publish(changes);
        for (var i = 0; i < orders.Count; i++)
        {
            orders[i].Hold?.Dispose();
            if (outcomes[i].Failure is not null && orders[i].Draft.Published is { } refused)
            {
                gone.Add(refused.InfoHash);
            }
        }

        Forget(gone);
        for (var i = 0; i < orders.Count; i++)
        {
            if (outcomes[i].Failure is { } failure)
            {
                orders[i].Done.TrySetException(new CatalogueException(failure, outcomes[i].Cause));
            }
            else
            {
                orders[i].Done.TrySetResult(outcomes[i]);
            }
        }

        RewriteIfWorthIt();
    }

    private Outcome Decide(CatalogueChange draft, NamedVersions? old, long sequence)
    {
        var now = _time.GetUtcNow();
        if (draft.Published is { } entry)
        {
            return old?.Latest is { } latest && latest.InfoHash == entry.InfoHash ? new Outcome(new CatalogueChange(latest), IsNew: false)
                : _index.LineCount >= MaximumLineCount ? new Outcome(null, IsNew: false, $"the catalogue is full: it has {MaximumLineCount} versions")
                : old?.Versions.Length >= MaximumVersionCount ? new Outcome(null, IsNew: false, $"'{entry.Name}' has {MaximumVersionCount} versions: remove some that nobody needs")
                : new Outcome(new CatalogueChange(entry with { Version = (old?.LastVersion ?? 0) + 1, PublishedAt = now, Sequence = sequence }), IsNew: true);
        }

        var removal = draft.Removed!;
        var isThere = removal.Version is { } version ? old?.Versions.Any(candidate => candidate.Version == version) == true : old?.Latest is not null;
        return isThere
            ? new Outcome(new CatalogueChange(Removed: removal with { LastVersion = old!.LastVersion, At = now, Sequence = sequence }), IsNew: true)
            : new Outcome(null, IsNew: false);
    }

    // A .torrent goes when nothing names it any more. Rare, so it may look through all.
    private void Forget(HashSet<InfoHash> gone)
    {
        if (gone.Count > 0)
        {
            gone.ExceptWith(_index.From("").SelectMany(name => name.Versions).Select(entry => entry.InfoHash));
            foreach (var infoHash in gone)
            {
                _torrents.Remove(infoHash);
            }
        }
    }

    private void RewriteIfWorthIt()
    {
        var waste = _journal.LineCount - _index.LineCount;
        if (waste < Math.Max(_wasteWorthRewriting, _index.LineCount) || waste < _wasteBeforeNextAttempt)
        {
            return;
        }

        try
        {
            _journal.Rewrite(Remaining().Append(new CatalogueChange(Reached: Feed.LastSequence)));
            _wasteBeforeNextAttempt = 0;
            Log.JournalRewritten(_logger, _journal.LineCount);
        }
        catch (CatalogueException error)
        {
            // It would take as long with each change.
            _wasteBeforeNextAttempt = waste + _wasteWorthRewriting;
            Log.CatalogueFailed(_logger, error.Message);
        }
    }

    private IEnumerable<CatalogueChange> Remaining()
    {
        const int SliceLength = 1024;
        var slice = new List<CatalogueChange>(SliceLength);
        var after = 0L;
        do
        {
            slice.Clear();
            _index.CopyAfter(after, SliceLength, slice);
            foreach (var change in slice)
            {
                yield return change;
                after = change.Sequence;
            }
        }
        while (slice.Count == SliceLength);
    }

    private sealed record Outcome(CatalogueChange? Change, bool IsNew, string? Failure = null, Exception? Cause = null);

    private sealed record Order(CatalogueChange Draft)
    {
        /// <summary>Keeps the .torrent from being removed before the order is decided.</summary>
        public IDisposable? Hold { get; init; }

        public TaskCompletionSource<Outcome> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
