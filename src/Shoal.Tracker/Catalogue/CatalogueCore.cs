using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Shoal.Protocol;
using Shoal.Protocol.Catalogue;
using Shoal.Protocol.Metadata;

namespace Shoal.Tracker.Catalogue;

/// <summary>
/// A catalogue: all of it in memory, and in a store that outlives it. One writer decides, has the store keep what it decided, and only then lets
/// others see it; a change is acknowledged when it is kept, and those that come meanwhile are kept together. What other trackers with the same
/// store change is taken in, in order, before anything is decided, and as soon as the store tells of it. Thread-safe.
/// </summary>
internal sealed class CatalogueCore : IAsyncDisposable
{
    /// <summary>The most versions of all names, and names of which something was removed: some 400 bytes of memory each.</summary>
    public const int MaximumLineCount = 10_000_000;

    /// <summary>The most versions of a name, which are listed at once.</summary>
    public const int MaximumVersionCount = 10_000;

    private const int MaximumBatch = 1024;

    /// <summary>What .torrent files that wait for their turn take of memory: 128 MiB.</summary>
    private const int TorrentUnits = (128 << 20) / ByteBudget.UnitLength;

    /// <summary>How long who ordered something waits until it is known whether it is kept.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>How long a tracker may be behind others with the same store until it is not believed that it is.</summary>
    private static readonly TimeSpan TimeToHear = TimeSpan.FromSeconds(5);

    private const string Unknown = "it is not known whether this was done: look before you order it again";

    private static readonly PendingChange Wake = new(new CatalogueChange());

    private readonly ICatalogueStore _store;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly ByteBudget _room = new(TorrentUnits);
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _writing;

    // Bounded: who publishes waits for room.
    private readonly Channel<PendingChange> _orders = Channel.CreateBounded<PendingChange>(new BoundedChannelOptions(MaximumBatch) { SingleReader = true });

    private volatile CatalogueIndex _index;

    private CatalogueCore(ICatalogueStore store, CatalogueIndex index, long sequence, TimeProvider time, ILogger logger)
    {
        _store = store;
        _index = index;
        _time = time;
        _logger = logger;
        Feed.SkipTo(sequence);
        _writing = Task.Run(WriteAsync);
    }

    /// <summary>Names in it.</summary>
    public int Count => _index.Count;

    /// <summary>Versions of all names.</summary>
    public int VersionCount => _index.VersionCount;

    /// <summary>Changes that wait for their turn.</summary>
    public int OrderCount => _orders.Reader.Count;

    /// <summary>Told whenever the store answered without being asked to change anything.</summary>
    public Action? CaughtUp { get; set; }

    /// <summary>The latest changes.</summary>
    public EventFeed Feed { get; } = new();

    /// <summary>Opens the catalogue that the store keeps, and keeps the store until it is disposed.</summary>
    /// <exception cref="CatalogueException">It cannot be read or written, is in use, or is damaged.</exception>
    public static CatalogueCore Open(ICatalogueStore store, TimeProvider time, ILogger logger)
    {
        var index = new CatalogueIndex();
        CatalogueCore core;
        try
        {
            core = new CatalogueCore(store, index, index.Fill(store.Load), time, logger);
        }
        catch (CatalogueException)
        {
            store.DisposeAsync().AsTask().GetAwaiter().GetResult();
            throw;
        }

        // A wake that finds no room is not missed: what stands there catches up before it is decided.
        store.Watch(() => core._orders.Writer.TryWrite(Wake));
        return core;
    }

    /// <summary>Registers a torrent under the name: as its next version, unless the newest is the same torrent already.</summary>
    /// <param name="name">The name.</param>
    /// <param name="torrent">The .torrent file, which must not change until this returns, even if the waiting ends.</param>
    /// <param name="metainfo">What it says.</param>
    /// <param name="by">The name of the token that allows it; null if none was needed.</param>
    /// <param name="cancellationToken">Ends the waiting, not what is on its way to be kept.</param>
    /// <returns>The version, and whether it is new; it is kept.</returns>
    /// <exception cref="CatalogueException">It is not.</exception>
    public async Task<(CatalogueEntry Entry, bool IsNew)> PublishAsync(
        CatalogueName name, ReadOnlyMemory<byte> torrent, Metainfo metainfo, string? by, CancellationToken cancellationToken)
    {
        var draft = new CatalogueEntry(
            name.Value, 0, metainfo.InfoHash, metainfo.StoredLength, metainfo.Files.Count(file => !file.IsPadding), metainfo.Layout.PieceLength, default, 0)
        {
            PublishedBy = by,
        };
        var outcome = await OrderAsync(new PendingChange(new CatalogueChange(draft), torrent), cancellationToken);
        return (outcome.Change!.Published!, outcome.IsNew);
    }

    /// <summary>Takes a version, or all of a name, out.</summary>
    /// <returns>The removal, which is kept; null if there was no such thing.</returns>
    /// <exception cref="CatalogueException">It could not be written.</exception>
    public async Task<CatalogueRemoval?> RemoveAsync(CatalogueReference what, string? by, CancellationToken cancellationToken)
    {
        var draft = new CatalogueRemoval(what.Name.Value, what.Version, 0, default, 0) { RemovedBy = by };
        return (await OrderAsync(new PendingChange(new CatalogueChange(Removed: draft)), cancellationToken)).Change?.Removed;
    }

    /// <summary>The version, or the newest if none is named; null if there is none.</summary>
    public CatalogueEntry? Find(CatalogueReference what) => _index.Find(what.Name.Value) is not { } found ? null
        : what.Version is { } version ? Array.Find(found.Versions, entry => entry.Version == version)
        : found.Latest;

    /// <summary>Whether there is no newer version of its name.</summary>
    public bool IsNewest(CatalogueEntry entry) => _index.Find(entry.Name)?.Latest?.Version == entry.Version;

    /// <summary>All versions of the name, oldest first.</summary>
    public IReadOnlyList<CatalogueEntry> VersionsOf(CatalogueName name) => _index.Find(name.Value)?.Versions ?? [];

    /// <summary>The name under which that torrent came first, of those that there are; null if it has none.</summary>
    public string? FirstNameOf(InfoHash infoHash) => _index.FirstNameOf(infoHash);

    /// <summary>Waits a while until a change is known here that another tracker may have told of; gives the last that is.</summary>
    public async Task<long> ReachAsync(long sequence, CancellationToken cancellationToken)
    {
        if (_store.IsShared)
        {
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            patience.CancelAfter(TimeToHear);
            _orders.Writer.TryWrite(Wake);
            var none = new List<CatalogueChange>();
            while (Feed.LastSequence is var last && last < sequence && !patience.IsCancellationRequested)
            {
                Feed.TryRead(last, 0, none, out var more);
                await more.WaitAsync(patience.Token).ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
            }

            cancellationToken.ThrowIfCancellationRequested();
        }

        return Feed.LastSequence;
    }

    /// <summary>The .torrent file of a version; null if it is lost.</summary>
    /// <exception cref="CatalogueException">It cannot be read.</exception>
    public Task<byte[]?> ReadTorrentAsync(CatalogueEntry entry, CancellationToken cancellationToken) => _store.ReadTorrentAsync(entry.InfoHash, cancellationToken);

    /// <summary>Names that match, each with its newest version, sorted; page by page.</summary>
    public CataloguePage List(CatalogueQuery query, CancellationToken cancellationToken = default) => query.Run(_index, cancellationToken);

    /// <summary>
    /// Adds to the list the first <paramref name="limit"/> changes after the given number that still count: versions that there are, and of each
    /// name the last removal.
    /// </summary>
    public void CopyAfter(long sequence, int limit, List<CatalogueChange> changes) => _index.CopyAfter(sequence, limit, changes);

    /// <summary>Writes what was ordered, and closes the store.</summary>
    public async ValueTask DisposeAsync()
    {
        _orders.Writer.TryComplete();
        await _stop.CancelAsync();
        await _writing;
        await _store.DisposeAsync();
    }

    private async Task<ChangeOutcome> OrderAsync(PendingChange order, CancellationToken cancellationToken)
    {
        var room = await _room.TakeAsync(order.Torrent.Length, cancellationToken);
        try
        {
            await _orders.Writer.WriteAsync(order, cancellationToken);
        }
        catch (Exception error)
        {
            _room.Give(room);
            throw error is ChannelClosedException ? new CatalogueException("the tracker is stopping", error) : error;
        }

        // Until it is decided, and not only as long as somebody waits for that.
        _ = order.Done.Task.ContinueWith(_ => _room.Give(room), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        return await order.Done.Task.WaitAsync(cancellationToken);
    }

    private async Task WriteAsync()
    {
        while (await _orders.Reader.WaitToReadAsync())
        {
            var orders = TakeOrders();
            if (orders.Count > 0)
            {
                await WriteAsync(orders);
                continue;
            }

            try
            {
                CatchUp();
                CaughtUp?.Invoke();
            }
            catch (Exception error) when (error is not OutOfMemoryException)
            {
                Log.CatalogueFailed(_logger, error.Message); // the store wakes again
            }
        }
    }

    private List<PendingChange> TakeOrders()
    {
        var orders = new List<PendingChange>();
        while (orders.Count < MaximumBatch && _orders.Reader.TryRead(out var order))
        {
            if (order != Wake)
            {
                orders.Add(order);
            }
        }

        return orders;
    }

    private async Task WriteAsync(List<PendingChange> orders)
    {
        var batch = new CatalogueBatch(orders);
        try
        {
            using var writing = Begin();
            batch.PutTorrents(writing);
            batch.Decide(_index, Feed.LastSequence, _time);
            writing.Commit(batch.Changes, batch.Gone);
            Take(batch.Changes);
        }
        catch (OutcomeUnknownException error)
        {
            Log.CatalogueFailed(_logger, error.Message);
            await FindOutAsync(batch, error);
        }
        catch (CatalogueException error)
        {
            Log.CatalogueFailed(_logger, error.Message);
            batch.FailAll(error.Message, error);
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            // A fault of ours or the store's: whoever waits hears of it, and the next order finds a writer.
            Log.CatalogueFailed(_logger, error.ToString());
            batch.FailAll($"unexpected: {error.Message}; {Unknown}", error);
        }

        try
        {
            if (batch.Gone.Count > 0)
            {
                _store.Forget(batch.Gone, _index);
            }

            batch.Tell();
            _store.Tidy(_index, Feed.LastSequence);
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            Log.CatalogueFailed(_logger, error.ToString());
            batch.Tell();
        }
    }

    private ICatalogueWriting Begin()
    {
        while (true)
        {
            var writing = _store.Begin(Feed.LastSequence);
            if (writing.News is { } news && Take(news))
            {
                return writing;
            }

            writing.Dispose();
            CatchUp();
        }
    }

    private void CatchUp()
    {
        while (_store.ReadAfter(Feed.LastSequence) is { Count: > 0 } news)
        {
            if (!Take(news))
            {
                // What counts no more is forgotten after a while: who was away for so long begins anew.
                var index = new CatalogueIndex();
                var sequence = index.Fill(_store.Load);
                _index = index;
                Feed.SkipTo(sequence);
            }
        }
    }

    // False, and nothing is done, if there is a gap before or among them.
    private bool Take(IReadOnlyList<CatalogueChange> changes)
    {
        if (changes.Count == 0 || changes[^1].Sequence != Feed.LastSequence + changes.Count)
        {
            return changes.Count == 0;
        }

        foreach (var change in changes)
        {
            _index.Apply(change);
        }

        Feed.Publish(changes);
        return true;
    }

    /// <summary>Waits until it can be seen whether the batch is kept; what is ordered meanwhile is refused.</summary>
    private async Task FindOutAsync(CatalogueBatch batch, OutcomeUnknownException cause)
    {
        var why = cause.Message;
        var start = _time.GetTimestamp();
        var before = Feed.LastSequence;
        for (var pause = TimeSpan.FromMilliseconds(100); ; pause = TimeSpan.FromMilliseconds(Math.Min(1000, pause.TotalMilliseconds * 2)))
        {
            try
            {
                // The other connection has ended by now, so it is all there, and taken in with the news, or nothing is.
                using var writing = Begin();
                if (HasCome(batch.Changes[0], before) is { } hasCome)
                {
                    if (!hasCome)
                    {
                        batch.FailAll($"{why}; nothing was changed, order it again", cause);
                    }

                    return;
                }

                batch.FailAll($"{why}; {Unknown}", cause);
                return;
            }
            catch (CatalogueException error)
            {
                var refused = new CatalogueBatch(TakeOrders());
                refused.FailAll(error.Message, error);
                refused.Tell();
            }

            if (_stop.IsCancellationRequested || _time.GetElapsedTime(start) > Patience)
            {
                batch.FailAll($"{why}; {Unknown}", cause);
                return;
            }

            await Task.Delay(pause, _time, _stop.Token).ContinueWith(static _ => { }, TaskScheduler.Default);
        }
    }

    // Null if that cannot be said any more: it would be one of changes that count no more and are forgotten.
    private bool? HasCome(CatalogueChange change, long before)
    {
        var changes = new List<CatalogueChange>(1);
        if (Feed.TryRead(before, 1, changes, out _))
        {
            return changes.Contains(change);
        }

        CopyAfter(before, 1, changes);
        return changes.Contains(change) ? true : null;
    }
}
