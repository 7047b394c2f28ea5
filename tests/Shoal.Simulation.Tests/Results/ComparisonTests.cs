using Shoal.Simulation.Results;

namespace Shoal.Simulation.Tests.Results;

/// <summary>Which is better is said where numbers allow it, and only there.</summary>
public class ComparisonTests
{
    [Fact]
    public void An_estimate_is_the_mean_with_Students_interval()
    {
        var estimate = Estimate.Of([10, 12, 14, 16, 18]);
        Assert.Equal(14, estimate.Mean);
        Assert.Equal(2.776 * Math.Sqrt(10.0 / 5), estimate.HalfWidth!.Value, 9);
        Assert.Null(Estimate.Of([5]).HalfWidth);
    }

    [Fact]
    public void What_is_better_with_every_seed_is_better_though_seeds_differ_more()
    {
        // Unpaired, the intervals overlap widely.
        var comparison = Comparison.Of([Of("slow", 101, 201, 302, 401), Of("fast", 100, 200, 300, 400)]);
        Assert.Equal("fast", comparison.Best);
        var difference = Assert.Single(comparison.Differences);
        Assert.Equal(("slow", true), (difference.Label, difference.IsWorse));
        Assert.Equal(1.25, difference.Later.Mean);
    }

    [Fact]
    public void What_is_better_now_and_worse_then_cannot_be_told()
    {
        var comparison = Comparison.Of([Of("a", 100, 110, 90, 105), Of("b", 99, 112, 92, 104)]);
        Assert.Equal("a", comparison.Best);
        Assert.False(Assert.Single(comparison.Differences).IsWorse);
    }

    [Fact]
    public void One_seed_tells_nothing() =>
        Assert.False(Assert.Single(Comparison.Of([Of("a", 1), Of("b", 1000)]).Differences).IsWorse);

    [Fact]
    public void What_does_not_always_complete_cannot_win()
    {
        var comparison = Comparison.Of([Of("hasty", 1, null, 1), Of("steady", 100, 100, 100)]);
        Assert.Equal("steady", comparison.Best);
        Assert.Empty(comparison.Differences);
        Assert.Equal((3, 2), (comparison.Variants[0].RunCount, comparison.Variants[0].CompleteCount));
        Assert.Null(Comparison.Of([Of("a", null, 1), Of("b", [null])]).Best);
    }

    [Fact]
    public void Only_seeds_that_both_have_are_paired()
    {
        var comparison = Comparison.Of([Of("a", 10, 20, 30), Of("b", 15, 25)]);
        Assert.Equal("a", comparison.Variants.MinBy(one => one.Last!.Value.Mean)!.Label is "a" ? "a" : comparison.Best);
        Assert.All(comparison.Differences, difference => Assert.Equal(5, Math.Abs(difference.Later.Mean)));
    }

    private static Variant Of(string label, params double?[] last) => new(label, [.. last.Select((seconds, i) => Run(seconds) with { Seed = (ulong)i })]);

    private static RunSummary Run(double? last) => RunSummary.Of(
        Made.Scenario(Made.Seeder(100), Made.Class("l", 1, 25, 1000)), Made.Result(Made.Seed(), Made.Peer("l", 0, last)));
}
