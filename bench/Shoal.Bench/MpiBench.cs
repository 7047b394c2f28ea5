using System.Diagnostics;
using System.Globalization;
using Shoal.Interop.Foreign;

namespace Shoal.Bench;

/// <summary>
/// One file of the first of eight ranks to the seven others: <c>MPI_Bcast</c> piece by piece with each rank writing what comes, beside
/// <c>shoal mpi copy</c>, which verifies; what hashing alone takes, all ranks at once; then both with one rank whose every write is
/// followed by a sleep of nine times its duration, on tmpfs and on disks of some speed.
/// </summary>
internal static class MpiBench
{
    private const int RankCount = 8;
    private const int SlowRank = RankCount - 1;
    private const string PayloadName = "payload.bin";

    /// <summary>Of each rank, where they have any: slow enough that two processors keep seven of them busy.</summary>
    private const int DiskBytesPerSecond = 100_000_000;

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    private sealed record Result(double Seconds, double MedianSeconds, double CpuSeconds, double PeakMiB);

    private sealed record Row(string Mpi, string Mode, bool IsSlow = false, int DiskSpeed = 0)
    {
        public string Name => $"{Mpi} {Title}{(DiskSpeed > 0 ? $", disks of {DiskSpeed / 1_000_000} MB/s" : "")}{(IsSlow ? ", one rank slow" : "")}";

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
            $"mpi: {Units.Bytes(length)} of the first of {RankCount} ranks to the others, each with a file of its own, median of {options.Rounds}",
            ["all s", "(least-most)", "median rank s", "CPU s", "peak MiB"]);
        using var scratch = new ScratchFolder(options.Folder);
        Payload.Write(scratch.File(PayloadName), length);
        var rows = new List<Row>();
        foreach (var mpi in (string[])["openmpi", "mpich"])
        {
            if (!IsInstalled(mpi))
            {
                report.Add(mpi, $"there is no mpirun.{mpi} here");
                continue;
            }

            rows.AddRange([new(mpi, "bcast"), new(mpi, "copy"), new(mpi, "bcast", IsSlow: true), new(mpi, "copy", IsSlow: true)]);
        }

        if (rows.Count > 0)
        {
            var mpi = rows[0].Mpi;
            rows.InsertRange(2, [new(mpi, "gmac"), new(mpi, "sha1")]);
            rows.InsertRange(6, from isSlow in (bool[])[false, true] from mode in (string[])["bcast", "copy"] select new Row(mpi, mode, isSlow, DiskBytesPerSecond));
        }

        rows.RemoveAll(row => !options.WantsRow(row.Mode) && !options.WantsRow(row.Mpi));
        using var ballast = new Ballast();
        var results = await Rounds.RunAsync(
            options.Rounds, rows, row => row.Name,
            async row =>
            {
                ballast.Fill(RankCount * length);
                using (ballast.Follow(options.Folder))
                {
                    return await RunOneAsync(row, scratch);
                }
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

    private static async Task<Result> RunOneAsync(Row row, ScratchFolder scratch)
    {
        // The first rank has it already, where the others' copies will be: both ways make seven.
        var folder = scratch.File("copies");
        Empty(folder);
        var source = Path.Combine(folder, "0", PayloadName);
        Directory.CreateDirectory(Path.GetDirectoryName(source)!);
        File.Move(scratch.File(PayloadName), source);
        string[] options = row.Mpi == "openmpi" ? ["--allow-run-as-root", "--oversubscribe"] : [];
        string[] speed = [$"{(row.IsSlow ? SlowRank : -1)}", .. row.DiskSpeed > 0 ? (string[])[$"{row.DiskSpeed}"] : []];
        using var process = Process.Start(new ProcessStartInfo(
            $"mpirun.{row.Mpi}", [.. options, "-np", $"{RankCount}", .. Program, row.Mode, source, folder, .. speed])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
        })!;
        using var limit = new CancellationTokenSource(Limit);
        var output = await process.StandardOutput.ReadToEndAsync(limit.Token);
        await process.WaitForExitAsync(limit.Token);
        File.Move(source, scratch.File(PayloadName));
        Empty(folder);
        var ranks = output.Split('\n').Where(line => line.StartsWith("rank ", StringComparison.Ordinal)).Select(line => line.Trim().Split(' ')).ToList();
        return process.ExitCode == 0 && ranks.Count == RankCount
            ? new Result(
                ranks.Max(rank => Number(rank[2])), Stat.Median(ranks.Skip(1).Select(rank => Number(rank[2]))),
                ranks.Sum(rank => Number(rank[3])), ranks.Max(rank => Number(rank[4])) / (1 << 20))
            : throw new InvalidOperationException($"{row.Name} ended with exit code {process.ExitCode}:\n{output}");
    }

    private static void Empty(string folder)
    {
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);
}
