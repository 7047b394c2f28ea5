using Shoal.Engine;

namespace Shoal.Simulation.Time;

/// <summary>Distributions by whole numbers alone, since the logarithms of two machines may differ in their last bit.</summary>
internal static class Chance
{
    /// <summary>The longest that there is, 73 years in nanoseconds: what it is added to does not overflow.</summary>
    public const long MaximumDuration = long.MaxValue / 4;

    private const int FractionBits = 32;

    // ln 2 as a fraction of 2^32.
    private const long LogarithmOfTwo = 2_977_044_472;

    /// <summary>An exponentially distributed duration, in the unit of its mean; at most <see cref="MaximumDuration"/>.</summary>
    public static long Exponential(Prng prng, long mean)
    {
        // -ln of a uniform number in (0, 1]: its power of two, and of the mantissa a logarithm by repeated squaring.
        var uniform = (prng.NextUInt64() >> 1) + 1;
        var power = 63 - System.Numerics.BitOperations.Log2(uniform);
        var mantissa = (UInt128)uniform << power >> (63 - FractionBits); // in [1, 2)
        var fraction = 0UL; // log2 of the mantissa
        for (var bit = FractionBits - 1; bit >= 0; bit--)
        {
            mantissa = (mantissa * mantissa) >> FractionBits;
            if (mantissa >> (FractionBits + 1) != 0)
            {
                mantissa >>= 1;
                fraction |= 1UL << bit;
            }
        }

        var log2 = ((Int128)power << FractionBits) - fraction;
        var logarithm = (log2 * LogarithmOfTwo) >> FractionBits; // -ln, of 2^32
        return (long)Int128.Min((logarithm * mean) >> FractionBits, MaximumDuration);
    }
}
