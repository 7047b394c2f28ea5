using System.CommandLine;
using System.Net;
using System.Runtime;
using Microsoft.Extensions.Logging;
using Shoal.Cli.Reporting;
using Shoal.Protocol;
using Shoal.Tracker;
using Shoal.Tracker.Catalogue;

namespace Shoal.Cli.Commands;

/// <summary>`shoal tracker`: a tracker of one's own, HTTP and UDP on one port.</summary>
internal static class TrackerCommand
{
    // Read by the runtime once, with the first socket: completions run on the thread that polls, without a hop to the
    // pool, which halves what an HTTP answer over a kept connection costs. What takes longer than an announce, the catalogue, leaves that thread first.
    private const string InlineCompletions = "DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS";

    private static readonly Argument<int?> PortArgument = SharedOptions.PortArgument("port", $"The port (default: {TrackerOptions.DefaultPort})");

    private static readonly Option<TimeSpan?> Interval = SharedOptions.Parsed<TimeSpan?>(
        "--interval", "TIME", "How often peers are to announce (default: 10m)", text =>
            !Units.TryParseTime(text, out var time, out var error) ? (null, error)
            : time < TimeSpan.FromSeconds(1) || time > TimeSpan.FromDays(1) ? (null, $"'{text}' is not between 1s and 1d")
            : (time, null));

    private static readonly Option<string?> Allow = new("--allow") { Description = "Serve only the info-hashes in this file, one on a line", HelpName = "FILE" };

    private static readonly Option<string?> Deny = new("--deny") { Description = "Do not serve the info-hashes in this file, one on a line", HelpName = "FILE" };

    private static readonly Option<int?> MaximumSwarms = SharedOptions.Count("--max-swarms", "Torrents at most (default: 1000000)");

    private static readonly Option<int?> MaximumPeers = SharedOptions.Count("--max-peers", "Peers at most, over all torrents (default: 10000000)");

    private static readonly Option<int?> MaximumClients = SharedOptions.Count("--max-clients", "HTTP connections at a time, subscribers too; others are told to come later (default: 20000)");

    private static readonly Option<int?> RequestRate = SharedOptions.Count(
        "--max-request-rate", "HTTP requests a second from one address, but for announces; five times as many at once (default: 100)");

    private static readonly Option<string[]> TrustedProxies = SharedOptions.Repeated(
        "--trusted-proxy", "ADDRESS", "A reverse proxy, or a network of them (10.0.0.0/8), that is believed when it says who asks, and for which URL (X-Forwarded-For, -Proto, -Host); may be repeated",
        text => TryParseNetwork(text, out _) ? null : $"'{text}' is neither an IP address nor a network such as 10.0.0.0/8");

    private static readonly Option<string?> Certificate = new("--cert")
    {
        Description = "Speak https, and no http, with the certificate in this file (PEM, with those between it and its authority); read again when it changes", HelpName = "FILE",
    };

    private static readonly Option<string?> Key = new("--key") { Description = "The certificate's private key (PEM, not encrypted)", HelpName = "FILE" };

    private static readonly Option<string?> Catalogue = new("--catalogue")
    {
        Description = "Keep a catalogue, files by name, in this folder, or in PostgreSQL: 'Host=…;Database=…' (see 'shoal publish --help')", HelpName = "DIR",
    };

    private static readonly Option<bool> Open = new("--open") { Description = "Let everybody publish in the catalogue, without a token" };

    private static readonly Option<bool> Private = new("--private") { Description = "Want a token from whoever reads the catalogue, too" };

    private static readonly Option<bool> MembersOnly = new("--members-only")
    {
        Description = "Take announces for what the catalogue names only from holders of tokens: each has a passkey in the announce URL of the .torrent that he gets",
    };

    public static Command Create()
    {
        var command = new Command("tracker", "Run a tracker: HTTP and UDP on one port, and with --catalogue files by name")
        {
            PortArgument, Interval, Allow, Deny, MaximumSwarms, MaximumPeers, MaximumClients, RequestRate, TrustedProxies, Certificate, Key,
            Catalogue, Open, Private, MembersOnly,
        }.WithListening().WithOutput();
        command.Validators.Add(result =>
        {
            if (result.GetValue(Catalogue) is null && (result.GetValue(Open) || result.GetValue(Private) || result.GetValue(MembersOnly)))
            {
                result.AddError("--open, --private and --members-only are about a catalogue: name its folder with --catalogue");
            }

            if (result.GetValue(Certificate) is null != result.GetValue(Key) is null)
            {
                result.AddError("--cert and --key belong together");
            }
        });
        command.Action = new CommandAction(RunAsync, "shoal tracker", "shoal tracker --catalogue ./catalogue", "shoal tracker 6969 --bind 127.0.0.1 --allow hashes.txt");
        return command;
    }

    private static async Task<int> RunAsync(Invocation invocation)
    {
        if (Environment.GetEnvironmentVariable(InlineCompletions) is null)
        {
            Environment.SetEnvironmentVariable(InlineCompletions, "1");
        }

        // The tables are few objects, soon marked: a collector that runs beside only leaves more memory behind.
        GCSettings.LatencyMode = GCLatencyMode.Batch;
        var parse = invocation.Parse;
        await using var reporter = invocation.CreateReporter();
        var defaults = new TrackerOptions();
        var options = defaults with
        {
            BindAddress = parse.GetValue(SharedOptions.Bind) ?? defaults.BindAddress,
            AdvertiseAddress = parse.GetValue(SharedOptions.Advertise),
            Port = PortOf(parse.GetValue(PortArgument), parse.GetValue(SharedOptions.Port)),
            Interval = parse.GetValue(Interval) ?? defaults.Interval,
            MinimumInterval = TimeSpan.FromTicks(Math.Min(defaults.MinimumInterval.Ticks, (parse.GetValue(Interval) ?? defaults.Interval).Ticks)),
            MaximumSwarmCount = parse.GetValue(MaximumSwarms) ?? defaults.MaximumSwarmCount,
            MaximumPeerCount = parse.GetValue(MaximumPeers) ?? defaults.MaximumPeerCount,
            MaximumConnectionCount = parse.GetValue(MaximumClients) ?? defaults.MaximumConnectionCount,
            MaximumRequestRate = parse.GetValue(RequestRate) ?? defaults.MaximumRequestRate,
            TrustedProxies = [.. (parse.GetValue(TrustedProxies) ?? []).Select(text => TryParseNetwork(text, out var network) ? network : default)],
            CertificateFile = parse.GetValue(Certificate),
            KeyFile = parse.GetValue(Key),
            AllowedInfoHashes = ReadList(parse.GetValue(Allow)),
            DeniedInfoHashes = ReadList(parse.GetValue(Deny)),
            Catalogue = parse.GetValue(Catalogue) is not { } place ? null
                : CatalogueAt(place) with { IsOpen = parse.GetValue(Open), IsPrivate = parse.GetValue(Private), IsMembersOnly = parse.GetValue(MembersOnly) },
        };
        await using var server = await StartAsync(options, invocation, parse.GetValue(SharedOptions.Verbose) ? invocation.Loggers : LineLoggers.WarningsTo(reporter));
        reporter.Report(new ListeningEvent(server.EndPoint.Address.ToString(), server.EndPoint.Port, $"tracker: {(options.CertificateFile is null ? "HTTP" : "HTTPS")} and UDP"));
        reporter.Report(new TrackerUrlsEvent(server.AnnounceUrl.ToString(), server.UdpAnnounceUrl.ToString()));
        ShowFirstToken(options.Catalogue, reporter);
        await ShowStatsAsync(server, reporter, invocation.Stop);
        return ExitCode.Ok;
    }

    // A new catalogue gets a token for everything: else nobody but this machine could publish, and few would know why.
    private static void ShowFirstToken(CatalogueOptions? options, Reporter reporter)
    {
        try
        {
            // systemd keeps what a service says, for more eyes than a token is for.
            if (options is { IsOpen: false } && Console.IsOutputRedirected && Environment.GetEnvironmentVariable("JOURNAL_STREAM") is { Length: > 0 })
            {
                if (!CatalogueTokens.Of(options).Exist)
                {
                    reporter.Report(new WarningEvent("no token for publishing was made, since the journal would keep it: 'shoal token create NAME --catalogue PLACE' shows you one"));
                }
            }
            else if (options is { IsOpen: false } && CatalogueTokens.Of(options).CreateFirst() is var (name, token))
            {
                reporter.Report(new TokenEvent(name, "all", "**", DateTimeOffset.UtcNow, token));
            }
        }
        catch (CatalogueException error)
        {
            throw new UserErrorException(error.Message, ExitCode.Environment, error);
        }
    }

    /// <summary>How the catalogue is kept that the user names: a folder, or a database.</summary>
    public static CatalogueOptions CatalogueAt(string place)
    {
        try
        {
            return CatalogueOptions.At(place);
        }
        catch (CatalogueException error)
        {
            throw new UserErrorException(error.Message, inner: error);
        }
    }

    private static bool TryParseNetwork(string text, out IPNetwork network) =>
        IPNetwork.TryParse(text.Contains('/') ? text : $"{text}/{(text.Contains(':') ? 128 : 32)}", out network);

    private static int PortOf(int? argument, int? option) => argument is not null && option is not null && argument != option
        ? throw new UserErrorException($"two ports are given, {argument} and {option}: which is it?")
        : argument ?? option ?? TrackerOptions.DefaultPort;

    /// <summary>Starts a tracker; what stands in its way becomes a line for the user.</summary>
    public static async Task<TrackerServer> StartAsync(TrackerOptions options, Invocation invocation, ILoggerFactory loggers)
    {
        try
        {
            return await TrackerServer.StartAsync(options, loggers, cancellationToken: invocation.Stop);
        }
        catch (TrackerStartException error)
        {
            throw new UserErrorException(error.Message, error.IsBadFile ? ExitCode.BadInput : ExitCode.Environment, error);
        }
    }

    private static async Task ShowStatsAsync(TrackerServer server, Reporter reporter, CancellationToken stop)
    {
        TrackerStats? shown = null;
        try
        {
            while (true)
            {
                if (server.Stats is var stats && stats != shown)
                {
                    reporter.Report(new StatsEvent(stats.Swarms, stats.Peers, stats.Seeders, stats.Leechers, stats.Announces, stats.Scrapes, stats.Refusals));
                    shown = stats;
                }

                await Task.Delay(reporter.ProgressInterval, stop);
            }
        }
        catch (OperationCanceledException)
        {
            // Ctrl-C is how it ends.
        }
    }

    private static HashSet<InfoHash>? ReadList(string? path)
    {
        if (path is null)
        {
            return null;
        }

        var list = new HashSet<InfoHash>();
        try
        {
            foreach (var (line, number) in File.ReadLines(path).Select((line, index) => (line.Split('#')[0].Trim(), index + 1)))
            {
                if (line.Length > 0)
                {
                    list.Add(InfoHash.TryParse(line, out var infoHash)
                        ? infoHash
                        : throw new UserErrorException($"{path}, line {number}: '{Printable.Of(line)}' is not an info-hash"));
                }
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"cannot read '{path}': {error.Message}", ExitCode.BadInput, error);
        }

        return list;
    }
}
