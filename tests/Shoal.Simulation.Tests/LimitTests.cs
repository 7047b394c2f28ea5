using Shoal.Engine;
using Shoal.Simulation.Results;
using Shoal.Simulation.Scenarios;

namespace Shoal.Simulation.Tests;

/// <summary>A run ends at its limit, not with whatever happens next.</summary>
public sealed class LimitTests
{
    [Theory]
    [InlineData(10)]
    [InlineData(3599)]
    public void A_run_ends_at_its_limit_though_nothing_happens_then(int limit)
    {
        var result = Simulator.Run(Scenario(joinAt: 3600) with { Limit = TimeSpan.FromSeconds(limit) });

        Assert.Equal((TimeSpan.FromSeconds(limit), false), (result.EndedAt, result.IsComplete));
        Assert.All(result.Peers.Skip(1), peer => Assert.Equal(Instant.Never, peer.JoinedAt));
    }

    [Fact]
    public void What_happens_up_to_the_limit_counts_and_nothing_after_it()
    {
        var endedAt = Simulator.Run(Scenario(joinAt: 1)).EndedAt;
        var tick = TimeSpan.FromTicks(1);
        var (before, after) = (Run(endedAt - tick), Run(endedAt + tick));

        Assert.Equal((endedAt - tick, false), (before.EndedAt, before.IsComplete));
        Assert.Equal((endedAt, true), (after.EndedAt, after.IsComplete));

        static SimulationResult Run(TimeSpan limit) => Simulator.Run(Scenario(joinAt: 1) with { Limit = limit });
    }

    [Fact]
    public void A_run_that_is_complete_ends_with_its_last_completion()
    {
        var result = Simulator.Run(Scenario(joinAt: 1));

        Assert.Equal(result.Peers.Skip(1).Max(peer => peer.CompletedAt) - Instant.Zero, result.EndedAt);
    }

    private static Scenario Scenario(double joinAt) => new()
    {
        ContentLength = 1_000_000,
        PieceLength = 100_000,
        Classes =
        [
            new PeerClass { Name = "seeder", IsSeeder = true, UpBytesPerSecond = 1_000_000, DownBytesPerSecond = 1_000_000 },
            new PeerClass { Name = "leechers", Count = 5, UpBytesPerSecond = 1_000_000, DownBytesPerSecond = 1_000_000, JoinAt = TimeSpan.FromSeconds(joinAt) },
        ],
    };
}
