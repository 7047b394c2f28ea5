using System.Collections.Concurrent;
using Shoal.Protocol;
using Shoal.Protocol.Metadata;
using Shoal.Runtime.Storage;

namespace Shoal.Catalogue;

/// <summary>
/// The torrents of a subscription: each is in the client once, however many names have it, from when it is fetched until no name needs it.
/// Thread-safe.
/// </summary>
internal sealed class SubscriptionTorrents(
    ShoalClient client, SubscriptionFolder folder, SubscriptionBook book, AddOptions options, Action<SubscriptionNotice> tell)
{
    // For each torrent that was met: who starts and who removes it wait for each other.
    private readonly ConcurrentDictionary<InfoHash, Shared> _torrents = new();
    private long _downloaded;
    private long _uploaded;

    /// <summary>Begins to fetch, if nobody did; first of all takes what it can from another version.</summary>
    /// <exception cref="ShoalException">It cannot be added.</exception>
    /// <exception cref="StorageException">The disk fails.</exception>
    public async Task<(TorrentHandle Torrent, bool IsNew)> FetchAsync(Metainfo metainfo, Metainfo? older, CancellationToken cancellationToken)
    {
        var shared = _torrents.GetOrAdd(metainfo.InfoHash, static _ => new Shared());
        await shared.Gate.WaitAsync(cancellationToken);
        try
        {
            // Who gave it up may have removed it meanwhile.
            cancellationToken.ThrowIfCancellationRequested();
            if (shared.Torrent is { } known)
            {
                return (known, false);
            }

            folder.Keep(metainfo);
            if (older is not null && older.InfoHash != metainfo.InfoHash)
            {
                // It may take long, and cannot be broken off within a file; who stops need not wait for it.
                await Task.Run(() => folder.Fill(metainfo, older, cancellationToken), cancellationToken).WaitAsync(cancellationToken);
            }

            shared.Torrent = await client.AddAsync(TorrentSource.FromMetainfo(metainfo), folder.FolderOf(metainfo.InfoHash), options, cancellationToken);
            return (shared.Torrent, true);
        }
        finally
        {
            shared.Gate.Release();
        }
    }

    /// <summary>Seeds what is all there; null if it is not there at all.</summary>
    /// <exception cref="ShoalException">It cannot be added.</exception>
    public async Task<TorrentHandle?> SeedAsync(InfoHash infoHash, CancellationToken cancellationToken)
    {
        if (folder.Find(infoHash) is not { } metainfo || !folder.Has(metainfo))
        {
            return null;
        }

        var shared = _torrents.GetOrAdd(infoHash, static _ => new Shared());
        await shared.Gate.WaitAsync(cancellationToken);
        try
        {
            return shared.Torrent ??= await client.AddAsync(
                TorrentSource.FromMetainfo(metainfo), folder.FolderOf(infoHash), options with { SeedOnly = true }, cancellationToken);
        }
        finally
        {
            shared.Gate.Release();
        }
    }

    /// <summary>Takes the torrent out of the client: it failed, or is to be fetched again.</summary>
    public async Task StopAsync(InfoHash infoHash)
    {
        if (_torrents.TryGetValue(infoHash, out var shared))
        {
            await shared.Gate.WaitAsync();
            try
            {
                await StopAsync(shared);
            }
            finally
            {
                shared.Gate.Release();
            }
        }
    }

    /// <summary>Stops and removes the torrent and its content, unless a name needs it. What cannot be removed is removed by a later run.</summary>
    public async Task RemoveAsync(InfoHash infoHash)
    {
        var shared = _torrents.GetOrAdd(infoHash, static _ => new Shared());
        await shared.Gate.WaitAsync();
        try
        {
            if (!book.Needs(infoHash))
            {
                await StopAsync(shared);
                await Task.Run(() => folder.Remove(infoHash));
            }
        }
        catch (StorageException error)
        {
            tell(new SubscriptionNotice.Warning($"an old version cannot be removed: {error.Message}"));
        }
        finally
        {
            shared.Gate.Release();
        }
    }

    /// <summary>Bytes received and sent in this run, by all of them.</summary>
    public async Task<(long Downloaded, long Uploaded)> CountAsync()
    {
        var (downloaded, uploaded) = (Interlocked.Read(ref _downloaded), Interlocked.Read(ref _uploaded));
        foreach (var torrent in _torrents.Values.Select(shared => shared.Torrent).OfType<TorrentHandle>())
        {
            var progress = await torrent.GetProgressAsync();
            downloaded += progress.DownloadedBytes;
            uploaded += progress.UploadedBytes;
        }

        return (downloaded, uploaded);
    }

    private async Task StopAsync(Shared shared)
    {
        if (shared.Torrent is { } torrent)
        {
            shared.Torrent = null;
            await torrent.StopAsync();
            var progress = await torrent.GetProgressAsync();
            Interlocked.Add(ref _downloaded, progress.DownloadedBytes);
            Interlocked.Add(ref _uploaded, progress.UploadedBytes);
        }
    }

    private sealed class Shared
    {
        public SemaphoreSlim Gate { get; } = new(1);

        public TorrentHandle? Torrent { get; set; }
    }
}
