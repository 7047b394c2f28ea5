using Shoal.Simulation.Faults;
using Shoal.Simulation.Fuzzing.Swarms;
using Shoal.Simulation.Scenarios;

namespace Shoal.Simulation.Tests.Fuzzing.Swarms;

/// <summary>The world that the fuzzer makes is rough, and still keeps the laws of networks and disks.</summary>
public sealed class AdversityTests
{
    private static readonly Scenario Small = new()
    {
        ContentLength = 600_000,
        PieceLength = 12_288,
        BlockLength = 4096,
        Zones = [new Zone("far", 1_000_000, 1_000_000, TimeSpan.FromMilliseconds(20))],
        Classes =
        [
            new PeerClass { Name = "seeder", IsSeeder = true, UpBytesPerSecond = 100_000, DownBytesPerSecond = 100_000 },
            new PeerClass { Name = "near", Count = 2, UpBytesPerSecond = 100_000, DownBytesPerSecond = 400_000 },
            new PeerClass { Name = "far", Count = 3, UpBytesPerSecond = 100_000, DownBytesPerSecond = 400_000, Zone = "far", DiskBytesPerSecond = 200_000 },
        ],
    };

    private static readonly Adversity Split = new() { IsSplit = true, Jitter = TimeSpan.FromMilliseconds(50), Spared = "seeder" };

    private static SwarmOutcome Run(Adversity adversity, params Fault[] faults) =>
        SwarmRun.Run(new SwarmCase(1, [], Small with { Faults = faults }, adversity));

    [Fact]
    public void Bytes_cut_anywhere_give_the_messages_that_were_sent() => Assert.Null(Run(Split).Failure);

    // The codec's check would see a message out of its order.
    [Fact]
    public void Of_two_partitions_that_overlap_neither_lets_anything_overtake() => Assert.Null(Run(
        Split,
        new Fault { Kind = FaultKind.Partition, Zone = "far", At = TimeSpan.FromSeconds(2), Duration = TimeSpan.FromSeconds(5) },
        new Fault { Kind = FaultKind.Partition, Zone = "far", At = TimeSpan.FromSeconds(4), Duration = TimeSpan.FromSeconds(20) },
        new Fault { Kind = FaultKind.Partition, Zone = "far", At = TimeSpan.FromSeconds(4.5), Duration = TimeSpan.FromSeconds(1) }).Failure);

    [Fact]
    public void A_disk_that_was_slow_is_fast_again_for_what_it_has_still_to_write()
    {
        var slow = Run(Split, new Fault { Kind = FaultKind.SlowDisk, Class = "far", Count = 3, At = TimeSpan.FromSeconds(1), Duration = TimeSpan.FromSeconds(30) });
        Assert.Null(slow.Failure);
        Assert.InRange(slow.CompletedAt!.Value.TotalSeconds, 31, 90);
    }

    [Fact]
    public void What_a_crash_tears_is_found_out_and_fetched_again()
    {
        var torn = Run(
            Split with { IsTearing = true, BufferBytes = 3 * 12_288 },
            [.. Enumerable.Range(1, 8).Select(second => new Fault { Kind = FaultKind.Crash, Class = "far", Count = 3, At = TimeSpan.FromSeconds(second), Duration = TimeSpan.FromSeconds(0.3) })]);
        Assert.Null(torn.Failure);
    }

    [Fact]
    public void Links_that_break_all_the_time_let_it_come_to_an_end() => Assert.Null(
        Run(Split with { MeanLinkLifetime = TimeSpan.FromSeconds(4), SilentPercent = 30, Until = TimeSpan.FromMinutes(2), HasEndpoints = true }).Failure);
}
