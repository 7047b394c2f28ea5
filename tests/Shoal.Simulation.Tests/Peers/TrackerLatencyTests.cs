using Shoal.Engine;
using Shoal.Simulation.Scenarios;

namespace Shoal.Simulation.Tests.Peers;

/// <summary>The way to the tracker is as long as the peer's, its zone's and the tracker's own.</summary>
public sealed class TrackerLatencyTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Peer_zone_and_tracker_count_alike(bool isJob)
    {
        Assert.Equal(3 + 10, FirstAtTrackerMilliseconds(isJob, zone: null));
        Assert.Equal(3 + 20 + 10, FirstAtTrackerMilliseconds(isJob, zone: "far"));
    }

    private static double FirstAtTrackerMilliseconds(bool isJob, string? zone)
    {
        var peers = new PeerClass
        {
            Name = "leecher", UpBytesPerSecond = 1_000_000, DownBytesPerSecond = 1_000_000, Zone = zone, Latency = TimeSpan.FromMilliseconds(3),
        };
        var world = new World(new Scenario
        {
            ContentLength = 1_000_000,
            Classes = [peers, peers with { Name = "seeder", IsSeeder = true }],
            Zones = [new Zone("far", 1_000_000, 1_000_000, TimeSpan.FromMilliseconds(20))],
            Tracker = new TrackerModel { Latency = TimeSpan.FromMilliseconds(10) },
            Swarm = new SwarmModel { IsJob = isJob },
        });
        while (world.TrackerLoad.TotalCount == 0)
        {
            Assert.True(world.Step());
        }

        return (world.Now - Instant.Zero).TotalMilliseconds;
    }
}
