using System.CommandLine;
using Shoal.Cli.Reporting;
using Shoal.Protocol;
using Shoal.Sockets.Trackers;

namespace Shoal.Cli.Commands;

/// <summary>`shoal scrape`: asks trackers how many have a torrent (BEP 48).</summary>
internal static class ScrapeCommand
{
    /// <summary>What one scrape by UDP may ask for (BEP 15), and what trackers answer by HTTP.</summary>
    private const int MostAtOnce = 74;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static readonly Argument<string[]> What = new("what")
    {
        Description = "A .torrent, a magnet link or an info-hash; or a tracker's URL and info-hashes",
        Arity = ArgumentArity.OneOrMore,
    };

    public static Command Create()
    {
        var command = new Command("scrape", "Ask trackers how many seeders and leechers a torrent has")
        {
            What, SharedOptions.Trackers, SharedOptions.TrackerAuthorities, SharedOptions.Bind,
        }.WithOutput();
        command.Action = new CommandAction(
            RunAsync,
            "shoal scrape holiday.torrent",
            "shoal scrape udp://tracker.example:6969 0123456789abcdef0123456789abcdef01234567");
        return command;
    }

    private static async Task<int> RunAsync(Invocation invocation)
    {
        await using var reporter = invocation.CreateReporter();
        var (infoHashes, trackers) = await ReadAsync(invocation);
        if (trackers.Count == 0)
        {
            throw new UserErrorException("no tracker is known for it; name one with --tracker");
        }

        using var client = new TrackerClient(
            invocation.Parse.GetValue(SharedOptions.Bind), invocation.Parse.GetValue(SharedOptions.TrackerAuthorities));
        List<string> failures = [];
        foreach (var tracker in trackers)
        {
            if (await ScrapeAsync(client, tracker, infoHashes, reporter, invocation.Stop) is { } failure)
            {
                failures.Add(failure);
                if (trackers.Count > 1)
                {
                    reporter.Report(new TrackerEvent(tracker, failure, null, null, 0, null));
                }
            }
        }

        return failures.Count == 0 ? ExitCode.Ok
            : throw new UserErrorException(
                trackers.Count == 1 ? failures[0] : $"{failures.Count} of {trackers.Count} trackers did not answer as asked", ExitCode.Failed);
    }

    private static async Task<(IReadOnlyList<InfoHash> InfoHashes, IReadOnlyList<string> Trackers)> ReadAsync(Invocation invocation)
    {
        var what = invocation.Parse.GetValue(What)!;
        var extra = invocation.Parse.GetValue(SharedOptions.Trackers) ?? [];
        if (TorrentArgument.IsUrl(what[0]) && !what[0].StartsWith("magnet:", StringComparison.OrdinalIgnoreCase) && what.Length > 1)
        {
            return ([.. what.Skip(1).Select(ParseInfoHash)], [what[0], .. extra]);
        }

        if (what[0].StartsWith("udp:", StringComparison.OrdinalIgnoreCase) || what[0].EndsWith("/announce", StringComparison.Ordinal))
        {
            throw new UserErrorException($"'{Printable.Of(what[0])}' is a tracker: name the info-hashes after its URL");
        }

        List<InfoHash> infoHashes = [];
        List<string> trackers = [];
        foreach (var text in what)
        {
            var (infoHash, _, tiers) = await TorrentSource.Parse(text).ReadAsync(invocation.Stop);
            infoHashes.Add(infoHash);
            trackers.AddRange(tiers.SelectMany(tier => tier));
        }

        return (infoHashes, [.. trackers.Concat(extra).Distinct(StringComparer.Ordinal)]);
    }

    private static InfoHash ParseInfoHash(string text) =>
        InfoHash.TryParse(text, out var infoHash) ? infoHash : throw new UserErrorException($"'{Printable.Of(text)}' is not an info-hash");

    private static async Task<string?> ScrapeAsync(
        TrackerClient client, string tracker, IReadOnlyList<InfoHash> infoHashes, Reporter reporter, CancellationToken stop)
    {
        if (!Uri.TryCreate(tracker, UriKind.Absolute, out var url))
        {
            return $"tracker '{Printable.Of(tracker)}' is not a URL";
        }

        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(stop);
        timeout.CancelAfter(Patience);
        try
        {
            var unknown = 0;
            foreach (var some in infoHashes.Chunk(MostAtOnce))
            {
                var reply = await client.ScrapeAsync(url, some, timeout.Token);
                if (reply.FailureReason is { } failure)
                {
                    return failure;
                }

                foreach (var infoHash in some)
                {
                    if (reply.Swarms.TryGetValue(infoHash, out var counts))
                    {
                        reporter.Report(new ScrapeEvent(tracker, infoHash, counts.SeederCount, counts.LeecherCount, counts.DownloadCount));
                    }
                    else
                    {
                        unknown++;
                    }
                }
            }

            return unknown == 0 ? null : $"tracker {tracker}: says nothing of {unknown} of {infoHashes.Count} torrents";
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            return $"tracker {tracker}: no answer within {Patience.TotalSeconds:F0} s";
        }
    }
}
