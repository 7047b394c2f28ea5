using Shoal.Engine;
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
        Assert.Equal(2.776 * Math.Sqrt(10.0 / 5), estimate.HalfWidth!.Value, 0.001);
        Assert.Null(Estimate.Of([5]).HalfWidth);
    }

    [Theory]
    [InlineData(1, 0.95, 12.706)]
    [InlineData(2, 0.95, 4.303)]
    [InlineData(4, 0.95, 2.776)]
    [InlineData(4, 0.99, 4.604)]
    [InlineData(9, 0.99, 3.250)]
    [InlineData(30, 0.95, 2.042)]
    [InlineData(120, 0.95, 1.980)]
    public void Quantiles_are_those_of_the_tables(int freedom, double confidence, double expected) =>
        Assert.Equal(expected, Student.Quantile(freedom, confidence), 0.0005);

    [Theory]
    [InlineData(2)]
    [InlineData(5)]
    [InlineData(20)]
    public void Of_variants_that_are_all_alike_one_is_called_worse_in_at_most_five_of_a_hundred_comparisons(int variants)
    {
        var prng = new Prng(1);
        // Near enough to a normal distribution.
        double Last() => 100 + Enumerable.Range(0, 12).Sum(_ => prng.Next(1 << 20) / (double)(1 << 20));
        var wrong = Enumerable.Range(0, 1000).Count(_ => Comparison
            .Of([.. Enumerable.Range(0, variants).Select(i => Of($"{i}", Last(), Last(), Last(), Last(), Last()))]).Differences.Any(one => one.IsWorse));
        Assert.InRange(wrong, 0, 60);
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
