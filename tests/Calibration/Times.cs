namespace Calibration;

/// <summary>How long the peers of a crowd took, in seconds.</summary>
internal readonly record struct Times(double Median, double Last)
{
    public static Times Of(IEnumerable<double> seconds)
    {
        double[] sorted = [.. seconds.Order()];
        return new Times(MedianOf(sorted), sorted[^1]);
    }

    /// <summary>The median of each over several runs.</summary>
    public static Times Typical(IReadOnlyCollection<Times> runs) =>
        new(MedianOf([.. runs.Select(run => run.Median).Order()]), MedianOf([.. runs.Select(run => run.Last).Order()]));

    /// <summary>By how much the farther of both is off, as a share of the other's.</summary>
    public double OffFrom(Times other) =>
        Math.Max(Math.Abs((Median / other.Median) - 1), Math.Abs((Last / other.Last) - 1));

    public override string ToString() => $"median {Median:F2} s, last {Last:F2} s";

    private static double MedianOf(double[] sorted) => (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
}
