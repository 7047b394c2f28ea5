using System.Collections.Concurrent;
using System.Net;
using Shoal.Protocol.Catalogue;
using Shoal.Protocol.Metadata;
using Shoal.Runtime.Storage;

namespace Shoal.Catalogue;

/// <summary>
/// What is done for one version of a name, from its .torrent until it is in its place and older ones are gone. What goes wrong is told, and tried
/// again. Thread-safe; for each name one call at a time.
/// </summary>
internal sealed class SubscriptionFetching(
    CatalogueClient catalogue, SubscriptionFolder folder, SubscriptionBook book, SubscriptionTorrents torrents, SubscriptionOptions options)
{
    private const int LongestPauseInPauses = 10;
    private static readonly TimeSpan LonelyAfter = TimeSpan.FromSeconds(10);

    private readonly SemaphoreSlim _downloads = new(options.MaximumDownloadCount);
    private readonly ConcurrentDictionary<CatalogueName, (SubscribedVersion Version, TorrentHandle Torrent)> _active = new();

    private volatile TaskCompletionSource _now = NewSignal();

    public SubscriptionTorrents Torrents => torrents;

    /// <summary>What failed may succeed now: nobody waits until it is tried again.</summary>
    public void TryNow() => Interlocked.Exchange(ref _now, NewSignal()).TrySetResult();

    /// <summary>What is being fetched, by name.</summary>
    public async Task<IReadOnlyList<SubscriptionProgress>> GetProgressAsync()
    {
        List<SubscriptionProgress> all = [];
        foreach (var (name, (version, torrent)) in _active.OrderBy(entry => entry.Key))
        {
            all.Add(new SubscriptionProgress(name.Value, version.Version, await torrent.GetProgressAsync()));
        }

        return all;
    }

    /// <summary>Does all that there is to do for the version.</summary>
    public async Task FetchAsync(CatalogueName name, SubscribedVersion version, CancellationToken cancellationToken)
    {
        var pause = options.Pause;
        string? told = null;
        while (true)
        {
            string wrong;
            try
            {
                if (await TryFetchAsync(name, version, cancellationToken) is not { } inTheWay)
                {
                    return;
                }

                // Somebody may clear the way at any time.
                (wrong, pause) = ($"{name}@{version.Version} waits: {inTheWay}; move it away, or subscribe into another folder", options.Pause);
            }
            catch (Exception error) when (error is ShoalException or StorageException or IOException or UnauthorizedAccessException)
            {
                wrong = $"{name}@{version.Version}: {error.Message}; it is tried again";
            }

            if (told != wrong)
            {
                told = wrong;
                options.Tell(new SubscriptionNotice.Warning(wrong));
            }

            await Task.WhenAny(Task.Delay(pause, cancellationToken), _now.Task);
            cancellationToken.ThrowIfCancellationRequested();
            pause = TimeSpan.FromTicks(Math.Min(2 * pause.Ticks, LongestPauseInPauses * options.Pause.Ticks));
        }
    }

    // Null if all is done, or there is nothing to do any more; else what is in the way.
    private async Task<string?> TryFetchAsync(CatalogueName name, SubscribedVersion version, CancellationToken cancellationToken)
    {
        // Before it is fetched: a day's download shall not end in vain.
        if (folder.WhatIsInTheWayOf(name) is { } inTheWay)
        {
            return inTheWay;
        }

        TorrentHandle torrent;
        Metainfo? metainfo;
        long got;
        using (var slot = await Slot.TakeAsync(_downloads, cancellationToken))
        {
            metainfo = folder.Find(version.InfoHash) ?? await AskAsync(name, version, cancellationToken);
            if (metainfo is null)
            {
                return null;
            }

            var older = book.InPlace(name).Select(one => folder.Find(one.InfoHash)).FirstOrDefault(one => one is not null);
            (torrent, var isNew) = await torrents.FetchAsync(metainfo, older, cancellationToken);
            _active[name] = (version, torrent);
            try
            {
                await CompleteAsync(name, version, torrent, slot, cancellationToken);
                got = isNew ? (await torrent.GetProgressAsync(cancellationToken)).DownloadedBytes : 0;
            }
            finally
            {
                _active.TryRemove(name, out _);
            }
        }

        return await PutAsync(name, version, metainfo, got, cancellationToken);
    }

    private async Task CompleteAsync(CatalogueName name, SubscribedVersion version, TorrentHandle torrent, Slot slot, CancellationToken cancellationToken)
    {
        var lonelySince = Environment.TickCount64;
        try
        {
            await foreach (var progress in torrent.WatchAsync(cancellationToken: cancellationToken))
            {
                if (progress.Peers.Count > 0 || progress.State == TorrentState.Checking)
                {
                    lonelySince = Environment.TickCount64;
                }
                else if (Environment.TickCount64 - lonelySince > LonelyAfter.TotalMilliseconds && slot.TryGiveBack())
                {
                    // What nobody has shall not hold up what somebody has.
                    options.Tell(new SubscriptionNotice.Waiting(name.Value, version.Version));
                }
            }

            await torrent.Completion.WaitAsync(cancellationToken);
        }
        catch (ShoalException)
        {
            await torrents.StopAsync(torrent.InfoHash);
            throw;
        }
    }

    private async Task<string?> PutAsync(CatalogueName name, SubscribedVersion version, Metainfo metainfo, long got, CancellationToken cancellationToken)
    {
        if (folder.WhatIsInTheWayOf(name) is { } wrong)
        {
            return wrong;
        }

        // Written down first: a version to which a name leads must not be removed as one that was given up.
        if (!book.TrySetLinked(name, version))
        {
            return null;
        }

        await book.SaveAsync();
        if (folder.Put(name, metainfo) is { } inTheWay)
        {
            return inTheWay;
        }

        var path = folder.PathOf(name);
        options.Tell(new SubscriptionNotice.Fetched(name.Value, version.Version, path, Math.Min(got, metainfo.StoredLength), Math.Max(0, metainfo.StoredLength - got)));
        if (options.WhenInPlace is { } then)
        {
            await then(new VersionInPlace(name.Value, version.Version, path), cancellationToken);
        }

        var old = book.SetComplete(name, version, options.Keep);
        await book.SaveAsync();
        foreach (var infoHash in old.Select(one => one.InfoHash).Distinct())
        {
            await torrents.RemoveAsync(infoHash);
        }

        return null;
    }

    // Null if the catalogue has it no more, in which case nobody wants it.
    private async Task<Metainfo?> AskAsync(CatalogueName name, SubscribedVersion version, CancellationToken cancellationToken)
    {
        var entry = new CatalogueEntry(name.Value, version.Version, version.InfoHash, version.Size, 0, 0, default, 0);
        try
        {
            return await catalogue.GetTorrentAsync(entry, cancellationToken);
        }
        catch (ShoalException error) when (IsMissing(error))
        {
            try
            {
                await catalogue.FindAsync(new CatalogueReference(name, version.Version), cancellationToken);
            }
            catch (ShoalException gone) when (IsMissing(gone))
            {
                book.Drop(name, version.Version);
                await book.SaveAsync();
                options.Tell(new SubscriptionNotice.Removed(name.Value, version.Version));
                return null;
            }

            throw;
        }
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private static bool IsMissing(ShoalException error) => error.InnerException is HttpRequestException { StatusCode: HttpStatusCode.NotFound };

    /// <summary>One of the downloads that there may be at a time.</summary>
    private sealed class Slot(SemaphoreSlim downloads) : IDisposable
    {
        private int _isGivenBack;

        public static async Task<Slot> TakeAsync(SemaphoreSlim downloads, CancellationToken cancellationToken)
        {
            await downloads.WaitAsync(cancellationToken);
            return new Slot(downloads);
        }

        /// <summary>Lets another have it; false if that was done before.</summary>
        public bool TryGiveBack()
        {
            var isFirst = Interlocked.Exchange(ref _isGivenBack, 1) == 0;
            if (isFirst)
            {
                downloads.Release();
            }

            return isFirst;
        }

        public void Dispose() => TryGiveBack();
    }
}
