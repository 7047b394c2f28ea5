using System.Diagnostics;
using System.Globalization;
using Shoal.Interop.Foreign;

namespace Shoal.Bench;

/// <summary>
/// One file from the first of eight ranks to all: <c>MPI_Bcast</c> piece by piece with each rank writing what comes, beside
/// <c>shoal mpi copy</c>, which verifies; what hashing alone takes, all ranks at once; then both with one rank whose every write is
/// followed by a sleep of nine times its duration.
/// </summary>
internal static class MpiBench
{
    private const int RankCount = 8;
    private const int SlowRank = RankCount - 1;
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    private sealed record Result(double Seconds, double MedianSeconds, double CpuSeconds, double PeakMiB);

    private sealed record Row(string Mpi, string Mode, bool IsSlow)
    {
        public string Name => $"{Mpi} {Title}{(IsSlow ? ", one rank slow" : "")}";

        private string Title => Mode switch
        {
            "bcast" => "MPI_Bcast",
            "copy" => "shoal mpi copy",
            _ => $"hashing alone, {Mode}",
        };
    }

    public static async Task<Report> RunAsync(Options options)
    {
        var length = options.FanoutLength;
        var report = new Report(
            $"mpi: {Units.Bytes(length)} from the first of {RankCount} ranks to all, each with a file of its own, median of {options.Rounds}",
            ["all s", "(least-most)", "median rank s", "CPU s", "peak MiB"]);
        using var scratch = new ScratchFolder(options.Folder);
        var source = Payload.Write(scratch.File("payload.bin"), length);
        var rows = new List<Row>();
        foreach (var mpi in (string[])["openmpi", "mpich"])
        {
            if (!IsInstalled(mpi))
            {
                report.Add(mpi, $"there is no mpirun.{mpi} here");
                continue;
            }

            rows.AddRange([new(mpi, "bcast", false), new(mpi, "copy", false), new(mpi, "bcast", true), new(mpi, "copy", true)]);
        }

        if (rows.Count > 0)
        {
            rows.InsertRange(2, [new(rows[0].Mpi, "gmac", false), new(rows[0].Mpi, "sha1", false)]);
        }

        rows.RemoveAll(row => !options.WantsRow(row.Mode) && !options.WantsRow(row.Mpi));
        var ballast = new Ballast(Options.MemoryFolder);
        var results = await Rounds.RunAsync(
            options.Rounds, rows, row => row.Name,
            row =>
            {
                // Warm memory, released just before: else one run pays for pages that the host gave back meanwhile, and the next does not.
                ballast.Fill(RankCount * length);
                ballast.Drop();
                return RunOneAsync(row, source, scratch.File("copies"));
            },
            result => result.Seconds);
        for (var index = 0; index < rows.Count; index++)
        {
            var runs = results[index];
            report.Add(
                rows[index].Name, "", Stat.MedianOf(runs, run => run.Seconds, "F2"), Stat.RangeOf(runs, run => run.Seconds, "F2"),
                Stat.MedianOf(runs, run => run.MedianSeconds, "F2"), Stat.MedianOf(runs, run => run.CpuSeconds, "F2"), Stat.MedianOf(runs, run => run.PeakMiB, "F0"));
        }

        return report;
    }

    /// <summary>Whether its launcher is on the PATH.</summary>
    public static bool IsInstalled(string mpi) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(folder => File.Exists(Path.Combine(folder, $"mpirun.{mpi}")));

    /// <summary>The program that ranks run, see <c>bench/Shoal.Mpi.Bench</c>.</summary>
    public static string[] Program
    {
        get
        {
            var program = Path.Combine(ShoalProcess.Root, "artifacts", "mpi-bench", "Shoal.Mpi.Bench");
            return File.Exists($"{program}.dll") ? ["dotnet", $"{program}.dll"] : [program];
        }
    }

    private static async Task<Result> RunOneAsync(Row row, string source, string folder)
    {
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }

        string[] options = row.Mpi == "openmpi" ? ["--allow-run-as-root", "--oversubscribe"] : [];
        string[] slow = row.IsSlow ? [SlowRank.ToString(CultureInfo.InvariantCulture)] : [];
        using var process = Process.Start(new ProcessStartInfo(
            $"mpirun.{row.Mpi}", [.. options, "-np", $"{RankCount}", .. Program, row.Mode, source, folder, .. slow])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
        })!;
        using var limit = new CancellationTokenSource(Limit);
        var output = await process.StandardOutput.ReadToEndAsync(limit.Token);
        await process.WaitForExitAsync(limit.Token);
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }

        var ranks = output.Split('\n').Where(line => line.StartsWith("rank ", StringComparison.Ordinal)).Select(line => line.Trim().Split(' ')).ToList();
        return process.ExitCode == 0 && ranks.Count == RankCount
            ? new Result(
                ranks.Max(rank => Number(rank[2])), Stat.Median(ranks.Select(rank => Number(rank[2]))),
                ranks.Sum(rank => Number(rank[3])), ranks.Max(rank => Number(rank[4])) / (1 << 20))
            : throw new InvalidOperationException($"{row.Name} ended with exit code {process.ExitCode}:\n{output}");
    }

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);
}
