using Shoal.Engine;
using Shoal.Simulation.Peers;
using Shoal.Simulation.Scenarios;

namespace Shoal.Simulation.Tests.Peers;

/// <summary>Peers come, go, crash and come back when their scenario says. All times are by hand.</summary>
public sealed class ComingAndGoingTests
{
    private const int PieceLength = 100_000;

    // Whoever leaves says good-bye to the tracker first: a way there and back.
    private const double Farewell = 2 * (0.010 + 0.005);

    [Fact]
    public void Whoever_joins_within_a_time_joins_evenly_spread()
    {
        var world = Run(until: 30, Leechers(4) with { JoinAt = TimeSpan.FromSeconds(3), JoinWithin = TimeSpan.FromSeconds(6) });

        Assert.Equal([3, 5, 7, 9], world.Peers.Skip(1).Select(peer => peer.JoinedAt.Nanoseconds / 1e9));
    }

    [Fact]
    public void Random_arrivals_are_those_that_are_drawn_and_the_seed_s_alone()
    {
        var poisson = Leechers(40) with { ArrivalsPerSecond = 4 };
        double[] Joins(ulong seed) => [.. Run(until: 30, poisson, seed).Peers.Skip(1).Select(peer => peer.JoinedAt.Nanoseconds / 1e9)];
        var joins = Joins(1);

        Assert.InRange(joins[^1], 5, 15); // 10 s with a deviation of 1.6 s
        Assert.Equal(joins, Joins(1));
        Assert.NotEqual(joins, Joins(2));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    public void Whoever_is_complete_stays_so_long(int stay)
    {
        var left = new Dictionary<VirtualPeer, double>();
        var world = Run(until: 60, Leechers(1) with { StayAfterCompletion = TimeSpan.FromSeconds(stay) }, left: left);

        var leecher = world.Peers[1];
        Assert.InRange(left[leecher] - (leecher.CompletedAt.Nanoseconds / 1e9), stay, stay + Farewell + 0.1);
        Assert.False(left.ContainsKey(world.Peers[0]));
        Assert.Equal((1, 0), (world.ExpectedCount, world.MissingCount));
    }

    [Fact]
    public void Lifetimes_have_the_mean_that_is_said_and_count_from_joining()
    {
        var left = new Dictionary<VirtualPeer, double>();
        var world = Run(until: 200, Leechers(100) with { JoinAt = TimeSpan.FromSeconds(5), MeanLifetime = TimeSpan.FromSeconds(20) }, left: left, hasSeeder: false);

        Assert.Equal(100, left.Count);
        var lifetimes = left.Values.Select(at => at - 5).ToArray();
        Assert.InRange(lifetimes.Average(), 14, 26 + Farewell); // 20 s with a deviation of 2 s
        Assert.InRange(lifetimes.Count(time => time > 20 + Farewell), 22, 52); // 37 of a hundred with a deviation of 5
        // They went before they were complete, so nobody waits for them.
        Assert.Equal((0, 0), (world.ExpectedCount, world.MissingCount));
    }

    [Fact]
    public void A_peer_that_crashes_is_away_so_long_and_comes_back_with_what_was_on_its_disk()
    {
        // Ten pieces, one in each second: at 4.5 s four are there.
        var leecher = Leechers(1) with { DownBytesPerSecond = PieceLength * 1514 / 1448, DiskBytesPerSecond = 100_000_000 };
        var crash = new Fault { Kind = FaultKind.Crash, Class = "leechers", At = TimeSpan.FromSeconds(4.5), Duration = TimeSpan.FromSeconds(20) };
        var left = new Dictionary<VirtualPeer, double>();
        var peer = Run(until: 24.4, leecher, left: left, faults: crash).Peers[1];

        Assert.Equal((false, 4.5), (peer.IsRunning, left[peer]));
        Assert.InRange(peer.Disk.Right.Count, 1, 4);
        var had = peer.Disk.Right.Count;

        peer = Run(until: 60, leecher, faults: crash).Peers[1];
        Assert.True(peer.IsRunning);
        Assert.InRange(peer.CompletedAt.Nanoseconds / 1e9, 24.5 + 5, 24.5 + (10 - had) + 1.5);
        Assert.Equal(0, peer.JoinedAt.Nanoseconds);
    }

    [Fact]
    public void A_tracker_that_is_down_lets_nobody_find_another()
    {
        var leechers = Leechers(2) with { JoinAt = TimeSpan.FromSeconds(10), JoinWithin = TimeSpan.FromSeconds(50) };
        var down = new Fault { Kind = FaultKind.TrackerDown, At = TimeSpan.FromSeconds(5), Duration = TimeSpan.FromSeconds(35) };
        var world = Run(until: 59, leechers, faults: down);

        // The first asks in vain at 10 s, hears nothing for 15 s and rests for 15 s at least; the second comes when all is well.
        Assert.InRange(Run(until: 300, leechers, faults: down).Peers[1].CompletedAt.Nanoseconds / 1e9, 40, 100);
        Assert.InRange(Run(until: 300, leechers, faults: down).Peers[2].CompletedAt.Nanoseconds / 1e9, 60, 62);
        Assert.Equal(1, Run(until: 39, leechers, faults: down).TrackerLoad.TotalCount); // the seeder's, before
        Assert.Equal(Instant.Never, world.Peers[2].JoinedAt);
    }

    private static World Run(
        double until, PeerClass leechers, ulong seed = 1, Dictionary<VirtualPeer, double>? left = null, bool hasSeeder = true, params Fault[] faults)
    {
        var seeder = Leechers(1) with { Name = "seeder", IsSeeder = true, JoinAt = hasSeeder ? TimeSpan.Zero : TimeSpan.FromDays(1) };
        var world = new World(new Scenario
        {
            Seed = seed,
            ContentLength = 10 * PieceLength,
            PieceLength = PieceLength,
            Classes = [seeder, leechers],
            Faults = faults,
            Swarm = new SwarmModel { MaximumConnectionCount = 3 },
        });
        var running = new HashSet<VirtualPeer>();
        while (world.Timeline.NextAt <= Instant.Zero + TimeSpan.FromSeconds(until) && world.Step())
        {
            foreach (var peer in left is null ? [] : world.Peers)
            {
                if (peer.IsRunning)
                {
                    running.Add(peer);
                }
                else if (running.Remove(peer))
                {
                    left![peer] = world.Now.Nanoseconds / 1e9;
                }
            }
        }

        return world;
    }

    private static PeerClass Leechers(int count) =>
        new() { Name = "leechers", Count = count, UpBytesPerSecond = 2_000_000, DownBytesPerSecond = 2_000_000 };
}
