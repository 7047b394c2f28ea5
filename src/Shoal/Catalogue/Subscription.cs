using System.Threading.Channels;
using Shoal.Protocol;
using Shoal.Protocol.Catalogue;
using Shoal.Runtime.Storage;

namespace Shoal.Catalogue;

/// <summary>
/// Keeps a folder as a catalogue has it: fetches every version of the names that match, as it appears, puts it in its place and seeds it. What
/// happened until it is ended, or killed, it knows when it is opened again. Thread-safe.
/// </summary>
public sealed class Subscription : IDisposable
{
    private const int MostEventsAtOnce = 1024;
    private const int MostRefusalsTold = 20;

    private readonly CatalogueClient _catalogue;
    private readonly IReadOnlyList<NamePattern> _patterns;
    private readonly SubscriptionOptions _options;
    private readonly SubscriptionFolder _folder;
    private readonly SubscriptionBook _book;
    private readonly Dictionary<CatalogueName, NameFetcher> _fetchers = [];
    private readonly Lock _gate = new();
    private SubscriptionFetching? _fetching;
    private Task _removing = Task.CompletedTask;
    private bool _isConnected = true;
    private bool _isReady;
    private ShoalClient? _client;
    private bool _isEnding;
    private int _refusalCount;

    private Subscription(CatalogueClient catalogue, IReadOnlyList<NamePattern> patterns, SubscriptionFolder folder, SubscriptionBook book, SubscriptionOptions options)
    {
        _catalogue = catalogue;
        _patterns = patterns;
        _folder = folder;
        _book = book;
        _options = options;
    }

    /// <summary>Opens the folder, which is made if it is not there; connects to nobody yet.</summary>
    /// <param name="catalogue">The catalogue.</param>
    /// <param name="patterns">Which names; one at least.</param>
    /// <param name="folder">Where files go.</param>
    /// <param name="options">How it works.</param>
    /// <exception cref="ShoalException">The folder cannot be written, its state cannot be read, or another subscription has it.</exception>
    public static Subscription Open(CatalogueClient catalogue, IReadOnlyList<NamePattern> patterns, string folder, SubscriptionOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(catalogue);
        ArgumentNullException.ThrowIfNull(patterns);
        ArgumentNullException.ThrowIfNull(folder);
        ArgumentOutOfRangeException.ThrowIfZero(patterns.Count);
        options ??= new SubscriptionOptions();
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Keep, 1, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MaximumDownloadCount, 1, nameof(options));
        var opened = SubscriptionFolder.Open(folder);
        try
        {
            var texts = patterns.Select(pattern => pattern.Text).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToList();
            return new Subscription(catalogue, patterns, opened, SubscriptionBook.Open(opened, catalogue.Address.ToString(), texts), options);
        }
        catch
        {
            opened.Dispose();
            throw;
        }
    }

    /// <summary>Works until it is cancelled, which is how it ends: then nothing runs any more but the client's torrents. To be called once.</summary>
    /// <exception cref="ShoalException">The catalogue refuses.</exception>
    public async Task RunAsync(ShoalClient client, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(client);
        _client = client;
        var torrents = new SubscriptionTorrents(client, _folder, _book, _options.Torrents with { Trackers = [.. _catalogue.Trackers, .. _options.Torrents.Trackers] }, _options.Tell);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _fetching = new SubscriptionFetching(_catalogue, _folder, _book, torrents, _options);
        try
        {
            await ContinueAsync(torrents, ending.Token);
            await HearAsync(ending.Token);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // That is how it ends.
        }
        finally
        {
            Task[] running;
            lock (_gate)
            {
                _isEnding = true;
                running = [.. _fetchers.Values.Select(fetcher => fetcher.Work)];
            }

            await ending.CancelAsync();
            await Task.WhenAll([.. running, _removing]);
        }
    }

    /// <summary>What is being fetched just now, by name.</summary>
    public Task<IReadOnlyList<SubscriptionProgress>> GetProgressAsync() => _fetching?.GetProgressAsync() ?? Task.FromResult<IReadOnlyList<SubscriptionProgress>>([]);

    /// <summary>Bytes received and sent in this run.</summary>
    public Task<(long Downloaded, long Uploaded)> CountAsync() => _fetching?.Torrents.CountAsync() ?? Task.FromResult((0L, 0L));

    /// <summary>Lets others have the folder. To be called when <see cref="RunAsync"/> has ended.</summary>
    public void Dispose() => _folder.Dispose();

    // What was there when the last run ended.
    private async Task ContinueAsync(SubscriptionTorrents torrents, CancellationToken cancellationToken)
    {
        // Without a book it is not known what is whose; what is there then serves who asks for it.
        if (!_book.IsNew)
        {
            foreach (var infoHash in _folder.All().Where(infoHash => !_book.Needs(infoHash)))
            {
                await torrents.RemoveAsync(infoHash);
            }
        }

        var names = _book.Names;
        foreach (var infoHash in names.SelectMany(_book.InPlace).Where(version => version.IsComplete).Select(version => version.InfoHash).Distinct().ToList())
        {
            if (await torrents.SeedAsync(infoHash, cancellationToken) is { } torrent)
            {
                _ = WatchSeedAsync(torrents, torrent, cancellationToken);
            }
            else
            {
                _book.SetLost(infoHash);
            }
        }

        foreach (var name in names)
        {
            Restore(name);
            Kick(name, cancellationToken);
        }
    }

    // A link that a power cut took, or somebody.
    private void Restore(CatalogueName name)
    {
        try
        {
            if (_book.InPlace(name) is [var newest, ..] && _folder.Find(newest.InfoHash) is { } metainfo && _folder.Put(name, metainfo) is { } wrong)
            {
                _options.Tell(new SubscriptionNotice.Warning($"{name}@{newest.Version} cannot be put in its place: {wrong}"));
            }
        }
        catch (Exception error) when (error is StorageException or IOException or UnauthorizedAccessException)
        {
            _options.Tell(new SubscriptionNotice.Warning($"{name} cannot be put in its place: {error.Message}"));
        }
    }

    // What is not whole is fetched again, rather than seeded in part.
    private async Task WatchSeedAsync(SubscriptionTorrents torrents, TorrentHandle torrent, CancellationToken cancellationToken)
    {
        try
        {
            await torrent.Completion.WaitAsync(cancellationToken);
            var progress = await torrent.GetProgressAsync(cancellationToken);
            if (progress.HavePieceCount + progress.LostPieceCount >= progress.PieceCount)
            {
                return;
            }

            _options.Tell(new SubscriptionNotice.Warning($"'{torrent.Name}' is not whole any more: {progress.PieceCount - progress.HavePieceCount} of {progress.PieceCount} pieces are fetched again"));
        }
        catch (OperationCanceledException)
        {
            return;
        }
        catch (ShoalException error)
        {
            _options.Tell(new SubscriptionNotice.Warning($"{error.Message}; it is fetched again"));
        }

        await torrents.StopAsync(torrent.InfoHash);
        foreach (var name in _book.SetLost(torrent.InfoHash))
        {
            Kick(name, cancellationToken);
        }
    }

    private async Task HearAsync(CancellationToken cancellationToken)
    {
        // Those that come while others are written down are written down together: a catalogue of thousands begins with as many.
        var heard = Channel.CreateBounded<CatalogueNews>(MostEventsAtOnce);
        using var hearing = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var listening = ListenAsync(heard.Writer, hearing.Token);
        try
        {
            while (await heard.Reader.WaitToReadAsync(cancellationToken))
            {
                HashSet<CatalogueName> changed = [];
                List<InfoHash> dropped = [];
                List<SubscriptionNotice> notices = [];
                while (heard.Reader.TryRead(out var news))
                {
                    Take(news, changed, dropped, notices);
                }

                try
                {
                    await _book.SaveAsync();
                }
                catch (StorageException error)
                {
                    // Nothing is lost but time: the next run hears again what could not be written down.
                    notices.Add(new SubscriptionNotice.Warning(error.Message));
                }

                notices.ForEach(_options.Tell);
                foreach (var name in changed)
                {
                    Kick(name, cancellationToken);
                }

                // A torrent's end takes seconds, for which nobody waits.
                _removing = Task.WhenAll([_removing, .. dropped.Distinct().Select(_fetching!.Torrents.RemoveAsync)]);
            }
        }
        finally
        {
            await hearing.CancelAsync();
            await listening;
        }
    }

    private async Task ListenAsync(ChannelWriter<CatalogueNews> heard, CancellationToken cancellationToken)
    {
        try
        {
            await foreach (var news in _catalogue.SubscribeAsync(_patterns, _book.LastId, cancellationToken))
            {
                await heard.WriteAsync(news, cancellationToken);
            }
        }
        catch (Exception error) when (error is OperationCanceledException or ShoalException)
        {
            heard.TryComplete(error);
        }
    }

    private void Take(CatalogueNews news, HashSet<CatalogueName> changed, List<InfoHash> dropped, List<SubscriptionNotice> notices)
    {
        if (news.Kind != CatalogueNewsKind.Disconnected && !_isConnected)
        {
            _isConnected = true;
            notices.Add(new SubscriptionNotice.Reconnected());
            _client!.AnnounceAnew();
            _fetching!.TryNow();
        }

        switch (news)
        {
            case { Kind: CatalogueNewsKind.Published, Event.Published: { } entry } when Accept(entry.Name, notices) is { } name:
                if (_book.Add(name, entry) is { } superseded)
                {
                    dropped.AddRange(superseded.Select(version => version.InfoHash));
                    changed.Add(name);
                    notices.Add(new SubscriptionNotice.Found(entry.Name, entry.Version, entry.InfoHash, entry.Size));
                }

                break;
            case { Kind: CatalogueNewsKind.Removed, Event.Removed: { } removal } when Accept(removal.Name, notices) is { } name:
                dropped.AddRange(_book.Drop(name, removal.Version).Select(version => version.InfoHash));
                changed.Add(name);
                notices.Add(new SubscriptionNotice.Removed(removal.Name, removal.Version));
                break;
            case { Kind: CatalogueNewsKind.Ready } when !_isReady:
                _isReady = true;
                notices.Add(new SubscriptionNotice.Ready(_book.Names.Count));
                break;
            case { Kind: CatalogueNewsKind.Disconnected } when _isConnected:
                _isConnected = false;
                notices.Add(new SubscriptionNotice.Disconnected(news.Reason!));
                break;
            case { Kind: CatalogueNewsKind.PassedOver }:
                Refuse($"an event of the catalogue is passed over: {news.Reason}", notices);
                break;
            default:
                break;
        }

        _book.Heard(news.Id);
    }

    // The server is not trusted with where things are put.
    private CatalogueName? Accept(string text, List<SubscriptionNotice> notices)
    {
        var wrong = !CatalogueName.TryParse(text, out var name, out var error) ? error
            : !_patterns.Any(pattern => pattern.IsMatch(text)) ? "nobody asked for it"
            : SubscriptionFolder.WhatIsWrongWith(name);
        if (wrong is null)
        {
            return name;
        }

        Refuse($"a name of the catalogue is passed over, '{text}': {wrong}", notices);
        return null;
    }

    private void Refuse(string warning, List<SubscriptionNotice> notices)
    {
        if (_refusalCount++ < MostRefusalsTold)
        {
            notices.Add(new SubscriptionNotice.Warning(warning));
        }
    }

    // Sees to it that somebody works for the name, and on what is still wanted.
    private void Kick(CatalogueName name, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (_fetchers.TryGetValue(name, out var fetcher))
            {
                fetcher.BreakOffUnless(version => _book.Has(name, version));
            }
            else if (!_isEnding && _book.Pending(name) is not null)
            {
                fetcher = new NameFetcher();
                _fetchers[name] = fetcher;
                fetcher.Work = Task.Run(() => WorkAsync(name, fetcher, cancellationToken), CancellationToken.None);
            }
        }
    }

    // One version after another: so is what is to be done when it is in place.
    private async Task WorkAsync(CatalogueName name, NameFetcher fetcher, CancellationToken cancellationToken)
    {
        while (true)
        {
            SubscribedVersion version;
            CancellationToken token;
            lock (_gate)
            {
                if (_book.Pending(name) is not { } pending || cancellationToken.IsCancellationRequested)
                {
                    _fetchers.Remove(name);
                    return;
                }

                (version, token) = (pending, fetcher.Begin(pending, cancellationToken));
            }

            try
            {
                await _fetching!.FetchAsync(name, version, token);
            }
            catch (OperationCanceledException) when (token.IsCancellationRequested)
            {
                // Given up for a newer one, or the end.
            }
            finally
            {
                lock (_gate)
                {
                    fetcher.End();
                }
            }
        }
    }

    /// <summary>Who works for a name, and on which version.</summary>
    private sealed class NameFetcher
    {
        private CancellationTokenSource? _cancel;
        private SubscribedVersion? _version;

        public Task Work { get; set; } = Task.CompletedTask;

        public CancellationToken Begin(SubscribedVersion version, CancellationToken cancellationToken)
        {
            _version = version;
            _cancel = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            return _cancel.Token;
        }

        public void End()
        {
            _cancel?.Dispose();
            (_cancel, _version) = (null, null);
        }

        public void BreakOffUnless(Predicate<SubscribedVersion> isWanted)
        {
            if (_version is { } version && !isWanted(version))
            {
                _ = _cancel!.CancelAsync(); // what it wakes runs elsewhere, not under our lock
            }
        }
    }
}
