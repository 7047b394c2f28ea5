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
/// <param name="Client">The client that has it, and nothing else; null if the session's own has it.</param>
internal sealed record HeldTorrent(string Name, int Version, TorrentHandle Torrent, string Path, bool IsUpload, ShoalClient? Client)
{
    public string What => $"{Name}@{Version}";
}

/// <summary>
/// The torrents that a session has, each place of one once, and what happens to them. A client has a torrent in one place: for a second, what was
/// uploaded from here and is fetched to elsewhere, there is a client of its own. Thread-safe.
/// </summary>
internal sealed class Transfers(ShoalClient client, Func<Task<ShoalClient>> startClientAsync, Reporter reporter)
{
    /// <summary>Second places at a time; more are refused.</summary>
    public const int MaximumClientCount = 20;

    private static readonly TimeSpan LonelyAfter = TimeSpan.FromSeconds(10);

    private readonly ConcurrentDictionary<(InfoHash, string Folder), HeldTorrent> _held = new();
    private readonly SemaphoreSlim _adding = new(1);
    private readonly ConcurrentDictionary<Task, bool> _watching = new();
    private long _downloadedBefore;
    private long _uploadedBefore;

    /// <summary>All of them, by name.</summary>
    public IReadOnlyList<HeldTorrent> All => [.. _held.Values.OrderBy(held => held.Name, StringComparer.Ordinal).ThenBy(held => held.Version)];

    /// <summary>The torrent whose file or folder lies in that folder.</summary>
    public bool TryFind(InfoHash infoHash, string folder, [NotNullWhen(true)] out HeldTorrent? held) => _held.TryGetValue((infoHash, folder), out held);

    /// <summary>Those that a reference means.</summary>
    public IReadOnlyList<HeldTorrent> Of(CatalogueReference reference) =>
        [.. All.Where(held => held.Name == reference.Name.Value && (reference.Version is null || held.Version == reference.Version))];

    /// <summary>Adds a torrent, whose file or folder is at the path, to a client that has it nowhere else, and tells what happens to it.</summary>
    /// <exception cref="ShoalException">It cannot be added.</exception>
    /// <exception cref="UserErrorException">There are too many in two places.</exception>
    public async Task<HeldTorrent> AddAsync(CatalogueEntry entry, string path, bool isUpload, Func<ShoalClient, Task<TorrentHandle>> addAsync, CancellationToken stop)
    {
        await _adding.WaitAsync(stop);
        try
        {
            var own = _held.Values.Any(held => held.Torrent.InfoHash == entry.InfoHash) ? await StartAsync() : null;
            try
            {
                var held = new HeldTorrent(entry.Name, entry.Version, await addAsync(own ?? client), path, isUpload, own);
                _held[(entry.InfoHash, FolderOf(path))] = held;
                Watch(TellEventsAsync(held));
                if (!isUpload)
                {
                    Watch(TellLonelinessAsync(held));
                }

                return held;
            }
            catch when (own is not null)
            {
                await own.DisposeAsync();
                throw;
            }
        }
        finally
        {
            _adding.Release();
        }
    }

    /// <summary>Stops it politely and forgets it.</summary>
    public async Task RemoveAsync(HeldTorrent held)
    {
        await held.Torrent.StopAsync();
        if (_held.TryRemove((held.Torrent.InfoHash, FolderOf(held.Path)), out _))
        {
            var last = await held.Torrent.GetProgressAsync();
            Interlocked.Add(ref _downloadedBefore, last.DownloadedBytes);
            Interlocked.Add(ref _uploadedBefore, last.UploadedBytes);
            await (held.Client?.DisposeAsync() ?? ValueTask.CompletedTask);
        }
    }

    /// <summary>The folder in which a file or folder lies.</summary>
    public static string FolderOf(string path) => Path.GetDirectoryName(path) ?? path;

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
            if (progress.State is TorrentState.Checking or TorrentState.Downloading or TorrentState.Paused)
            {
                rows.Add(RowOf(held.Name, held.Version, progress));
            }
            else if (progress.State == TorrentState.Seeding)
            {
                seeding++;
                peers += progress.Peers.Count;
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

    /// <summary>Stops all politely, and waits until nothing more is told.</summary>
    public async Task EndAsync()
    {
        await Task.WhenAll([client.DisposeAsync().AsTask(), .. All.Select(held => held.Client?.DisposeAsync().AsTask() ?? Task.CompletedTask)]);
        await Task.WhenAll(_watching.Keys);
    }

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

    private async Task<ShoalClient> StartAsync() => _held.Values.Count(held => held.Client is not null) < MaximumClientCount ? await startClientAsync()
        : throw new UserErrorException($"there are {MaximumClientCount} in a second place already; 'shoal get' gets it to another", ExitCode.Failed);

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
