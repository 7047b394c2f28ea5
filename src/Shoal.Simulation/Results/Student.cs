namespace Shoal.Simulation.Results;

/// <summary>
/// Student's t distribution of whole degrees of freedom, by its finite sums (Abramowitz and Stegun, Handbook of Mathematical Functions,
/// 26.7.3 and 26.7.4).
/// </summary>
internal static class Student
{
    /// <summary>The t that a variable of this distribution stays within, on both sides of 0, with this probability.</summary>
    /// <param name="freedom">Degrees of freedom, 1 at least.</param>
    /// <param name="confidence">The probability, above 0 and below 1.</param>
    public static double Quantile(int freedom, double confidence)
    {
        var (low, high) = (0.0, 1.0);
        while (Within(high, freedom) < confidence)
        {
            high *= 2;
        }

        for (var i = 0; i < 60; i++)
        {
            var middle = (low + high) / 2;
            (low, high) = Within(middle, freedom) < confidence ? (middle, high) : (low, middle);
        }

        return high;
    }

    /// <summary>The probability of a value between -t and t.</summary>
    public static double Within(double t, int freedom)
    {
        var angle = Math.Atan(t / Math.Sqrt(freedom));
        var (sine, cosine) = (Math.Sin(angle), Math.Cos(angle));
        var isOdd = freedom % 2 == 1;
        var (sum, term) = (0.0, isOdd ? cosine : 1.0);
        for (var power = isOdd ? 1 : 0; power <= freedom - 2; power += 2)
        {
            sum += term;
            term *= cosine * cosine * (power + 1) / (power + 2);
        }

        return isOdd ? 2 / Math.PI * (angle + (sine * sum)) : sine * sum;
    }
}
