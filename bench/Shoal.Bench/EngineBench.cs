using System.Diagnostics;
using System.Globalization;

namespace Shoal.Bench;

/// <summary>
/// The engine alone: swarms that hand their messages to each other in memory, on one core. The crowd of the simulation's benchmark, with
/// no network between. The aim is a million messages a second.
/// </summary>
internal static class EngineBench
{
    private const int PieceCount = 200;
    private const int PieceLength = 256 * 1024;
    private const int LinkCount = 20;

    public static Task<Report> RunAsync(Options options)
    {
        var report = new Report(
            $"engine: swarms that hand each other their messages in memory, {PieceCount} pieces, {LinkCount} links each, one core",
            ["CPU s", "M messages", "messages/s", "ns/message", "M inputs"]);
        using var process = Process.GetCurrentProcess();
        Run(process, 300); // compiles what is hot, and does not count
        foreach (var count in options.Quick ? (int[])[300] : [100, 300, 1000])
        {
            var runs = Enumerable.Range(0, options.Rounds).Select(_ => Run(process, count)).ToList();
            Console.Error.WriteLine($"  {count} swarms: {Stat.Median(runs.Select(static run => run.Seconds)):F2} s");
            report.Add(
                string.Create(CultureInfo.InvariantCulture, $"{count:N0} swarms"), runs.TrueForAll(static run => run.IsComplete) ? "" : "not complete",
                Stat.MedianOf(runs, static run => run.Seconds, "F2"), Stat.MedianOf(runs, static run => run.MessageCount / 1e6, "F2"),
                Stat.MedianOf(runs, static run => run.MessageCount / run.Seconds, "N0"),
                Stat.MedianOf(runs, static run => run.Seconds * 1e9 / run.MessageCount, "N0"), Stat.MedianOf(runs, static run => run.InputCount / 1e6, "F2"));
        }

        return Task.FromResult(report);
    }

    private static (double Seconds, long MessageCount, long InputCount, bool IsComplete) Run(Process process, int count)
    {
        var crowd = new MemoryCrowd(count - 1, PieceCount, LinkCount, PieceLength, seed: 1);
        process.Refresh();
        var before = process.TotalProcessorTime;
        var isComplete = crowd.Run();
        process.Refresh();
        return ((process.TotalProcessorTime - before).TotalSeconds, crowd.MessageCount, crowd.InputCount, isComplete);
    }
}
