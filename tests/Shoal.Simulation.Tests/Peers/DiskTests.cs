using Shoal.Engine;
using Shoal.Simulation.Results;
using Shoal.Simulation.Scenarios;

namespace Shoal.Simulation.Tests.Peers;

/// <summary>What a disk of a given rate holds up: two megabytes by lines that carry them within half a second.</summary>
public sealed class DiskTests
{
    private const int PieceLength = 100_000;
    private const int Length = 20 * PieceLength;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_seeder_reads_what_it_uploads(bool isJob)
    {
        var result = Run(new Scenario
        {
            ContentLength = Length,
            PieceLength = PieceLength,
            Classes = [Peers("seeder", disk: 500_000) with { IsSeeder = true }, Peers("leecher")],
            Swarm = new SwarmModel { IsJob = isJob },
        });

        Assert.InRange(Seconds(result.Peers[1]), 4, 4.4); // 2 MB at 0.5 MB/s
    }

    [Fact]
    public void Two_that_ask_wait_for_one_disk()
    {
        // Each byte is read for each of those who ask the seeder for it; together they ask it for at least one copy, at most two.
        var result = Run(Classes(Peers("seeder", disk: 500_000) with { IsSeeder = true }, Peers("leecher") with { Count = 2 }));

        var seconds = result.Peers[0].UploadedBytes / 500_000.0;
        Assert.InRange(Seconds(result.Peers[1]), seconds - 0.1, seconds + 0.5);
        Assert.InRange(Seconds(result.Peers[2]), seconds - 0.1, seconds + 0.5);
    }

    [Fact]
    public void A_seeder_whose_disk_the_scenario_does_not_give_reads_at_once() =>
        Assert.InRange(Seconds(Run(Classes(Peers("seeder") with { IsSeeder = true }, Peers("leecher"))).Peers[1]), 0.2, 0.7);

    [Theory]
    [InlineData(null)] // a hundredth of 1 GB/s
    [InlineData(1_000_000_000L)]
    public void A_seeder_with_a_slow_disk_reads_slowly_while_that_lasts(long? disk)
    {
        var scenario = Classes(Peers("seeder", disk) with { IsSeeder = true, UpBytesPerSecond = 1_000_000_000 }, Peers("leecher") with { DownBytesPerSecond = 1_000_000_000 });
        var slow = new Fault { Kind = FaultKind.SlowDisk, At = TimeSpan.Zero, Duration = TimeSpan.FromMinutes(1), Class = "seeder" };
        var (fast, slowed) = (Seconds(Run(scenario).Peers[1]), Seconds(Run(scenario with { Faults = [slow] }).Peers[1]));

        Assert.InRange(slowed, 0.2, 0.35); // 2 MB at 10 MB/s
        Assert.True(fast < 0.15, $"{fast}");
    }

    [Fact]
    public void A_leecher_sends_on_from_memory_what_it_has_just_got()
    {
        // The second has everything from the first, whose disk would need 20 s to read it, and 20 s more to write it.
        var result = Run(Classes(
            Peers("seeder") with { IsSeeder = true, MeanLifetime = null },
            Peers("first", disk: 1_000_000),
            Peers("second") with { JoinAt = TimeSpan.FromSeconds(3) }) with { Faults = [Crash("seeder", at: 2.9)] });

        Assert.InRange(Seconds(result.Peers[1]), 2, 2.4); // 2 MB at 1 MB/s
        Assert.InRange(Seconds(result.Peers[2]) - 3, 0.2, 0.9);
    }

    [Fact]
    public void A_leecher_that_was_started_again_reads_from_its_disk()
    {
        var result = Run(Classes(
            Peers("seeder") with { IsSeeder = true },
            Peers("first", disk: 1_000_000),
            Peers("second") with { JoinAt = TimeSpan.FromSeconds(4) }) with { Faults = [Crash("seeder", at: 2.9), Crash("first", at: 3, lasting: 0.5)] });

        Assert.InRange(Seconds(result.Peers[2]) - 4, 2, 2.9); // 2 MB at 1 MB/s
    }

    private static SimulationResult Run(Scenario scenario) => Simulator.Run(scenario);

    private static Scenario Classes(params PeerClass[] classes) => new() { ContentLength = Length, PieceLength = PieceLength, Classes = classes };

    private static PeerClass Peers(string name, long? disk = null) => new()
    {
        Name = name, UpBytesPerSecond = 5_000_000, DownBytesPerSecond = 5_000_000, Latency = TimeSpan.FromMilliseconds(1), DiskBytesPerSecond = disk,
    };

    private static Fault Crash(string name, double at, double lasting = 0) =>
        new() { Kind = FaultKind.Crash, At = TimeSpan.FromSeconds(at), Duration = TimeSpan.FromSeconds(lasting), Class = name };

    private static double Seconds(PeerResult peer) => (peer.CompletedAt - Instant.Zero).TotalSeconds;
}
