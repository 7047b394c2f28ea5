using System.CommandLine;
using System.Net;
using System.Net.Sockets;
using Shoal.Cli.Reporting;
using Shoal.Discovery;
using Shoal.Engine;
using Shoal.Engine.PortMapping;
using Shoal.Protocol.PortMapping;

namespace Shoal.Cli.Commands;

/// <summary>
/// What `share`, `get` and `seed` have in common: a client by the options, and one torrent shown from its start to its
/// polite end.
/// </summary>
internal sealed class Transfer(Invocation invocation, Reporter reporter, ShoalClient client, TorrentHandle torrent)
{
    private const int MostReadErrorsShown = 10;

    /// <summary>Seconds of looking for peers in vain after which the user is told what would help.</summary>
    private const double SearchPatience = 15;

    private readonly long _start = Environment.TickCount64;
    private readonly Dictionary<string, string?> _lastErrorOfTracker = new(StringComparer.Ordinal);
    private TorrentProgress? _last;
    private bool _areReadErrorsTold;
    private bool _isLonelinessTold;
    private string? _lastWarning;

    private double Seconds => (Environment.TickCount64 - _start) / 1000.0;

    /// <summary>Starts a client as the options say. <paramref name="stopGrace"/> is how long a stop waits for uploads.</summary>
    public static async Task<ShoalClient> StartClientAsync(Invocation invocation, Reporter reporter, TimeSpan stopGrace)
    {
        var client = await ShoalClient.StartAsync(
            OptionsOf(invocation.Parse, stopGrace) with { LoggerFactory = invocation.Loggers }, invocation.Stop);
        reporter.Report(new ListeningEvent(client.EndPoint.Address.ToString(), client.EndPoint.Port, "peers"));
        _ = ShowPortNewsAsync(client, reporter);
        return client;
    }

    private static async Task ShowPortNewsAsync(ShoalClient client, Reporter reporter)
    {
        await foreach (var happened in client.ReadPortNewsAsync())
        {
            switch (happened)
            {
                case PortMappingOutput.Mapped { Port: var port }:
                    reporter.Report(new PortEvent(
                        port.Transport == PortTransport.Udp ? "udp" : "tcp", port.InternalPort, port.External.ToString(), port.ProtocolName));
                    if (port is { IsPublic: false, Transport: PortTransport.Tcp })
                    {
                        reporter.Report(new WarningEvent("the router is itself behind another, which lets nobody in from the internet"));
                    }

                    break;
                case PortMappingOutput.Lost { Port: var port, Reason: var reason }:
                    reporter.Report(new WarningEvent($"{NameOf(port.Transport)} {port.InternalPort} is open on the router no more: {reason}"));
                    break;
                case PortMappingOutput.Failed failed:
                    reporter.Report(new WarningEvent($"{NameOf(failed.Transport)} {failed.InternalPort} could not be opened on the router: {failed.Reason}"));
                    break;
                default:
                    break;
            }
        }
    }

    private static string NameOf(PortTransport transport) => transport == PortTransport.Udp ? "UDP port" : "port";

    /// <summary>A client's options from those of the command line.</summary>
    internal static ShoalOptions OptionsOf(ParseResult parse, TimeSpan stopGrace)
    {
        var defaults = new ShoalOptions();
        var connections = parse.GetValue(SharedOptions.MaxConnections) ?? SharedOptions.DefaultMaxConnections;
        return defaults with
        {
            BindAddress = parse.GetValue(SharedOptions.Bind),
            AdvertiseAddress = parse.GetValue(SharedOptions.Advertise),
            Port = parse.GetValue(SharedOptions.Port) ?? 0,
            MaximumUploadRateBytesPerSecond = parse.GetValue(SharedOptions.MaxUp),
            MaximumDownloadRateBytesPerSecond = parse.GetValue(SharedOptions.MaxDown),
            MaximumConnectionCount = connections,
            MaximumConnectionCountPerTorrent = connections,
            TrackerAuthorities = parse.GetValue(SharedOptions.TrackerAuthorities),
            Encryption = parse.GetValue(SharedOptions.Encryption) ?? defaults.Encryption,
            SeedingPolicy = parse.GetValue(SharedOptions.SeedingPolicy) ?? defaults.SeedingPolicy,
            Discovery = DiscoveryOf(parse),
            StopGrace = stopGrace,
        };
    }

    // The environment wins: who set it, often for many commands at once, counts on it.
    private static DiscoveryOptions DiscoveryOf(ParseResult parse)
    {
        var isOff = DiscoveryOptions.IsOffInEnvironment();
        if (isOff && parse.GetValue(SharedOptions.Public))
        {
            throw new UserErrorException($"--public and {DiscoveryOptions.Variable}=off exclude each other");
        }

        var options = isOff || parse.GetValue(SharedOptions.NoDiscovery) ? DiscoveryOptions.Off
            : new DiscoveryOptions { MapsPort = parse.GetValue(SharedOptions.Public) };
        return parse.GetValue(SharedOptions.DhtBootstrap) is { Length: > 0 } nodes ? options with { DhtBootstrap = nodes } : options;
    }

    /// <summary>
    /// The address that others can reach us at: what was advertised, else what is bound, else the one by which this
    /// machine would speak to the world.
    /// </summary>
    public static IPAddress PublicAddress(ParseResult parse)
    {
        if (parse.GetValue(SharedOptions.Advertise) is { } advertised)
        {
            return advertised;
        }

        var bound = parse.GetValue(SharedOptions.Bind);
        if (bound is not null && !bound.Equals(IPAddress.Any) && !bound.Equals(IPAddress.IPv6Any))
        {
            return bound;
        }

        try
        {
            // Sends nothing: the system only looks up its routes.
            using var probe = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            probe.Connect(IPAddress.Parse("192.0.2.1"), 9);
            return ((IPEndPoint)probe.LocalEndPoint!).Address;
        }
        catch (SocketException)
        {
            return IPAddress.Loopback;
        }
    }

    /// <summary>Shows the download until all is there; fails as the torrent fails.</summary>
    public async Task CompleteAsync()
    {
        var events = ShowEventsAsync();
        var metadata = ShowMetadataAsync();
        try
        {
            await foreach (var progress in torrent.WatchAsync(reporter.ProgressInterval, cancellationToken: invocation.Stop))
            {
                Show(progress);
            }

            await torrent.Completion;
            await metadata;
            reporter.Report(new CompleteEvent(
                torrent.InfoHash, torrent.ContentPath!, Math.Min(_last!.HaveBytes, torrent.Metainfo!.StoredLength), _last.DownloadedBytes, Seconds));
        }
        catch (OperationCanceledException) when (invocation.Stop.IsCancellationRequested)
        {
            await StopAsync();
            await events;
            throw;
        }
    }

    /// <summary>Shows seeding until Ctrl-C, or until it is enough.</summary>
    public async Task SeedAsync(Func<TorrentProgress, TimeSpan, bool>? isEnough = null)
    {
        var since = Environment.TickCount64;
        var events = ShowEventsAsync();
        try
        {
            await foreach (var progress in torrent.WatchAsync(reporter.ProgressInterval, whileSeeding: true, invocation.Stop))
            {
                Show(progress);
                if (isEnough?.Invoke(progress, TimeSpan.FromMilliseconds(Environment.TickCount64 - since)) == true)
                {
                    return;
                }
            }

            // It ended by itself, so it failed: this tells why.
            await torrent.Completion;
        }
        catch (OperationCanceledException) when (invocation.Stop.IsCancellationRequested)
        {
            // Ctrl-C is how it ends.
        }
    }

    /// <summary>Stops politely and sums up.</summary>
    public async Task StopAsync()
    {
        await torrent.StopAsync();
        var last = await torrent.GetProgressAsync();
        reporter.Report(new StoppedEvent(last.DownloadedBytes, last.UploadedBytes, last.Ratio, Seconds));
        await client.DisposeAsync();
    }

    private async Task ShowMetadataAsync()
    {
        try
        {
            var metainfo = await torrent.Metadata;
            reporter.Report(new MetadataEvent(
                metainfo.InfoHash, metainfo.Name, metainfo.StoredLength, metainfo.Layout.PieceCount, metainfo.Layout.PieceLength,
                metainfo.Files.Count(file => !file.IsPadding)));
            if (metainfo.IsSealed)
            {
                reporter.Report(new WarningEvent(
                    $"'{metainfo.Name}' is a secret share: without its shoal: link it can be carried and passed on, but not read"));
            }
        }
        catch (Exception error) when (error is ShoalException or OperationCanceledException)
        {
            // Who waits for completion hears of it.
        }
    }

    private async Task ShowEventsAsync()
    {
        await foreach (var happened in torrent.ReadEventsAsync())
        {
            if (Describe(happened) is { } shown)
            {
                reporter.Report(shown);
            }
        }
    }

    private Event? Describe(SwarmEvent happened) => happened switch
    {
        SwarmEvent.PeerConnected e => new PeerEvent(e.Address.ToString(), "connected", e.Id.ToString()),
        SwarmEvent.PeerDisconnected e => new PeerEvent(e.Address.ToString(), "disconnected", Reason: e.Reason),
        SwarmEvent.PeerBanned e => new PeerEvent(e.Address.ToString(), "banned", Reason: e.Reason),
        SwarmEvent.PieceFailed e => new PieceEvent(e.Piece.Value, "failed"),
        SwarmEvent.PiecesLost e => new LostEvent(e.Pieces.Count, e.LostCount, e.PieceCount, e.Reason),
        SwarmEvent.Paused e => new PausedEvent(e.Reason),
        SwarmEvent.Resumed => new ResumedEvent(),
        SwarmEvent.TrackerReplied e => Describe(e.Result),
        _ => null,
    };

    // A tracker that fails again as it did before is no news.
    private TrackerEvent? Describe(AnnounceResult result)
    {
        var isNews = !_lastErrorOfTracker.TryGetValue(result.Tracker, out var before) || before != result.Failure || result.Failure is null;
        _lastErrorOfTracker[result.Tracker] = result.Failure;
        return isNews
            ? new TrackerEvent(result.Tracker, result.Failure, result.SeederCount, result.LeecherCount, result.Peers?.Count ?? 0, result.Warning)
            : null;
    }

    private void ShowReadErrors(IReadOnlyList<string> errors)
    {
        foreach (var error in errors.Take(MostReadErrorsShown))
        {
            reporter.Report(new WarningEvent(error));
        }

        if (errors.Count > MostReadErrorsShown)
        {
            reporter.Report(new WarningEvent($"{errors.Count - MostReadErrorsShown} more files cannot be read ('shoal verify' lists them)"));
        }
    }

    private static bool LacksSomething(TorrentProgress progress) =>
        progress.State == TorrentState.FetchingMetadata ||
        (progress.State == TorrentState.Downloading && progress.HaveBytes < progress.WantedBytes);

    private void Show(TorrentProgress progress)
    {
        _last = progress;
        if (!_areReadErrorsTold && torrent.ReadErrors is { Count: > 0 } errors)
        {
            _areReadErrorsTold = true;
            ShowReadErrors(errors);
        }

        if (!_isLonelinessTold && progress.Peers.Count == 0 && LacksSomething(progress) &&
            (torrent.KnowsNobody || (torrent.OnlySearches && Seconds > SearchPatience)))
        {
            _isLonelinessTold = true;
            reporter.Report(new WarningEvent(torrent.KnowsNobody
                ? "no tracker and no peer is known for it; name one with --tracker or --peer"
                : "nobody was found yet who has it; if you know a tracker or a peer, name it with --tracker or --peer"));
        }

        if (torrent.Warning != _lastWarning)
        {
            _lastWarning = torrent.Warning;
            if (_lastWarning is not null)
            {
                reporter.Report(new WarningEvent(_lastWarning));
            }
        }

        var state = progress.State switch
        {
            TorrentState.FetchingMetadata => "metadata",
            TorrentState.Checking => "checking",
            TorrentState.Downloading => progress.IsWaiting ? "waiting" : "downloading",
            TorrentState.Seeding => "seeding",
            TorrentState.Paused => "paused",
            TorrentState.Stopping => "stopping",
            _ => "stopped",
        };
        reporter.Report(new ProgressEvent(
            state, torrent.Name, progress.HavePieceCount, progress.LostPieceCount, progress.PieceCount, progress.HaveBytes, progress.WantedBytes,
            progress.DownloadRateBytesPerSecond, progress.UploadRateBytesPerSecond, progress.Peers.Count,
            progress.DownloadedBytes, progress.UploadedBytes, Math.Round(progress.Ratio, 4), progress.Eta?.TotalSeconds,
            !reporter.ShowsPeers ? null : [.. progress.Peers.Select(peer => new PeerRow(
                peer.Address.ToString(), peer.Client ?? peer.Id.ToString(), peer.Fraction,
                peer.DownloadRateBytesPerSecond, peer.UploadRateBytesPerSecond))],
            [.. progress.Trackers.Select(tracker => new TrackerRow(
                tracker.Url, tracker.Tier, tracker.SinceLastAnswer?.TotalSeconds, tracker.UntilNextAnnounce?.TotalSeconds,
                tracker.SeederCount, tracker.LeecherCount, tracker.Error))]));
    }
}
