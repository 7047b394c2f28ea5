using System.CommandLine;
using Shoal.Catalogue;
using Shoal.Cli.Reporting;

namespace Shoal.Cli.Commands;

/// <summary>`shoal subscribe`: gets what matches in a catalogue, now and whenever it appears, and seeds it.</summary>
internal static class SubscribeCommand
{
    private static readonly TimeSpan UploadGrace = TimeSpan.FromSeconds(2);

    private static readonly Argument<string[]> Patterns = new("pattern")
    {
        Description = "Names to get: ? one character, * any within a level, ** across levels, [a-z], {a,b}; put it into quotes",
        Arity = ArgumentArity.OneOrMore,
    };

    private static readonly Option<string> To = new("--to", "-d", "-o")
    {
        Description = "The folder to put it in: each name is a link there, to the newest version that is whole", HelpName = "DIR", DefaultValueFactory = _ => ".",
    };

    private static readonly Option<string?> Exec = new("--exec")
    {
        Description = "A shell command to run after each version is in its place; {path} and {name} stand for where it is and what it is called (also SHOAL_PATH, SHOAL_NAME, SHOAL_VERSION)",
        HelpName = "CMD",
    };

    private static readonly Option<int?> Keep = SharedOptions.Count(
        "--keep", "Versions of each name to keep (default: 1); 2 lets who still reads the last but one go on");

    public static Command Create()
    {
        var command = new Command("subscribe", "Get what matches in a tracker's catalogue, now and whenever it appears, and seed it until Ctrl-C")
        {
            Patterns, To, Exec, Keep, CatalogueArgument.At,
        }.WithTransfer().WithOutput();
        command.Action = new CommandAction(
            RunAsync,
            "shoal subscribe 'models/**' --to ~/models --at tracker.lab:6969",
            "shoal subscribe 'nightly/*.img' --to images --keep 3 --exec 'systemctl reload lab' --at https://files.example");
        return command;
    }

    private static async Task<int> RunAsync(Invocation invocation)
    {
        var parse = invocation.Parse;
        await using var reporter = invocation.CreateReporter();
        using var catalogue = CatalogueArgument.Open(invocation);
        var folder = Path.GetFullPath(parse.GetValue(To)!);
        var at = catalogue.Address.ToString();
        if (parse.GetValue(Exec) is not null && OperatingSystem.IsWindows())
        {
            throw new UserErrorException("--exec needs /bin/sh, which Windows has not");
        }

        var hook = parse.GetValue(Exec) is { } command ? new SubscribeHook(command, reporter) : null;
        using var subscription = Subscription.Open(
            catalogue,
            [.. parse.GetValue(Patterns)!.Select(CatalogueArgument.ParsePattern)],
            folder,
            new SubscriptionOptions
            {
                Keep = parse.GetValue(Keep) ?? 1,
                WhenInPlace = hook is null ? null : hook.RunAsync,
                Tell = notice => reporter.Report(Describe(notice, at, folder)),
                Torrents = new AddOptions
                {
                    IsPublic = parse.GetValue(SharedOptions.Public) ? true : null,
                    Peers = parse.GetValue(SharedOptions.Peers) ?? [],
                    AllTrackers = parse.GetValue(SharedOptions.AllTrackers),
                    Trackers = parse.GetValue(SharedOptions.Trackers) ?? [],
                },
            });
        var since = Environment.TickCount64;
        await using var client = await Transfer.StartClientAsync(invocation, reporter, UploadGrace);
        using var showing = CancellationTokenSource.CreateLinkedTokenSource(invocation.Stop);
        var shown = ShowProgressAsync(subscription, reporter, showing.Token);
        try
        {
            await subscription.RunAsync(client, invocation.Stop);
        }
        finally
        {
            await showing.CancelAsync();
            await shown;
        }

        await client.DisposeAsync();
        var (downloaded, uploaded) = await subscription.CountAsync();
        var ratio = downloaded > 0 ? (double)uploaded / downloaded : 0;
        reporter.Report(new StoppedEvent(downloaded, uploaded, ratio, (Environment.TickCount64 - since) / 1000.0));
        return ExitCode.Ok;
    }

    private static async Task ShowProgressAsync(Subscription subscription, Reporter reporter, CancellationToken stop)
    {
        try
        {
            while (true)
            {
                await Task.Delay(reporter.ProgressInterval, stop);
                var versions = await subscription.GetProgressAsync();
                reporter.Report(new FetchingEvent([.. versions.Select(one => new FetchingRow(
                    one.Name, one.Version, StateOf(one.Progress),
                    one.Progress.HaveBytes, one.Progress.WantedBytes, one.Progress.DownloadRateBytesPerSecond, one.Progress.Peers.Count, one.Progress.Eta?.TotalSeconds))]));
            }
        }
        catch (OperationCanceledException)
        {
            // The command ends.
        }
    }

    private static string StateOf(TorrentProgress progress) => progress.State switch
    {
        TorrentState.Checking => "checking",
        TorrentState.Paused => "paused",
        _ => progress.IsWaiting ? "waiting" : "downloading",
    };

    internal static Event Describe(SubscriptionNotice notice, string at, string folder) => notice switch
    {
        SubscriptionNotice.Ready e => new SubscribedEvent(e.NameCount, at, folder),
        SubscriptionNotice.Found e => new VersionFoundEvent(e.Name, e.Version, e.InfoHash, e.Size),
        SubscriptionNotice.Waiting e => new WaitingEvent(e.Name, e.Version),
        SubscriptionNotice.Fetched e => new FetchedEvent(e.Name, e.Version, e.Path, e.BytesGot, e.BytesReused),
        SubscriptionNotice.Removed e => new RemovedEvent(e.Name, e.Version),
        SubscriptionNotice.Disconnected e => new DisconnectedEvent(at, e.Reason),
        SubscriptionNotice.Reconnected => new ReconnectedEvent(at),
        SubscriptionNotice.Warning e => new WarningEvent(e.Text),
        _ => throw new InvalidOperationException($"{notice.GetType()} is not known"),
    };
}
