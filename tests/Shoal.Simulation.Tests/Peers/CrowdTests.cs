using Shoal.Simulation.Results;
using Shoal.Simulation.Scenarios;

namespace Shoal.Simulation.Tests.Peers;

/// <summary>Equal peers that come at the same time for what one seeder has, each linked with a few of the others.</summary>
public sealed class CrowdTests
{
    private const long BytesPerSecond = 20_000_000 / 8;

    /// <summary>
    /// It is 1.22 times the bound. With slots that the first peers of the seeder keep it is 1.55 times; with eight of them, first slots that leechers keep
    /// for ten seconds, and an endgame that asks for everything twice, 1.38 times, and each peer gets 6 % of all twice.
    /// </summary>
    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void Everybody_soon_has_something_to_send_and_hardly_anything_comes_twice(ulong seed)
    {
        var scenario = new Scenario
        {
            Seed = seed,
            ContentLength = 200 * (256 << 10),
            PieceLength = 256 << 10,
            BlockLength = 256 << 10,
            Classes =
            [
                new PeerClass { Name = "seeder", IsSeeder = true, UpBytesPerSecond = 10 * BytesPerSecond, DownBytesPerSecond = 10 * BytesPerSecond },
                new PeerClass { Name = "leechers", Count = 100, UpBytesPerSecond = BytesPerSecond, DownBytesPerSecond = 2 * BytesPerSecond, JoinWithin = TimeSpan.FromSeconds(1) },
            ],
            Swarm = new SwarmModel { MaximumConnectionCount = 20 },
        };

        var result = Simulator.Run(scenario);
        Assert.InRange(RunSummary.Of(scenario, result).BoundRatio!.Value, 1, 1.3);
        Assert.InRange(result.Peers.Sum(peer => peer.WastedBytes), 0, 2 * scenario.ContentLength);
    }

    /// <summary>It takes 26 s; with turns of half a second, in which TCP is never up to speed, 66 s.</summary>
    [Fact]
    public void Far_peers_keep_their_slots_for_long_enough_to_come_up_to_speed()
    {
        PeerClass Far(string name, int count, long up, long down) => new()
        {
            Name = name, Count = count, UpBytesPerSecond = up * BytesPerSecond, DownBytesPerSecond = down * BytesPerSecond, Latency = TimeSpan.FromMilliseconds(150),
        };
        var result = Simulator.Run(new Scenario
        {
            ContentLength = 64 << 20,
            PieceLength = 64 << 10,
            Classes = [Far("seeder", 1, 50, 50) with { IsSeeder = true }, Far("leechers", 30, 5, 10)],
        });

        Assert.InRange(result.EndedAt.TotalSeconds, 0, 40);
    }
}
