using System.Globalization;

namespace Shoal.Simulation.Results;

/// <summary>A time axis from 0: a unit that people would take, and round ticks of it.</summary>
/// <param name="EndSeconds">The axis's end, above 0.</param>
/// <param name="Unit">"seconds".</param>
/// <param name="Ticks">Where, and what stands there.</param>
public sealed record TimeAxis(double EndSeconds, string Unit, IReadOnlyList<(double Seconds, string Label)> Ticks)
{
    private const int FewestTicks = 4;

    private static readonly (string Unit, double Seconds)[] Units =
        [("days", 86_400), ("hours", 3_600), ("minutes", 60), ("seconds", 1), ("milliseconds", 0.001)];

    /// <summary>An axis on which this time is near the end.</summary>
    public static TimeAxis For(double lastSeconds)
    {
        var last = lastSeconds > 0 ? lastSeconds : 1;
        // Two units and more of the larger one, or else the smaller one: "90 minutes", "2 hours".
        var (unit, seconds) = Units.FirstOrDefault(one => last >= 2 * one.Seconds, Units[^1]);
        var end = last * 1.03 / seconds;
        var step = Steps(end).Last(step => end / step >= FewestTicks);
        var ticks = Enumerable.Range(0, (int)(end / step) + 1).Select(i => (i * step * seconds, (i * step).ToString("0.######", CultureInfo.InvariantCulture)));
        return new TimeAxis(end * seconds, unit, [.. ticks]);
    }

    // 1, 2, 5 and their tenfolds, from far below to above the end.
    private static IEnumerable<double> Steps(double end)
    {
        var power = 1e-6;
        while (power <= end)
        {
            yield return power;
            yield return power * 2;
            yield return power * 5;
            power *= 10;
        }
    }
}
