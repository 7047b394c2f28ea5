using System.Diagnostics;
using System.Globalization;
using Shoal.Simulation;
using Shoal.Simulation.Scenarios;

namespace Shoal.Bench;

/// <summary>
/// Flash crowds of 100 to 10,000 peers in simulation: 200 pieces of one block, 20 links a peer, a piece told only to those who lack it.
/// Each runs on one core; the largest last, so that the peak of memory is its own.
/// </summary>
internal static class SimulationBench
{
    private const int PieceCount = 200;
    private const int PieceLength = 256 * 1024;
    private const int LinkCount = 20;
    private const long UpBytesPerSecond = 20_000_000 / 8;

    public static Task<Report> RunAsync(Options options)
    {
        var report = new Report(
            $"simulation: a flash crowd for {PieceCount} pieces, {LinkCount} links a peer, one core",
            ["wall s", "CPU s", "M events", "events/s", "us/event", "KiB/peer", "virtual s"]);
        using var process = Process.GetCurrentProcess();
        var bytesBefore = process.PeakWorkingSet64;
        foreach (var count in options.Quick ? (int[])[100, 1000] : [100, 1000, 10_000])
        {
            process.Refresh();
            var cpuBefore = process.TotalProcessorTime;
            var clock = Stopwatch.StartNew();
            var result = Simulator.Run(CrowdOf(count));
            var seconds = clock.Elapsed.TotalSeconds;
            process.Refresh();
            Console.Error.WriteLine($"  {count} peers: {seconds:F1} s");
            report.Add(
                string.Create(CultureInfo.InvariantCulture, $"{count:N0} peers"), result.IsComplete ? "" : "not complete",
                Stat.One(seconds, "F1"), Stat.One((process.TotalProcessorTime - cpuBefore).TotalSeconds, "F1"), Stat.One(result.EventCount / 1e6, "F2"),
                Stat.One(result.EventCount / seconds, "N0"), Stat.One(seconds * 1e6 / result.EventCount, "F2"),
                Stat.One((process.PeakWorkingSet64 - bytesBefore) / 1024.0 / count, "F0"), Stat.One(result.EndedAt.TotalSeconds, "F1"));
        }

        return Task.FromResult(report);
    }


    private static Scenario CrowdOf(int count) => new()
    {
        ContentLength = (long)PieceCount * PieceLength,
        PieceLength = PieceLength,
        BlockLength = PieceLength,
        Classes =
        [
            new PeerClass { Name = "seeder", IsSeeder = true, UpBytesPerSecond = 10 * UpBytesPerSecond, DownBytesPerSecond = 10 * UpBytesPerSecond },
            new PeerClass
            {
                Name = "leecher", Count = count, UpBytesPerSecond = UpBytesPerSecond, DownBytesPerSecond = 2 * UpBytesPerSecond,
                JoinWithin = TimeSpan.FromSeconds(1),
            },
        ],
        Swarm = new SwarmModel { MaximumConnectionCount = LinkCount, TellsHoldersToo = false },
    };
}
