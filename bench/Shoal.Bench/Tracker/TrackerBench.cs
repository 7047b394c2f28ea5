using System.Security.Cryptography;

namespace Shoal.Bench.Tracker;

/// <summary>Answers per second and CPU for each of our tracker, beside opentracker; they take turns, round by round.</summary>
internal static class TrackerBench
{
    private readonly record struct Result(double Rate, double CpuMicroseconds, double Bytes);

    private sealed record Row(string Name, Load Load, Func<TrackerUnderLoad, UdpLoad, Load, TimeSpan, Outcome> Run);

    public static async Task<Report> RunAsync(Options options)
    {
        var infoHashes = InfoHashes(100_000);
        Row[] rows =
        [
            new("connect", new Load(1, 1, 0), static (_, udp, _, time) => udp.ConnectMany(time)),
            new("udp", new Load(100_000, 3, 50), static (_, udp, load, time) => udp.Announce(load, time)),
            new("udp50", new Load(1_000, 60, 50), static (_, udp, load, time) => udp.Announce(load, time)),
            new("udp200", new Load(1_000, 220, 200), static (_, udp, load, time) => udp.Announce(load, time)),
            new("http", new Load(100_000, 3, 50), (tracker, _, load, time) => HttpLoad.Announce(tracker.EndPoint, infoHashes, load, tracker.IsOurs, time)),
            new("http-close", new Load(100_000, 3, 50), (tracker, _, load, time) => HttpLoad.Announce(tracker.EndPoint, infoHashes, load, keepAlive: false, time)),
        ];
        var report = new Report(
            $"tracker, median of {options.Rounds}", ["answers/s", "(least-most)", "CPU µs each", "bytes each", "CPU s won"]);
        foreach (var row in rows.Where(one => options.WantsRow(one.Name)))
        {
            await MeasureAsync(options, row, infoHashes, report);
        }

        return report;
    }

    public static byte[][] InfoHashes(int count) =>
        [.. Enumerable.Range(0, count).Select(static one => SHA1.HashData(BitConverter.GetBytes(one)))];

    private static async Task MeasureAsync(Options options, Row row, byte[][] infoHashes, Report report)
    {
        var trackers = await TrackerUnderLoad.StartAsync(infoHashes, (name, reason) => report.Add($"{row.Name}: {name}", reason));
        try
        {
            var results = trackers.ConvertAll(static _ => new List<Result>());

            // The first round fills the tables and warms up the compiler, and does not count.
            for (var round = 0; round <= options.Rounds; round++)
            {
                for (var index = 0; index < trackers.Count; index++)
                {
                    var result = RunOnce(trackers[index], row, infoHashes, options.TrackerLoadTime, fill: round == 0);
                    if (round > 0)
                    {
                        Console.Error.WriteLine(
                            $"  {row.Name}: {trackers[index].Name}: {result.Rate:N0} answers/s, {result.CpuMicroseconds:F1} CPU µs each");
                        results[index].Add(result);
                    }
                }
            }

            var theirs = trackers.FindIndex(static one => !one.IsOurs);
            for (var index = 0; index < trackers.Count; index++)
            {
                var won = theirs < 0 ? double.NaN : MedianCpu(results[theirs]) / MedianCpu(results[index]);
                report.Add(
                    $"{row.Name}: {trackers[index].Name}",
                    "",
                    Stat.MedianOf(results[index], static one => one.Rate, "N0"),
                    Stat.RangeOf(results[index], static one => one.Rate, "N0"),
                    Stat.MedianOf(results[index], static one => one.CpuMicroseconds, "F2"),
                    Stat.MedianOf(results[index], static one => one.Bytes, "N0"),
                    Stat.One(won, "F2"));
            }
        }
        finally
        {
            foreach (var tracker in trackers)
            {
                await tracker.DisposeAsync();
            }
        }
    }

    private static Result RunOnce(TrackerUnderLoad tracker, Row row, byte[][] infoHashes, TimeSpan time, bool fill)
    {
        using var udp = new UdpLoad(tracker.EndPoint, infoHashes);
        if (fill)
        {
            udp.Fill(row.Load);
        }

        var before = tracker.CpuSeconds;
        var outcome = row.Run(tracker, udp, row.Load, time);
        var cpu = tracker.CpuSeconds - before;
        return new(outcome.Answers / outcome.Seconds, cpu * 1e6 / outcome.Answers, outcome.AnswerBytes);
    }

    private static double MedianCpu(IReadOnlyList<Result> results) => Stat.Median(results.Select(static one => one.CpuMicroseconds));
}
