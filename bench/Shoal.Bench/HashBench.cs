using System.Diagnostics;
using Shoal.Interop.Foreign;

namespace Shoal.Bench;

/// <summary>Making a <c>.torrent</c> of a file that lies in the page cache: <c>shoal create</c> beside mktorrent.</summary>
internal static class HashBench
{
    private readonly record struct Result(double GigabytesPerSecond, double CpuPerGiB);

    public static async Task<Report> RunAsync(Options options)
    {
        var length = options.HashLength;
        var report = new Report(
            $"hashing {Units.Bytes(length)} from the page cache, median of {options.Rounds}",
            ["GB/s", "(least-most)", "CPU s/GiB"]);
        using var scratch = new ScratchFolder(options.Folder);
        var source = Payload.Write(scratch.File("payload.bin"), length);
        var rows = new List<(string Name, Func<string, ChildProcess> Start)>();
        if (options.WantsRow("shoal"))
        {
            if (ShoalProcess.WhyNoLauncher is { } reason)
            {
                report.Add("shoal create", reason);
            }
            else
            {
                rows.Add(("shoal create", output => ShoalProcess.Create(source, output, "1MiB").Process));
            }
        }

        if (options.WantsRow("mktorrent"))
        {
            if (ForeignPrograms.WhyNoMktorrent is { } reason)
            {
                report.Add("mktorrent -t 2", reason);
            }
            else
            {
                rows.Add(("mktorrent -t 2", output => ChildProcess.Start(
                    "mktorrent", "mktorrent", ["-t", "2", "-l", "20", "-o", output, source])));
            }
        }

        var results = rows.ConvertAll(_ => new List<Result>());
        for (var round = 0; round < options.Rounds; round++)
        {
            for (var index = 0; index < rows.Count; index++)
            {
                var output = scratch.File($"{index}-{round}.torrent");
                var result = await RunOneAsync(() => rows[index].Start(output), length);
                Console.Error.WriteLine($"  {rows[index].Name}: {result.GigabytesPerSecond:F2} GB/s");
                results[index].Add(result);
            }
        }

        for (var index = 0; index < rows.Count; index++)
        {
            report.Add(
                rows[index].Name,
                "",
                Stat.MedianOf(results[index], static one => one.GigabytesPerSecond, "F2"),
                Stat.RangeOf(results[index], static one => one.GigabytesPerSecond, "F2"),
                Stat.MedianOf(results[index], static one => one.CpuPerGiB, "F2"));
        }

        return report;
    }

    private static async Task<Result> RunOneAsync(Func<ChildProcess> start, long length)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(120));
        var before = ProcessCosts.EndedChildrenCpuSeconds();
        var started = Stopwatch.GetTimestamp();
        await using var process = start();
        await process.WaitForExitAsync(limit.Token);
        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException(process.Describe());
        }

        var cpu = ProcessCosts.EndedChildrenCpuSeconds() - before;
        return new(length / 1e9 / seconds, cpu / (length / (double)(1L << 30)));
    }
}
