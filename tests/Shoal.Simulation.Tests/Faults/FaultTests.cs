using Shoal.Simulation.Results;
using Shoal.Simulation.Scenarios;

namespace Shoal.Simulation.Tests.Faults;

/// <summary>A fault strikes those whom it can strike, and lasts as long as any that does the same. All times are by hand.</summary>
public sealed class FaultTests
{
    // Two megabytes in twenty pieces, by lines that carry them within a second.
    private const int PieceLength = 100_000;
    private const int PieceCount = 20;

    [Theory]
    [InlineData(4)]
    [InlineData(0)] // for good
    public void A_crash_does_not_strike_who_has_not_come_yet(int seconds)
    {
        var leecher = Leecher() with { JoinAt = TimeSpan.FromSeconds(100) };
        var peer = Run(leecher, Fault(FaultKind.Crash, at: 1, seconds)).Peers[1];

        Assert.Equal((100, true), (peer.JoinedAt.Nanoseconds / 1e9, peer.IsExpected));
        Assert.InRange(CompletedSeconds(peer), 100.1, 102);
    }

    [Fact]
    public void A_crash_strikes_those_who_are_there()
    {
        for (ulong seed = 1; seed <= 8; seed++)
        {
            var leechers = Leecher() with { Count = 2, JoinWithin = TimeSpan.FromSeconds(100) };
            var result = Run(leechers, seed, Fault(FaultKind.Crash, at: 0.1, lasting: 30));

            Assert.InRange(CompletedSeconds(result.Peers[1]), 30, 32);
            Assert.InRange(CompletedSeconds(result.Peers[2]), 100.1, 102);
        }
    }

    [Fact]
    public void A_crash_within_another_does_not_end_it()
    {
        var peer = Run(Leecher(), Fault(FaultKind.Crash, at: 0.1, lasting: 1000), Fault(FaultKind.Crash, at: 20, lasting: 1)).Peers[1];

        Assert.InRange(CompletedSeconds(peer), 1000.1, 1002);
    }

    [Theory]
    [InlineData(1, 100, 5, 5)] // one within the other
    [InlineData(1, 50, 41, 60)] // one after the other
    public void A_tracker_is_down_until_the_last_fault_is_over(double at, double lasting, double otherAt, double otherLasting)
    {
        var leecher = Leecher() with { JoinAt = TimeSpan.FromSeconds(45) };
        var peer = Run(leecher, Fault(FaultKind.TrackerDown, at, lasting), Fault(FaultKind.TrackerDown, otherAt, otherLasting)).Peers[1];

        Assert.InRange(CompletedSeconds(peer), 101, 101 + 120); // it asks again when its rest is over
    }

    [Fact]
    public void A_disk_is_slow_until_the_last_fault_is_over()
    {
        // A hundredth of 1 MB/s: ten seconds for each of six pieces, and a tenth of one for each of the others.
        var leecher = Leecher() with { DiskBytesPerSecond = 1_000_000 };
        var peer = Run(leecher, Fault(FaultKind.SlowDisk, at: 0, lasting: 60), Fault(FaultKind.SlowDisk, at: 1, lasting: 0.1)).Peers[1];

        Assert.InRange(CompletedSeconds(peer), 60 + 1.4, 60 + 1.4 + 0.5);
    }

    [Fact]
    public void A_disk_is_full_until_the_last_fault_is_over()
    {
        var peer = Run(Leecher(), Fault(FaultKind.FullDisk, at: 0, lasting: 60), Fault(FaultKind.FullDisk, at: 0.05, lasting: 0.1)).Peers[1];

        Assert.InRange(CompletedSeconds(peer), 60, 180); // it tries again when its rest is over
    }

    private static SimulationResult Run(PeerClass leechers, params Fault[] faults) => Run(leechers, 1, faults);

    private static SimulationResult Run(PeerClass leechers, ulong seed, params Fault[] faults) => Simulator.Run(new Scenario
    {
        Seed = seed,
        ContentLength = PieceCount * PieceLength,
        PieceLength = PieceLength,
        Classes = [Leecher() with { Name = "seeder", IsSeeder = true }, leechers],
        Faults = faults,
    });

    private static PeerClass Leecher() => new() { Name = "leecher", UpBytesPerSecond = 5_000_000, DownBytesPerSecond = 5_000_000 };

    private static Fault Fault(FaultKind kind, double at, double lasting) => new()
    {
        Kind = kind,
        At = TimeSpan.FromSeconds(at),
        Duration = TimeSpan.FromSeconds(lasting),
        Class = kind == FaultKind.TrackerDown ? null : "leecher",
    };

    private static double CompletedSeconds(PeerResult peer) => peer.CompletedAt.Nanoseconds / 1e9;
}
