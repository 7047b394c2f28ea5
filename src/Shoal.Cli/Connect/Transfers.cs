using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using Shoal.Catalogue;
using Shoal.Cli.Reporting;
using Shoal.Engine;
using Shoal.Protocol;
using Shoal.Protocol.Catalogue;

namespace Shoal.Cli.Connect;

/// <summary>A torrent that a session has.</summary>
/// <param name="Name">Its name in the catalogue.</param>
/// <param name="Version">Which version it is.</param>
/// <param name="Torrent">The torrent.</param>
/// <param name="Path">Where its file or folder is.</param>
/// <param name="IsUpload">Whether it was there before, rather than fetched.</param>
internal sealed record HeldTorrent(string Name, int Version, TorrentHandle Torrent, string Path, bool IsUpload)
{
    public string What => $"{Name}@{Version}";
}

/// <summary>The torrents that a session has, each once, and what happens to them. Thread-safe.</summary>
internal sealed class Transfers(Reporter reporter)
{
    private static readonly TimeSpan LonelyAfter = TimeSpan.FromSeconds(10);

    private readonly ConcurrentDictionary<InfoHash, HeldTorrent> _held = new();
    private readonly ConcurrentDictionary<Task, bool> _watching = new();
    private long _downloadedBefore;
    private long _uploadedBefore;

    /// <summary>All of them, by name.</summary>
    public IReadOnlyList<HeldTorrent> All => [.. _held.Values.OrderBy(held => held.Name, StringComparer.Ordinal).ThenBy(held => held.Version)];

    public bool TryFind(InfoHash infoHash, [NotNullWhen(true)] out HeldTorrent? held) => _held.TryGetValue(infoHash, out held);

    /// <summary>Those that a reference means.</summary>
    public IReadOnlyList<HeldTorrent> Of(CatalogueReference reference) =>
        [.. All.Where(held => held.Name == reference.Name.Value && (reference.Version is null || held.Version == reference.Version))];

    /// <summary>Keeps it, and tells what happens to it.</summary>
    public void Add(HeldTorrent held)
    {
        _held[held.Torrent.InfoHash] = held;
        Watch(TellEventsAsync(held));
        if (!held.IsUpload)
        {
            Watch(TellLonelinessAsync(held));
        }
    }

    /// <summary>Stops it politely and forgets it.</summary>
    public async Task RemoveAsync(HeldTorrent held)
    {
        await held.Torrent.StopAsync();
        if (_held.TryRemove(held.Torrent.InfoHash, out _))
        {
            var last = await held.Torrent.GetProgressAsync();
            Interlocked.Add(ref _downloadedBefore, last.DownloadedBytes);
            Interlocked.Add(ref _uploadedBefore, last.UploadedBytes);
        }
    }

    /// <summary>Waits until it is whole, and says so; if it fails, it is forgotten.</summary>
    /// <exception cref="ShoalException">It cannot be had.</exception>
    public async Task CompleteAsync(HeldTorrent held, CancellationToken stop)
    {
        try
        {
            await held.Torrent.Completion.WaitAsync(stop);
        }
        catch (ShoalException)
        {
            await RemoveAsync(held);
            throw;
        }

        var (progress, size) = (await held.Torrent.GetProgressAsync(stop), held.Torrent.Metainfo!.StoredLength);
        var got = Math.Min(progress.DownloadedBytes, size);
        reporter.Report(new FetchedEvent(held.Name, held.Version, held.Path, got, held.IsUpload ? size : size - got));
    }

    /// <summary>How all of it stands, together with what subscriptions fetch.</summary>
    public async Task<TransfersEvent> DescribeAsync(IReadOnlyList<SubscriptionProgress> subscribed)
    {
        List<FetchingRow> rows = [];
        var (seeding, rate, peers) = (0, 0L, 0);
        foreach (var held in All)
        {
            var progress = await held.Torrent.GetProgressAsync();
            rate += progress.UploadRateBytesPerSecond;
            peers += progress.Peers.Count;
            if (progress.State is TorrentState.Checking or TorrentState.Downloading or TorrentState.Paused)
            {
                rows.Add(RowOf(held.Name, held.Version, progress));
            }
            else if (progress.State == TorrentState.Seeding)
            {
                seeding++;
            }
        }

        rows.AddRange(subscribed.Select(one => RowOf(one.Name, one.Version, one.Progress)));
        return new TransfersEvent(rows, seeding, peers, rate);
    }

    /// <summary>Tells of each that is not whole yet that it can be gone on with.</summary>
    public async Task ShowUnfinishedAsync()
    {
        foreach (var held in All.Where(held => !held.IsUpload && !held.Torrent.Completion.IsCompleted))
        {
            var progress = await held.Torrent.GetProgressAsync();
            reporter.Report(new UnfinishedEvent(held.Name, held.Version, held.Path, progress.HaveBytes, progress.WantedBytes));
        }
    }

    /// <summary>Bytes received and sent in this session.</summary>
    public async Task<(long Downloaded, long Uploaded)> CountAsync()
    {
        var (downloaded, uploaded) = (Interlocked.Read(ref _downloadedBefore), Interlocked.Read(ref _uploadedBefore));
        foreach (var held in All)
        {
            var progress = await held.Torrent.GetProgressAsync();
            (downloaded, uploaded) = (downloaded + progress.DownloadedBytes, uploaded + progress.UploadedBytes);
        }

        return (downloaded, uploaded);
    }

    /// <summary>Waits until nothing more is told, once the client is gone.</summary>
    public Task EndAsync() => Task.WhenAll(_watching.Keys);

    /// <summary>A state in a word.</summary>
    public static string WordFor(TorrentState state) => state switch
    {
        TorrentState.Checking => "checking",
        TorrentState.Seeding => "seeding",
        TorrentState.Paused => "paused",
        TorrentState.Stopping or TorrentState.Stopped => "stopped",
        _ => "downloading",
    };

    private static FetchingRow RowOf(string name, int version, TorrentProgress progress) => new(
        name, version, WordFor(progress.State), progress.HaveBytes, progress.WantedBytes, progress.DownloadRateBytesPerSecond,
        progress.Peers.Count, progress.Eta?.TotalSeconds);

    private void Watch(Task task)
    {
        _watching[task] = true;
        _ = task.ContinueWith(done => _watching.TryRemove(done, out _), CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
    }

    private async Task TellEventsAsync(HeldTorrent held)
    {
        await foreach (var happened in held.Torrent.ReadEventsAsync())
        {
            var text = happened switch
            {
                SwarmEvent.PiecesLost e => new LostEvent(e.Pieces.Count, e.LostCount, e.PieceCount, e.Reason).ToLine(),
                SwarmEvent.Paused e => new PausedEvent(e.Reason).ToLine(),
                SwarmEvent.Resumed => new ResumedEvent().ToLine(),
                SwarmEvent.PeerBanned e => new PeerEvent(e.Address.ToString(), "banned", Reason: e.Reason).ToLine(),
                _ => null,
            };
            if (text is not null)
            {
                reporter.Report(new WarningEvent($"{held.What}: {text}"));
            }
        }
    }

    private async Task TellLonelinessAsync(HeldTorrent held)
    {
        var (lonelySince, isTold) = (Environment.TickCount64, false);
        await foreach (var progress in held.Torrent.WatchAsync())
        {
            if (progress.Peers.Count > 0 || progress.State == TorrentState.Checking)
            {
                (lonelySince, isTold) = (Environment.TickCount64, false);
            }
            else if (!isTold && Environment.TickCount64 - lonelySince > LonelyAfter.TotalMilliseconds)
            {
                isTold = true;
                reporter.Report(new WaitingEvent(held.Name, held.Version));
            }
        }
    }
}
