using Shoal.Simulation.Network;
using Shoal.Simulation.Results;
using Shoal.Simulation.Scenarios;

namespace Shoal.Simulation.Tests.Network;

/// <summary>What a line of a given rate carries: payload, headers, acknowledgements, and at first little. Times are virtual.</summary>
public sealed class LineTests
{
    private const int Length = 8 * 1024 * 1024;
    private const long Megabit = 125_000;

    [Fact]
    public void Headers_take_their_share_of_a_line()
    {
        var result = Run(latency: TimeSpan.FromMilliseconds(1), up: 10 * Megabit, down: 100 * Megabit);

        var seconds = Length * 1514.0 / 1448 / (10.0 * Megabit);
        Assert.InRange(SecondsOf(result.Peers[1]), seconds, seconds + 0.1);
    }

    [Fact]
    public void Acknowledgements_take_their_share_of_the_way_back()
    {
        // 66 bytes for two frames of 1,514.
        Assert.Equal(66 * 2_000_000L / (2 * 1514), WireCosts.AcksFor(2_000_000));
        Assert.Equal(1448, WireCosts.PayloadOf(1514));
        Assert.Equal(1514, WireCosts.OnLine(1448));
        Assert.Equal(long.MaxValue, WireCosts.PayloadOf(long.MaxValue));
    }

    [Fact]
    public void A_leecher_that_receives_much_sends_the_less()
    {
        // The second leecher can have nothing but what the first sends on, by a line that is too narrow for all of it.
        PeerClass[] classes =
        [
            Peer("seeder", 100 * Megabit, 100 * Megabit) with { IsSeeder = true },
            Peer("leechers", 2 * Megabit, 40 * Megabit) with { Count = 2, JoinAt = TimeSpan.FromSeconds(1) },
        ];
        var result = Simulator.Run(new Scenario { ContentLength = Length, PieceLength = 1 << 18, Classes = classes });

        foreach (var leecher in result.Peers.Skip(1))
        {
            var sent = leecher.UploadedBytes / SecondsOf(leecher);
            var acknowledged = leecher.DownloadedBytes / SecondsOf(leecher) * 66 / 2 / 1448;
            Assert.True((sent * 1514 / 1448) + acknowledged <= 2.2 * Megabit, $"{sent} + {acknowledged}");
        }
    }

    [Fact]
    public void A_wide_line_over_a_long_way_is_filled_slowly()
    {
        var result = Run(latency: TimeSpan.FromMilliseconds(100), up: 1000 * Megabit, down: 1000 * Megabit);

        // In round trips of 400 ms: ten segments, twenty, and so on, of which nine make seven megabytes.
        Assert.InRange(SecondsOf(result.Peers[1]), 9 * 0.4, 10);
        Assert.InRange(SecondsOf(Run(TimeSpan.FromMilliseconds(1), 1000 * Megabit, 1000 * Megabit).Peers[1]), 0, 0.3);
    }

    private static SimulationResult Run(TimeSpan latency, long up, long down) => Simulator.Run(new Scenario
    {
        ContentLength = Length,
        PieceLength = 1 << 20,
        Classes =
        [
            Peer("seeder", up, down) with { IsSeeder = true, Latency = latency },
            Peer("leecher", up, down) with { Latency = latency, JoinAt = TimeSpan.FromSeconds(1) },
        ],
    });

    private static PeerClass Peer(string name, long up, long down) =>
        new() { Name = name, UpBytesPerSecond = up, DownBytesPerSecond = down, Latency = TimeSpan.FromMilliseconds(1) };

    private static double SecondsOf(PeerResult peer) => (peer.CompletedAt - peer.JoinedAt).TotalSeconds;
}
