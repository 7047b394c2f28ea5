using Shoal.Interop.Foreign;

namespace Shoal.Bench;

/// <summary>One seeder to one leecher over loopback TCP; the contenders take turns, round by round.</summary>
internal static class TransferBench
{
    public static readonly IReadOnlyList<Contender> Contenders =
    [
        new BareContender(),
        new ShoalContender("shoal", "shoal", isEncrypted: false),
        new LibtorrentContender("libtorrent-fast", "libtorrent, high performance", highPerformance: true),
        new LibtorrentContender("libtorrent", "libtorrent, defaults", highPerformance: false),
        new ShoalContender("shoal-mse", "shoal, MSE with RC4", isEncrypted: true),
        new SecretContender(),
        new LibtorrentContender("libtorrent-mse", "libtorrent, high performance, MSE with RC4", highPerformance: true, isEncrypted: true),
        new Aria2Contender(),
        new TransmissionContender(),
    ];

    public static async Task<Report> RunAsync(Options options)
    {
        var report = new Report(
            $"transfer, 1 seeder to 1 leecher, {Units.Bytes(options.TransferLength)} in {options.Folder}, median of {options.Rounds}",
            ["MB/s", "(least-most)", "slope MB/s", "CPU s/GiB", "first byte s", "peak MiB", "of it own MiB"]);
        using var scratch = new ScratchFolder(options.Folder);
        using var ballast = new Ballast();
        var contenders = options.Choose(Contenders, report);
        var works = contenders.ConvertAll(one => Prepare(scratch, Math.Min(options.TransferLength, one.MaxLength)));
        var results = contenders.ConvertAll(_ => new List<TransferResult>());
        for (var round = 0; round < options.Rounds; round++)
        {
            for (var index = 0; index < contenders.Count; index++)
            {
                var result = await RunOneAsync(contenders[index], works[index], ballast, verify: round == 0);
                Console.Error.WriteLine(
                    $"  {contenders[index].Name}: {result.Rate:F0} MB/s, slope {result.Slope:F0}, {result.CpuPerGiB:F2} CPU s/GiB");
                results[index].Add(result);
            }
        }

        for (var index = 0; index < contenders.Count; index++)
        {
            AddRow(report, contenders[index], works[index], results[index], options);
        }

        AddRatios(report, contenders, results);

        return report;
    }

    private static Workload Prepare(ScratchFolder scratch, long length)
    {
        var folder = scratch.Folder($"source-{length}");
        var file = Path.Combine(folder, "payload.bin");
        var torrent = scratch.File($"{length}.torrent");
        if (!File.Exists(file))
        {
            Console.Error.WriteLine($"  preparing {Units.Bytes(length)}");
            Payload.Write(file, length);
        }

        return new(folder, scratch.Folder("target"), TestTorrent.Create(file, torrent, pieceLength: 1 << 20));
    }

    private static async Task<TransferResult> RunOneAsync(Contender contender, Workload work, Ballast ballast, bool verify)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(300));
        ballast.Fill(work.Torrent.Length + (256L << 20));
        TransferResult result;
        using (var meter = new TransferMeter(work.TargetFile, work.Torrent.Length, ballast))
        {
            result = await contender.RunAsync(work, meter, limit.Token);
        }

        if (verify && !Payload.Digest(work.SourceFile).SequenceEqual(Payload.Digest(work.TargetFile)))
        {
            throw new InvalidOperationException($"{contender.Name}: what arrived is not what was sent");
        }

        foreach (var left in Directory.GetFiles(work.TargetFolder))
        {
            File.Delete(left);
        }

        return result;
    }

    private static void AddRow(
        Report report, Contender contender, Workload work, IReadOnlyList<TransferResult> results, Options options)
    {
        var note = work.Torrent.Length < options.TransferLength ? $"moves {Units.Bytes(work.Torrent.Length)}" : "";
        report.Add(
            contender.Name,
            note,
            Stat.MedianOf(results, static one => one.Rate, "F0"),
            Stat.RangeOf(results, static one => one.Rate, "F0"),
            Stat.MedianOf(results, static one => one.Slope, "F0"),
            Stat.MedianOf(results, static one => one.CpuPerGiB, "F2"),
            Stat.MedianOf(results, static one => one.FirstByte, "F2"),
            Stat.MedianOf(results, static one => one.PeakMemory / 1048576.0, "F0"),
            Stat.MedianOf(results, static one => one.PeakOwnMemory / 1048576.0, "F0"));
    }

    /// <summary>Ours as a part of each other one's: what holds from machine to machine, when rates do not.</summary>
    private static void AddRatios(Report report, List<Contender> contenders, List<List<TransferResult>> results)
    {
        var ours = contenders.FindIndex(static one => one is ShoalContender);
        if (ours < 0)
        {
            return;
        }

        for (var other = 0; other < contenders.Count; other++)
        {
            if (other != ours)
            {
                report.AddLine(
                    $"shoal to {contenders[other].Name}: rate {Ratio(static one => one.Rate)}, "
                    + $"slope {Ratio(static one => one.Slope)}, CPU {Ratio(static one => one.CpuPerGiB)}");
            }

            string Ratio(Func<TransferResult, double> value) =>
                $"{Stat.Median(results[ours].Select(value)) / Stat.Median(results[other].Select(value)):P0}";
        }
    }
}
