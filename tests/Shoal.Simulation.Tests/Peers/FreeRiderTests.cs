using Shoal.Simulation.Results;
using Shoal.Simulation.Scenarios;

namespace Shoal.Simulation.Tests.Peers;

/// <summary>A free-rider takes and never gives, whatever the swarm; so the lower bound, which counts on that, stays one.</summary>
public sealed class FreeRiderTests
{
    private const long Megabit = 125_000;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_free_rider_gives_nothing_and_the_bound_holds(bool isTrusted)
    {
        var scenario = new Scenario
        {
            ContentLength = 10 << 20,
            PieceLength = 128 << 10,
            Swarm = new SwarmModel { IsTrusted = isTrusted },
            Classes =
            [
                Peers("seeder", 1, up: 40, down: 40) with { IsSeeder = true },
                Peers("honest", 20, up: 5, down: 100),
                // Lines so good that they could carry it all.
                Peers("riders", 10, up: 1000, down: 1000) with { Behavior = Behavior.FreeRider },
            ],
        };
        var result = Simulator.Run(scenario);

        Assert.True(result.IsComplete);
        Assert.All(result.Peers.Where(peer => peer.Class == "riders"), rider => Assert.Equal(0, rider.UploadedBytes));
        Assert.True(result.Peers.Max(peer => peer.CompletedAt).Nanoseconds / 1e9 >= LowerBound.Of(scenario, result)!.Seconds);
        // They take none the less.
        Assert.True(result.Peers.Where(peer => peer.Class == "riders").Sum(rider => rider.DownloadedBytes) > 0);
    }

    private static PeerClass Peers(string name, int count, long up, long down) =>
        new() { Name = name, Count = count, UpBytesPerSecond = up * Megabit, DownBytesPerSecond = down * Megabit };
}
