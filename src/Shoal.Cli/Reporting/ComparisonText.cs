using Shoal.Simulation.Results;
using static Shoal.Cli.Reporting.SimulationText;

namespace Shoal.Cli.Reporting;

/// <summary>What a comparison found, as people read it.</summary>
internal static class ComparisonText
{
    /// <summary>A line for each variant: means with 95 % confidence intervals.</summary>
    public static string Table(Comparison comparison)
    {
        var scale = Scale.For(comparison);
        List<string[]> rows = [["Mean ± 95 % confidence", "complete", $"last, {scale.Unit}", $"median, {scale.Unit}", "× bound", "seeders", "Jain"]];
        rows.AddRange(comparison.Variants.Select(one => (string[])
        [
            one.Label, $"{one.CompleteCount}/{one.RunCount} runs", scale.Show(one.Last), scale.Show(one.Median),
            Show(one.BoundRatio, 1, "0.00", ""), Show(one.SeederShare, 100, "0.0", " %"), Show(one.Fairness, 1, "0.000", ""),
        ]));
        return Columns(rows);
    }

    /// <summary>Which is better, or that it cannot be told: one sentence each.</summary>
    public static string Verdict(Comparison comparison)
    {
        if (comparison.Best is not { } best)
        {
            return "Nothing to choose: no variant completed in all of its runs.";
        }

        var scale = Scale.For(comparison);
        var sentences = new List<string>();
        var seeds = comparison.Variants.Max(one => one.RunCount);
        if (comparison.Differences.Any(one => one.IsWorse))
        {
            sentences.Add($"{best} is better than {List(comparison.Differences.Where(one => one.IsWorse).Select(one => $"{one.Label} (whose last leecher is done {scale.Show(one.Later)} {scale.Unit} later)"))}, with 95 % confidence.");
        }

        if (comparison.Differences.Any(one => !one.IsWorse))
        {
            sentences.Add(seeds < 2
                ? $"{best} came first, but one seed cannot tell whether it is better than {List(comparison.Differences.Select(one => one.Label))}; give --seeds 5."
                : $"Whether {best} is better than {List(comparison.Differences.Where(one => !one.IsWorse).Select(one => $"{one.Label} (last leecher {scale.Show(one.Later)} {scale.Unit} later)"))} cannot be told from {seeds} seeds.");
        }

        foreach (var failed in comparison.Variants.Where(one => one.CompleteCount < one.RunCount || one.RunCount == 0))
        {
            sentences.Add($"{failed.Label} completed in {failed.CompleteCount} of {failed.RunCount} runs and is out.");
        }

        return sentences.Count > 0 ? string.Join('\n', sentences) : $"{best} is the only one.";
    }

    private static string List(IEnumerable<string> parts)
    {
        var all = parts.ToList();
        return all.Count == 1 ? all[0] : $"{string.Join(", ", all.Take(all.Count - 1))} and {all[^1]}";
    }

    private static string Show(Estimate? estimate, double factor, string format, string unit) => estimate is not { } value ? "–"
        : value.HalfWidth is not { } half ? Say($"{(value.Mean * factor).ToString(format)}{unit}")
        : Say($"{(value.Mean * factor).ToString(format)} ± {(half * factor).ToString(format)}{unit}");

    /// <summary>One unit for all times of a table, so that they can be compared by eye.</summary>
    private sealed record Scale(string Unit, double Seconds)
    {
        public static Scale For(Comparison comparison) => comparison.Variants.Max(one => one.Last?.Mean ?? one.Median?.Mean ?? 0) switch
        {
            < 2 => new Scale("ms", 0.001),
            < 1_200 => new Scale("s", 1),
            < 72_000 => new Scale("min", 60),
            _ => new Scale("h", 3_600),
        };

        public string Show(Estimate? estimate) => ComparisonText.Show(estimate, 1 / Seconds, Unit == "ms" ? "0" : "0.00", "");
    }
}
