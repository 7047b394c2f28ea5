namespace Shoal.Simulation.Results;

/// <summary>
/// A mean with the half-width of its 95 % confidence interval (Student's t); the half-width is null where one sample says nothing of it.
/// </summary>
public readonly record struct Estimate(double Mean, double? HalfWidth)
{
    // The 97.5 % quantiles of Student's t for 1 to 30 degrees of freedom, then at 40, 60 and 120.
    private static readonly double[] Quantiles =
    [
        12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
        2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
    ];

    /// <summary>Of one sample at least.</summary>
    public static Estimate Of(IReadOnlyList<double> samples)
    {
        var mean = samples.Sum() / samples.Count;
        if (samples.Count < 2)
        {
            return new Estimate(mean, null);
        }

        var variance = samples.Sum(sample => (sample - mean) * (sample - mean)) / (samples.Count - 1);
        return new Estimate(mean, Quantile(samples.Count - 1) * Math.Sqrt(variance / samples.Count));
    }

    // Between two entries the wider one.
    private static double Quantile(int freedom) => freedom <= Quantiles.Length ? Quantiles[freedom - 1]
        : freedom < 40 ? Quantiles[^1] : freedom < 60 ? 2.021 : freedom < 120 ? 2.000 : 1.980;
}

/// <summary>Several runs of one kind (a policy, a piece length), each with another seed.</summary>
/// <param name="Label">What is special about them.</param>
/// <param name="Runs">The runs that were not broken off.</param>
public sealed record Variant(string Label, IReadOnlyList<RunSummary> Runs);

/// <summary>A variant in figures; times in seconds.</summary>
/// <param name="Label">Its label.</param>
/// <param name="RunCount">Runs.</param>
/// <param name="CompleteCount">Those of them in which all expected leechers completed.</param>
/// <param name="Last">When the last leecher was complete, over these; null if there is none such.</param>
/// <param name="Median">The median download time.</param>
/// <param name="BoundRatio">The time over the lower bound's.</param>
/// <param name="SeederShare">The seeders' part of what was uploaded.</param>
/// <param name="Fairness">Jain's index of leechers' uploads.</param>
public sealed record VariantSummary(
    string Label, int RunCount, int CompleteCount, Estimate? Last, Estimate? Median, Estimate? BoundRatio, Estimate? SeederShare, Estimate? Fairness);

/// <summary>How much later the last leecher of a variant is complete than that of the best, in seconds, paired by seed.</summary>
/// <param name="Label">The variant.</param>
/// <param name="Later">How much later.</param>
/// <param name="IsWorse">Whether the interval lies wholly above 0; if not, it cannot be told.</param>
public sealed record Difference(string Label, Estimate Later, bool IsWorse);

/// <summary>
/// Which of several variants is better: that whose last leecher is complete earlier, in the mean over seeds that both have. Each interval is
/// one of 95 % by itself; of twenty differences that are none, one is taken for one.
/// </summary>
/// <param name="Variants">All, in the order in which they were given.</param>
/// <param name="Best">The label of that with the least mean; null if none completed.</param>
/// <param name="Differences">The others against it.</param>
public sealed record Comparison(IReadOnlyList<VariantSummary> Variants, string? Best, IReadOnlyList<Difference> Differences)
{
    /// <summary>Compares.</summary>
    public static Comparison Of(IReadOnlyList<Variant> variants)
    {
        // A variant that fails now and then cannot win by its good days.
        var able = variants.Where(variant => variant.Runs.Count > 0 && variant.Runs.All(run => run.LastCompletedSeconds is not null)).ToList();
        var best = able.MinBy(variant => Last(variant.Runs)!.Value.Mean);
        return new Comparison(
            [.. variants.Select(Summarize)], best?.Label,
            best is null ? [] : [.. able.Where(variant => variant != best).Select(variant => Compare(variant, best)).OfType<Difference>()]);
    }

    private static Difference? Compare(Variant variant, Variant best)
    {
        var ofBest = best.Runs.ToDictionary(run => run.Seed, run => run.LastCompletedSeconds!.Value);
        var later = variant.Runs.Where(run => ofBest.ContainsKey(run.Seed)).Select(run => run.LastCompletedSeconds!.Value - ofBest[run.Seed]).ToList();
        if (later.Count == 0)
        {
            return null;
        }

        var estimate = Estimate.Of(later);
        return new Difference(variant.Label, estimate, estimate.HalfWidth is { } half && estimate.Mean > half);
    }

    private static VariantSummary Summarize(Variant variant) => new(
        variant.Label, variant.Runs.Count, variant.Runs.Count(run => run.LastCompletedSeconds is not null),
        Last(variant.Runs), Over(variant.Runs, run => run.Download.P50), Over(variant.Runs, run => run.BoundRatio),
        Over(variant.Runs, run => run.SeederShare), Over(variant.Runs, run => run.Fairness));

    private static Estimate? Last(IReadOnlyList<RunSummary> runs) => Over(runs, run => run.LastCompletedSeconds);

    private static Estimate? Over(IReadOnlyList<RunSummary> runs, Func<RunSummary, double?> figure)
    {
        var samples = runs.Select(figure).OfType<double>().ToList();
        return samples.Count > 0 ? Estimate.Of(samples) : null;
    }
}
