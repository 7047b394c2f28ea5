using Shoal.Engine;
using Shoal.Simulation.Time;

namespace Shoal.Simulation.Tests.Time;

/// <summary>The exponential distribution by whole numbers is one.</summary>
public sealed class ChanceTests
{
    private const int Count = 200_000;
    private const long Mean = 1_000_000_000;

    private static readonly long[] Drawn = Draw(1);

    // The mean of so many has a standard error of 0.22 %, a share one of 0.11 % at most: five of them.
    [Fact]
    public void The_mean_is_the_one_that_was_asked_for()
    {
        Assert.InRange(Drawn.Average(), 0.99 * Mean, 1.01 * Mean);
        Assert.InRange(Math.Sqrt(Drawn.Average(one => Math.Pow(one - (double)Mean, 2))), 0.98 * Mean, 1.02 * Mean);
        Assert.All(Drawn, one => Assert.True(one >= 0));
    }

    [Theory]
    [InlineData(0.01)]
    [InlineData(0.5)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void The_share_above_x_means_is_e_to_the_minus_x(double means) =>
        Assert.InRange(Drawn.Count(one => one > means * Mean) / (double)Count, Math.Exp(-means) - 0.0056, Math.Exp(-means) + 0.0056);

    [Fact]
    public void The_same_seed_draws_the_same_and_another_does_not()
    {
        Assert.Equal(Drawn, Draw(1));
        Assert.NotEqual(Drawn, Draw(2));
        // Written down once: no machine may have another.
        Assert.Equal([352509583, 653087166, 554941753], Draw(1)[..3]);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(long.MaxValue)]
    public void Means_at_the_edges_give_a_duration_that_can_be_added_to_any_time(long mean)
    {
        var prng = new Prng(1);
        for (var i = 0; i < 1000; i++)
        {
            Assert.InRange(Chance.Exponential(prng, mean), 0, Chance.MaximumDuration);
        }
    }

    private static long[] Draw(ulong seed)
    {
        var prng = new Prng(seed);
        return [.. Enumerable.Range(0, Count).Select(_ => Chance.Exponential(prng, Mean))];
    }
}
