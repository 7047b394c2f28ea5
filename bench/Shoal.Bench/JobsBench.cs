using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;
using Shoal.Engine.Swarms;
using Shoal.Interop.Foreign;

namespace Shoal.Bench;

/// <summary>
/// <c>shoal mpi run</c>: 100 files of 1,000 segments on eight ranks, each of the seven peers owns a seventh of them and wants ten others.
/// The makespan is from the registration to the end of the last peer; the whole run is with the start of eight processes.
/// </summary>
internal static class JobsBench
{
    private const int RankCount = 8;
    private const int PeerCount = RankCount - 1;
    private const int FileCount = 100;
    private const int SegmentCount = 1000;
    private const int WantedCount = 10;

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    private sealed record Result(double MakespanSeconds, double Seconds);

    public static async Task<Report> RunAsync(Options options)
    {
        var report = new Report(
            $"jobs: {FileCount} files of {SegmentCount} segments on {RankCount} ranks that want {WantedCount} each, median of {options.Rounds}",
            ["makespan s", "(least-most)", "whole run s"]);
        using var scratch = new ScratchFolder(options.Folder);
        WriteInputs(scratch);
        foreach (var mpi in (string[])["openmpi", "mpich"])
        {
            if (!MpiBench.IsInstalled(mpi))
            {
                report.Add(mpi, $"there is no mpirun.{mpi} here");
                continue;
            }

            foreach (var policy in options.WantsRow(mpi) ? BalancePolicies.Names : [])
            {
                var runs = new List<Result>();
                for (var round = 0; round < options.Rounds; round++)
                {
                    runs.Add(await RunOneAsync(mpi, policy, scratch));
                }

                Console.Error.WriteLine($"  {mpi}, {policy}: {Stat.Median(runs.Select(run => run.MakespanSeconds)):F2} s");
                report.Add(
                    $"{mpi}, {policy}", "", Stat.MedianOf(runs, run => run.MakespanSeconds, "F2"),
                    Stat.RangeOf(runs, run => run.MakespanSeconds, "F2"), Stat.MedianOf(runs, run => run.Seconds, "F2"));
            }
        }

        return report;
    }

    private static void WriteInputs(ScratchFolder scratch)
    {
        for (var peer = 1; peer <= PeerCount; peer++)
        {
            var owned = Enumerable.Range(0, FileCount).Where(file => (file % PeerCount) + 1 == peer).ToArray();
            var text = new StringBuilder().Append(owned.Length).Append('\n');
            foreach (var file in owned)
            {
                text.Append($"file{file} {SegmentCount}\n");
                for (var segment = 0; segment < SegmentCount; segment++)
                {
                    text.Append($"hash-{file}-{segment}\n");
                }
            }

            text.Append(WantedCount).Append('\n');
            for (var wanted = 0; wanted < WantedCount; wanted++)
            {
                // Of each of the others some; and neighbours want some of the same files.
                text.Append($"file{((wanted * PeerCount) + peer + (wanted % (PeerCount - 1))) % FileCount}\n");
            }

            File.WriteAllText(scratch.File($"in{peer}.txt"), text.ToString());
        }
    }

    private static async Task<Result> RunOneAsync(string mpi, string policy, ScratchFolder scratch)
    {
        string[] launcher = mpi == "openmpi" ? ["--allow-run-as-root", "--oversubscribe"] : [];
        var program = Path.Combine(ShoalProcess.Root, "artifacts", "shoal", "shoal");
        var clock = Stopwatch.StartNew();
        using var process = Process.Start(new ProcessStartInfo(
            $"mpirun.{mpi}",
            [.. launcher, "-np", $"{RankCount}", program, "mpi", "run", scratch.Path, "--balance", policy, "--out", scratch.Folder("out"), "--report", "--json"])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
        })!;
        using var limit = new CancellationTokenSource(Limit);
        var output = await process.StandardOutput.ReadToEndAsync(limit.Token);
        await process.WaitForExitAsync(limit.Token);
        var seconds = clock.Elapsed.TotalSeconds;
        var said = output.Split('\n').FirstOrDefault(line => line.Contains("\"event\":\"mpi-run\"", StringComparison.Ordinal));
        return process.ExitCode == 0 && said is not null
            ? new Result((double)JsonNode.Parse(said[said.IndexOf('{')..])!["makespanSeconds"]!, seconds)
            : throw new InvalidOperationException($"{mpi}, {policy} ended with exit code {process.ExitCode}:\n{output}");
    }
}
