namespace Shoal.Simulation.Results;

/// <summary>
/// A mean with the half-width of its confidence interval (Student's t); the half-width is null where one sample says nothing of it.
/// </summary>
public readonly record struct Estimate(double Mean, double? HalfWidth)
{
    /// <summary>How sure intervals are.</summary>
    public const double Confidence = 0.95;

    /// <summary>Of one sample at least.</summary>
    /// <param name="samples">The samples.</param>
    /// <param name="confidence">The probability that the true mean is in the interval.</param>
    public static Estimate Of(IReadOnlyList<double> samples, double confidence = Confidence)
    {
        var mean = samples.Sum() / samples.Count;
        if (samples.Count < 2)
        {
            return new Estimate(mean, null);
        }

        var variance = samples.Sum(sample => (sample - mean) * (sample - mean)) / (samples.Count - 1);
        return new Estimate(mean, Student.Quantile(samples.Count - 1, confidence) * Math.Sqrt(variance / samples.Count));
    }
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
/// Which of several variants is better: that whose last leecher is complete earlier, in the mean over seeds that both have. The intervals
/// of the differences hold all together with 95 %: the best is found in the same figures, so each is as wide as if every two variants had
/// been compared (Bonferroni). The intervals of single variants are of 95 % each.
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
            best is null ? [] : [.. able.Where(variant => variant != best).Select(variant => Compare(variant, best, able.Count)).OfType<Difference>()]);
    }

    private static Difference? Compare(Variant variant, Variant best, int variantCount)
    {
        var ofBest = best.Runs.ToDictionary(run => run.Seed, run => run.LastCompletedSeconds!.Value);
        var later = variant.Runs.Where(run => ofBest.ContainsKey(run.Seed)).Select(run => run.LastCompletedSeconds!.Value - ofBest[run.Seed]).ToList();
        if (later.Count == 0)
        {
            return null;
        }

        var pairCount = variantCount * (variantCount - 1) / 2;
        var estimate = Estimate.Of(later, 1 - ((1 - Estimate.Confidence) / pairCount));
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
