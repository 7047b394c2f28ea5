using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Shoal.Interop.Foreign;

namespace Shoal.Bench;

/// <summary>
/// One file from the first of eight nodes to all, each node with a network of its own that is as slow as a wire: <c>MPI_Bcast</c> piece by
/// piece, as Open MPI and MPICH do it by themselves and Open MPI pipelined, beside <c>shoal mpi copy</c>; then both with one node whose wire
/// is a tenth as fast. Here the wires are narrow and not the processors, so what counts is who sends how much.
/// </summary>
internal static class ClusterBench
{
    private const int NodeCount = 8;
    private const int MegabitsPerSecond = 400;
    private const int SlowMegabitsPerSecond = MegabitsPerSecond / 10;

    // A chain of nodes, by small segments: the fastest of Open MPI's ways that were tried where wires are narrow. It does not choose it by itself.
    private const string Pipeline =
        "--mca coll_tuned_use_dynamic_rules 1 --mca coll_tuned_bcast_algorithm 3 --mca coll_tuned_bcast_algorithm_segmentsize 131072";

    // Eight ranks that poll share the processors; each believes its node to be its own.
    private const string Polite = "--mca mpi_yield_when_idle 1";

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    private sealed record Result(double Seconds, double MedianSeconds, double MostSentMB);

    private sealed record Row(string Mpi, string Mode, string Options = "", bool IsSlow = false)
    {
        public string Name =>
            $"{Mpi} {(Mode == "bcast" ? "MPI_Bcast" : "shoal mpi copy")}{(Options.Length > 0 ? ", pipelined" : "")}{(IsSlow ? ", one node slow" : "")}";
    }

    public static async Task<Report> RunAsync(Options options)
    {
        var length = options.FanoutLength / 2;
        var wire = length * 8 / (MegabitsPerSecond * 1e6);
        var report = new Report(
            string.Create(CultureInfo.InvariantCulture,
                $"cluster: {Units.Bytes(length)} from the first of {NodeCount} nodes to all, {MegabitsPerSecond} Mbit/s each ({wire:F1} s for one copy), median of {options.Rounds}"),
            ["all s", "(least-most)", "median rank s", "most sent by a node, MB"]);
        using var scratch = new ScratchFolder(Path.GetTempPath()); // all nodes see it, and /dev/shm is each one's own
        var source = Payload.Write(scratch.File("payload.bin"), length);
        var rows = new List<Row>
        {
            new("openmpi", "bcast"),
            new("openmpi", "bcast", Pipeline),
            new("openmpi", "copy"),
            new("openmpi", "bcast", Pipeline, IsSlow: true),
            new("openmpi", "copy", IsSlow: true),
            new("mpich", "bcast"),
            new("mpich", "copy"),
        };
        rows.RemoveAll(row => !options.WantsRow(row.Mode) && !options.WantsRow(row.Mpi));
        foreach (var missing in rows.Where(row => !MpiBench.IsInstalled(row.Mpi)).Select(row => row.Mpi).Distinct().ToList())
        {
            report.Add(missing, $"there is no mpirun.{missing} here");
            rows.RemoveAll(row => row.Mpi == missing);
        }

        if (rows.Count > 0 && await ProbeAsync(scratch.File("local")) is { } reason)
        {
            report.Add("nodes", reason);
            rows.Clear();
        }

        var results = await Rounds.RunAsync(
            options.Rounds, rows, row => row.Name, row => RunOneAsync(row, source, scratch.File("local")), result => result.Seconds);
        for (var index = 0; index < rows.Count; index++)
        {
            var runs = results[index];
            report.Add(
                rows[index].Name, "", Stat.MedianOf(runs, run => run.Seconds, "F2"), Stat.RangeOf(runs, run => run.Seconds, "F2"),
                Stat.MedianOf(runs, run => run.MedianSeconds, "F2"), Stat.MedianOf(runs, run => run.MostSentMB, "F0"));
        }

        return report;
    }

    /// <summary>Why nodes cannot be made here; null if they can.</summary>
    private static async Task<string?> ProbeAsync(string folder)
    {
        var (code, _, error) = await RunAsync(folder, "true", isSlow: false);
        return code == 0 ? null : $"nodes cannot be made here (root, iproute2, the kernel's tbf): {error.Trim()}";
    }

    private static async Task<Result> RunOneAsync(Row row, string source, string folder)
    {
        var hosts = string.Join(',', Enumerable.Range(1, NodeCount).Select(i => $"node{i}:1"));
        var launch = row.Mpi == "openmpi"
            ? $"mpirun.openmpi --allow-run-as-root --mca plm_rsh_agent $NODES_RSH --mca pml ob1 --mca btl tcp,self {Polite} {row.Options} --host {hosts}"
            : $"mpirun.mpich -launcher ssh -launcher-exec $NODES_RSH -hosts {hosts}";
        var (code, output, error) = await RunAsync(
            folder, $"exec {launch} -np {NodeCount} {string.Join(' ', MpiBench.Program.Select(word => $"'{word}'"))} {row.Mode} '{source}' '{folder}'", row.IsSlow);
        var lines = output.Split('\n');
        var seconds = lines.Where(line => line.StartsWith("rank ", StringComparison.Ordinal))
            .Select(line => double.Parse(line.Split(' ')[2], CultureInfo.InvariantCulture)).ToList();
        var sent = lines.Where(line => line.StartsWith("{\"node\":", StringComparison.Ordinal))
            .Select(line => JsonDocument.Parse(line).RootElement.GetProperty("sentBytes").GetInt64()).ToList();
        return code == 0 && seconds.Count == NodeCount
            ? new Result(seconds.Max(), Stat.Median(seconds), sent.Max() / 1e6)
            : throw new InvalidOperationException($"{row.Name} ended with exit code {code}:\n{output}\n{error}");
    }

    private static async Task<(int Code, string Output, string Error)> RunAsync(string folder, string command, bool isSlow)
    {
        var start = new ProcessStartInfo(
            "sh", [Path.Combine(ShoalProcess.Root, "tests", "Mpi", "nodes"), $"{NodeCount}", folder, "sh", "-c", command])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["NODES_RATE"] = $"{MegabitsPerSecond}mbit";
        start.Environment["NODES_LAST_RATE"] = $"{(isSlow ? SlowMegabitsPerSecond : MegabitsPerSecond)}mbit";
        using var process = Process.Start(start)!;
        using var limit = new CancellationTokenSource(Limit);
        using var ending = limit.Token.Register(process.Kill); // with it ends everything in its namespaces, and so what is read here
        var error = process.StandardError.ReadToEndAsync(CancellationToken.None);
        var output = await process.StandardOutput.ReadToEndAsync(CancellationToken.None);
        await process.WaitForExitAsync(CancellationToken.None);
        return limit.IsCancellationRequested
            ? throw new TimeoutException($"a run took more than {Limit.TotalMinutes:F0} minutes: {command}")
            : (process.ExitCode, output, await error);
    }
}
