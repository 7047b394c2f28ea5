using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Shoal.Discovery;
using Shoal.Engine;
using Shoal.Engine.Swarms;
using Shoal.Protocol;
using Shoal.Protocol.Metadata;
using Shoal.Runtime.Hosting;
using Shoal.Runtime.Storage;

namespace Shoal;

/// <summary>
/// One torrent of a client: how it stands, what happens, when it is complete. Thread-safe. It ties the engine's swarm to
/// the content on disk: opens and checks it when its metadata is known, records what was written, finishes the files.
/// </summary>
public sealed class TorrentHandle
{
    private const int MostEventsKept = 4096;
    private static readonly TimeSpan TendInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan PatienceAtTheEnd = TimeSpan.FromSeconds(5);

    private readonly ShoalClient _client;
    private readonly SwarmId _id;
    private readonly TorrentOrigin _origin;
    private readonly string _folder;
    private readonly AddOptions _options;
    private readonly NewTorrent? _new;
    private readonly PeerSearch _search;
    private readonly CancellationTokenSource _stopping = new();
    private readonly TaskCompletionSource _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<IReadOnlyDictionary<PieceIndex, Bitfield>> _stopped = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<Metainfo> _metadata = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly SemaphoreSlim _wake = new(0);
    private readonly ConcurrentQueue<IReadOnlyList<PieceIndex>> _lost = new();
    private readonly Channel<SwarmEvent> _events = Channel.CreateBounded<SwarmEvent>(
        new BoundedChannelOptions(MostEventsKept) { FullMode = BoundedChannelFullMode.DropOldest });
    private readonly Lock _gate = new();
    private Action<AnnounceOrder>? _announce;
    private volatile TorrentContent? _content;
    private volatile bool _isFinishDue;
    private (long Checked, long ToCheck) _checking;
    private SwarmStatus? _lastStatus;
    private Task _work = Task.CompletedTask;
    private Task? _stop;

    internal TorrentHandle(ShoalClient client, SwarmId id, TorrentOrigin origin, string folder, AddOptions options, NewTorrent? newTorrent)
    {
        _client = client;
        _id = id;
        _origin = origin;
        _folder = folder;
        _options = options;
        _new = newTorrent;
        _search = new PeerSearch(client, id, origin, options);
    }

    /// <summary>Which torrent.</summary>
    public InfoHash InfoHash => _origin.InfoHash;

    /// <summary>Its name, as far as it is known; else the info-hash.</summary>
    public string Name => Metainfo?.Name ?? _origin.Name ?? InfoHash.ToString();

    /// <summary>What it holds; null until that is known.</summary>
    public Metainfo? Metainfo => _metadata.Task.IsCompletedSuccessfully ? _metadata.Task.Result : null;

    /// <summary>Ends when it is known what the torrent holds.</summary>
    public Task<Metainfo> Metadata => _metadata.Task;

    /// <summary>
    /// Ends when all that is wanted is there, verified and in its place. Fails with a <see cref="ShoalException"/> if that
    /// cannot be, and is cancelled by a stop.
    /// </summary>
    public Task Completion => _completion.Task;

    /// <summary>Where the content is: the torrent's file or folder; null until it is known.</summary>
    public string? ContentPath => _content is { } content && Metainfo is { } metainfo
        ? metainfo.IsFolder ? content.Store.Root : Path.Combine(content.Store.Root, metainfo.Files[0].Path)
        : null;

    /// <summary>What is amiss though it goes on, in one line: a record that could not be written. Null if nothing is.</summary>
    public string? Warning { get; private set; }

    /// <summary>True if nobody named a tracker or a peer, and there is no other way: it comes only from who connects to us.</summary>
    public bool KnowsNobody => _search.KnowsNobody;

    /// <summary>True if nobody named a tracker or a peer, and it is looked for all the same: around here, or in the DHT.</summary>
    public bool OnlySearches => _search.OnlySearches;

    /// <summary>A line for each file that was there and could not be read when it was checked; it counts as not there.</summary>
    public IReadOnlyList<string> ReadErrors => _content?.ReadErrors ?? [];

    /// <summary>
    /// How it stands, now and then every <paramref name="interval"/> (1 s), until it is complete; with
    /// <paramref name="whileSeeding"/> until it has stopped. Ends also when it fails: <see cref="Completion"/> tells why.
    /// </summary>
    public async IAsyncEnumerable<TorrentProgress> WatchAsync(
        TimeSpan? interval = null, bool whileSeeding = false, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var end = whileSeeding ? Task.WhenAny(_stopped.Task, FailureAsync()) : Task.WhenAny(_completion.Task, _stopped.Task);
        while (true)
        {
            var isLast = end.IsCompleted;
            yield return await GetProgressAsync(cancellationToken);
            if (isLast)
            {
                yield break;
            }

            using var pause = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            await Task.WhenAny(end, Task.Delay(interval ?? TimeSpan.FromSeconds(1), pause.Token));
            await pause.CancelAsync();
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    /// <summary>What happens, in order, until the torrent has stopped. For one reader; who does not read for long misses the oldest.</summary>
    public IAsyncEnumerable<SwarmEvent> ReadEventsAsync(CancellationToken cancellationToken = default) =>
        _events.Reader.ReadAllAsync(cancellationToken);

    /// <summary>How it stands.</summary>
    public async Task<TorrentProgress> GetProgressAsync(CancellationToken cancellationToken = default)
    {
        if (!_stopped.Task.IsCompleted && !_client.Host.Completion.IsCompleted)
        {
            var answer = _client.Host.AskAsync(() => _client.Session.StatusOf(_id));
            if (await Task.WhenAny(answer, _client.Host.Completion).WaitAsync(cancellationToken) == answer)
            {
                _lastStatus = await answer ?? _lastStatus;
            }
        }

        return ProgressReport.Of(_lastStatus, Metainfo, _content, _checking, _stopped.Task.IsCompleted, _client.Host.Now);
    }

    /// <summary>
    /// Stops politely: queued uploads are given a few seconds, trackers are told, what was received is recorded.
    /// </summary>
    public Task StopAsync()
    {
        lock (_gate)
        {
            return _stop ??= StopOnceAsync();
        }
    }

    internal void Begin(Action<AnnounceOrder> announce, IReadOnlyList<PeerAddress> peers)
    {
        _announce = announce;
        _client.Host.Attach(_id, new SwarmResources { OnEvent = OnEvent, OnAnnounce = announce });
        _ = ObserveHostAsync();
        _search.Begin(peers, _stopping.Token); // before all that may end it
        if (_origin.Metainfo is { } metainfo)
        {
            _work = RunAsync(metainfo);
        }
        else
        {
            Post(InputKind.Start);
        }
    }

    // Runs within a turn of the engine: quick, and never throws.
    private void OnEvent(SwarmEvent happened)
    {
        switch (happened)
        {
            case SwarmEvent.MetadataReceived received:
                Learn(received.InfoBytes);
                break;
            case SwarmEvent.PieceCompleted completed:
                _content?.Written(completed.Piece);
                break;
            case SwarmEvent.PiecesLost lost:
                _lost.Enqueue(lost.Pieces);
                break;
            case SwarmEvent.DhtNodeTold told:
                _client.Dht?.Client?.AddNode(told.Address);
                break;
            case SwarmEvent.Completed:
                _isFinishDue = true;
                _wake.Release();
                break;
            case SwarmEvent.Stopped stopped:
                _stopped.TrySetResult(stopped.Partial);
                break;
            case SwarmEvent.Paused when _content?.Forgery is { } forgery:
                Fail(new ShoalException($"{Name}: {forgery}"));
                return; // nothing will change by waiting
        }

        Log.Happened(_client.Logger, Name, happened);
        _events.Writer.TryWrite(happened);
        if (happened is SwarmEvent.Stopped)
        {
            _events.Writer.TryComplete();
        }
    }

    private void Learn(ReadOnlyMemory<byte> infoBytes)
    {
        if (MetainfoReader.TryReadInfo(infoBytes, out var metainfo, out var error))
        {
            lock (_gate)
            {
                _work = Task.Run(() => RunAsync(metainfo.WithSources(_origin.Trackers, [])));
            }
        }
        else
        {
            Fail(new ShoalException(ShoalErrorKind.BadInput, $"{Name}: the metadata from peers cannot be used: {error}"));
        }
    }

    /// <summary>Opens and checks the content, hands it to the engine, and tends it until the torrent has stopped.</summary>
    private async Task RunAsync(Metainfo torrent)
    {
        _search.MetadataKnown(torrent);
        try
        {
            var secret = _origin.Open(torrent);
            var metainfo = secret?.Content ?? torrent;
            _metadata.TrySetResult(metainfo);
            var (content, state) = _new is null
                ? await TorrentContent.OpenAsync(
                    metainfo, secret, _folder, _options, _client.Options.EffectiveStateDirectory,
                    (done, all) => _checking = (Math.Max(done, _checking.Checked), all), _stopping.Token)
                : TorrentContent.OpenNew(_new, secret, _options);
            _content = content;
            Log.Checked(_client.Logger, Name, state.Have.Count, metainfo.Layout.PieceCount, _checking.Checked);
            if (_options.SeedOnly && state.Have.IsEmpty && metainfo.Layout.PieceCount > 0)
            {
                throw new ShoalException($"nothing of '{metainfo.Name}' is in '{content.Store.Root}'");
            }

            _client.Host.Attach(_id, new SwarmResources
            {
                Layout = torrent.Layout, Store = content.Pieces, OnEvent = OnEvent, OnAnnounce = _announce,
            });
            _client.Host.Post(new Input(InputKind.ContentReady, _id, Detail: state));
            Post(InputKind.Start);
            await TendAsync(content);
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            // StopOnceAsync closes what was opened.
        }
        catch (StorageException error)
        {
            Fail(new ShoalException(ShoalErrorKind.Environment, error.Message, error));
        }
        catch (ShoalException error)
        {
            Fail(error);
        }
    }

    private async Task TendAsync(TorrentContent content)
    {
        while (!_stopping.IsCancellationRequested)
        {
            await _wake.WaitAsync(TendInterval, _stopping.Token);
            try
            {
                await Task.Run(() => Tend(content));
                Warning = null;
            }
            catch (StorageException error)
            {
                // Nothing is lost: what could not be recorded is checked again by the next run.
                if (Warning != error.Message)
                {
                    Log.NotRecorded(_client.Logger, Name, error.Message);
                }

                Warning = error.Message;
            }
        }
    }

    private void Tend(TorrentContent content)
    {
        while (_lost.TryDequeue(out var pieces))
        {
            content.Lost(pieces);
        }

        content.RecordIfDue();
        if (_isFinishDue)
        {
            content.Finish();
            _isFinishDue = false;
            _completion.TrySetResult();
        }
    }

    private async Task StopOnceAsync()
    {
        await _stopping.CancelAsync();
        _search.End();
        _completion.TrySetCanceled();
        _metadata.TrySetCanceled();
        Post(InputKind.Stop);
        var bound = Task.Delay(_client.Options.StopGrace + PatienceAtTheEnd);
        await Task.WhenAny(_stopped.Task, _client.Host.Completion, bound);
        await _work;
        if (_content is { } content)
        {
            await CloseAsync(content);
        }

        _stopped.TrySetResult(new Dictionary<PieceIndex, Bitfield>());
        _events.Writer.TryComplete();
        _client.Forget(_id);
    }

    private async Task CloseAsync(TorrentContent content)
    {
        if (_stopped.Task.IsCompletedSuccessfully)
        {
            _lastStatus = await StatusAfterStopAsync();
            _client.Host.Detach(_id);
            _client.Host.Run(() => _client.Session.Forget(_id));
            try
            {
                var partial = await _stopped.Task;
                await Task.Run(() => content.Stop(partial));
            }
            catch (StorageException error)
            {
                Warning = error.Message;
            }
        }

        content.Dispose();
    }

    private async Task<SwarmStatus?> StatusAfterStopAsync()
    {
        var answer = _client.Host.AskAsync(() => _client.Session.StatusOf(_id));
        return await Task.WhenAny(answer, _client.Host.Completion) == answer ? await answer : _lastStatus;
    }

    private async Task ObserveHostAsync()
    {
        try
        {
            await _client.Host.Completion;
        }
#pragma warning disable CA1031 // an error of ours ends every torrent, and is shown
        catch (Exception error)
#pragma warning restore CA1031
        {
            Fail(new ShoalException(ShoalErrorKind.Failed, $"{Name}: an error of Shoal's own: {error.GetType().Name}: {error.Message}", error));
        }
    }

    private void Fail(ShoalException error)
    {
        Log.Failed(_client.Logger, Name, error.Message);
        _search.End();
        _completion.TrySetException(error);
        _metadata.TrySetException(error);
        Post(InputKind.Stop);
    }

    // Ends when the torrent has failed, never otherwise.
    private async Task FailureAsync()
    {
        try
        {
            await _completion.Task;
        }
        catch (ShoalException)
        {
            return;
        }
        catch (OperationCanceledException)
        {
            // That is a stop, and no failure.
        }

        await _stopped.Task;
    }

    private void Post(InputKind kind) => _client.Host.Post(new Input(kind, _id));
}
