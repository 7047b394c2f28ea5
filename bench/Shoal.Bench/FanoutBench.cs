using System.Diagnostics;
using Shoal.Interop.Foreign;

namespace Shoal.Bench;

/// <summary>One seeder to eight leechers at once: when the last one has everything, and what all nine cost.</summary>
internal static class FanoutBench
{
    private const int Leechers = 8;

    private static readonly string[] InTheClear = ["--encryption", "off"];

    private readonly record struct Result(double LastSeconds, double CpuSeconds, double SumRate);

    public static async Task<Report> RunAsync(Options options)
    {
        var length = options.FanoutLength;
        var report = new Report(
            $"1 seeder to {Leechers} leechers at once, {Units.Bytes(length)} each, median of {options.Rounds}",
            ["last s", "(least-most)", "CPU s", "CPU s/GiB", "sum MB/s"]);
        var rows = new List<(string Name, Func<Workload, CancellationToken, Task<Result>> Run)>();
        Consider(options, report, rows, "shoal", "shoal", ShoalProcess.WhyNoLauncher, ShoalAsync);
        Consider(options, report, rows, "libtorrent-fast", "libtorrent, high performance", ForeignPrograms.WhyNoLibtorrent, LibtorrentAsync);
        Consider(options, report, rows, "aria2", "aria2", ForeignPrograms.WhyNoAria2 ?? ForeignPrograms.WhyNoOpentracker, Aria2Async);

        using var scratch = new ScratchFolder(options.Folder);
        var source = Payload.Write(Path.Combine(scratch.Folder("source"), "payload.bin"), length);
        var torrent = TestTorrent.Create(source, scratch.File("x.torrent"), pieceLength: 1 << 20);
        var results = rows.ConvertAll(_ => new List<Result>());
        using var ballast = new Ballast();
        for (var round = 0; round < options.Rounds; round++)
        {
            for (var index = 0; index < rows.Count; index++)
            {
                using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(300));
                ballast.Fill(Leechers * length);
                var target = scratch.Folder($"target-{index}-{round}");
                using (ballast.Follow(options.Folder))
                {
                    var result = await rows[index].Run(new(Path.GetDirectoryName(source)!, target, torrent), limit.Token);
                    Console.Error.WriteLine($"  {rows[index].Name}: last after {result.LastSeconds:F1} s, {result.CpuSeconds:F1} CPU s");
                    results[index].Add(result);
                }

                Directory.Delete(target, recursive: true);
            }
        }

        var gibibytes = Leechers * length / (double)(1L << 30);
        for (var index = 0; index < rows.Count; index++)
        {
            report.Add(
                rows[index].Name,
                "",
                Stat.MedianOf(results[index], static one => one.LastSeconds, "F2"),
                Stat.RangeOf(results[index], static one => one.LastSeconds, "F2"),
                Stat.MedianOf(results[index], static one => one.CpuSeconds, "F1"),
                Stat.MedianOf(results[index], one => one.CpuSeconds / gibibytes, "F2"),
                Stat.MedianOf(results[index], static one => one.SumRate, "F0"));
        }

        return report;
    }

    private static void Consider(
        Options options,
        Report report,
        List<(string Name, Func<Workload, CancellationToken, Task<Result>> Run)> rows,
        string key,
        string name,
        string? whyNot,
        Func<Workload, CancellationToken, Task<Result>> run)
    {
        if (!options.WantsRow(key))
        {
            return;
        }

        if (whyNot is not null)
        {
            report.Add(name, whyNot);
            return;
        }

        rows.Add((name, run));
    }

    private static string TargetOf(Workload work, int leecher) =>
        Directory.CreateDirectory(Path.Combine(work.TargetFolder, leecher.ToString())).FullName;

    private static Result Sum(Workload work, long started, double cpuSeconds)
    {
        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        return new(seconds, cpuSeconds, Leechers * work.Torrent.Length / 1e6 / seconds);
    }

    private static async Task<Result> ShoalAsync(Workload work, CancellationToken cancellation)
    {
        // Our own tracker brings the leechers together, so that they help each other.
        await using var tracker = await ShoalProcess.TrackerAsync(cancellation);
        var torrent = TestTorrent.Create(work.SourceFile, work.Torrent.File + ".tracked", 1 << 20, tracker.HttpUrl);
        await using var seeder = await ShoalProcess.SeedAsync(torrent.File, work.SourceFolder, InTheClear, cancellation);
        var before = ProcessCosts.CpuSeconds(seeder.ProcessId);
        var endedBefore = ProcessCosts.EndedChildrenCpuSeconds();
        var started = Stopwatch.GetTimestamp();
        var leechers = new List<ShoalProcess>();
        try
        {
            for (var index = 0; index < Leechers; index++)
            {
                leechers.Add(ShoalProcess.Get(torrent.File, TargetOf(work, index), [seeder.Port], InTheClear));
            }

            await Task.WhenAll(leechers.Select(one => one.CompleteAsync(cancellation)));
            var result = Sum(work, started, 0);
            await Task.WhenAll(leechers.Select(one => one.SucceedAsync(cancellation)));
            var cpu = ProcessCosts.CpuSeconds(seeder.ProcessId) - before
                + ProcessCosts.EndedChildrenCpuSeconds() - endedBefore;
            return result with { CpuSeconds = cpu };
        }
        finally
        {
            foreach (var leecher in leechers)
            {
                await leecher.DisposeAsync();
            }
        }
    }

    private static Task<Result> LibtorrentAsync(Workload work, CancellationToken cancellation) =>
        ForeignAsync(
            work,
            static async (_, cancellation) => await LibtorrentPeer.StartAsync(cancellation, highPerformance: true),
            static peer => ((LibtorrentPeer)peer).ProcessId,
            cancellation);

    private static Task<Result> Aria2Async(Workload work, CancellationToken cancellation) =>
        ForeignAsync(
            work,
            static async (tracker, cancellation) => await Aria2Peer.StartAsync(cancellation, $"--bt-tracker={tracker}"),
            static peer => ((Aria2Peer)peer).ProcessId,
            cancellation);

    private static async Task<Result> ForeignAsync(
        Workload work,
        Func<string, CancellationToken, Task<IForeignPeer>> start,
        Func<IForeignPeer, int> processOf,
        CancellationToken cancellation)
    {
        await using var tracker = await OpentrackerProcess.StartAsync([work.Torrent.InfoHash], cancellation);
        var torrent = TestTorrent.Create(work.SourceFile, work.Torrent.File + ".tracked", 1 << 20, tracker.HttpUrl);
        var peers = new List<IForeignPeer>();
        try
        {
            for (var index = 0; index <= Leechers; index++)
            {
                peers.Add(await start(tracker.HttpUrl, cancellation));
            }

            await peers[0].SeedAsync(torrent.File, work.SourceFolder, cancellation);
            await TrackerProbe.WaitForSeedersAsync(tracker.Port, torrent.InfoHash, 1, cancellation);
            var before = peers.Sum(peer => ProcessCosts.CpuSeconds(processOf(peer)));
            var started = Stopwatch.GetTimestamp();
            await Task.WhenAll(peers.Skip(1).Select((peer, index) =>
                peer.LeechAsync(TorrentGiven.OfFile(torrent.File), TargetOf(work, index), cancellation)));
            await Task.WhenAll(peers.Skip(1).Select(peer => peer.WaitUntilCompleteAsync(cancellation)));
            return Sum(work, started, peers.Sum(peer => ProcessCosts.CpuSeconds(processOf(peer))) - before);
        }
        finally
        {
            foreach (var peer in peers)
            {
                await peer.DisposeAsync();
            }
        }
    }
}
