using System.Numerics;

namespace Shoal.Simulation.Tests.Network;

/// <summary>A fraction of whole numbers without bound, whose denominator is greater than 0.</summary>
internal readonly record struct Rational(BigInteger Over, BigInteger Under) : IComparable<Rational>
{
    public BigInteger Floor => Over / Under;

    public static implicit operator Rational(long value) => new(value, 1);

    public static Rational operator -(Rational left, Rational right) =>
        Reduced((left.Over * right.Under) - (right.Over * left.Under), left.Under * right.Under);

    public static Rational operator /(Rational left, int right) => Reduced(left.Over, left.Under * right);

    public int CompareTo(Rational other) => (Over * other.Under).CompareTo(other.Over * Under);

    private static Rational Reduced(BigInteger over, BigInteger under)
    {
        var common = BigInteger.GreatestCommonDivisor(over, under);
        return new(over / common, under / common);
    }
}

/// <summary>A network as plain lists, and the max-min allocation by its definition, as slow as it likes.</summary>
internal sealed class Oracle
{
    public List<long> Capacities { get; } = [];

    public List<(int[] Route, bool IsActive, long Cap)> Flows { get; } = [];

    /// <summary>
    /// Everybody gets as much as the tightest of all limits allows; whoever is bound by one as tight has that for ever; and again.
    /// With <paramref name="isWhole"/>, limits that are the same in whole bytes are equally tight.
    /// </summary>
    public Rational?[] Allocate(bool isWhole)
    {
        Rational Round(Rational value) => isWhole ? new(value.Floor, 1) : value;
        var rates = new Rational?[Flows.Count];
        for (var i = 0; i < rates.Length; i++)
        {
            if (!Flows[i].IsActive)
            {
                rates[i] = 0;
            }
        }

        while (true)
        {
            var limits = new Rational?[Flows.Count];
            for (var i = 0; i < rates.Length; i++)
            {
                if (rates[i] is null)
                {
                    limits[i] = LimitsOf(i, rates).Select(Round).Cast<Rational?>().Min();
                }
            }

            var tightest = limits.Min();
            if (tightest is null)
            {
                return rates; // a null is a flow without limit
            }

            for (var i = 0; i < rates.Length; i++)
            {
                rates[i] ??= limits[i] == tightest ? tightest : null;
            }
        }
    }

    private IEnumerable<Rational> LimitsOf(int flow, Rational?[] rates)
    {
        if (Flows[flow].Cap != long.MaxValue)
        {
            yield return Flows[flow].Cap;
        }

        foreach (var resource in Flows[flow].Route.Where(resource => Capacities[resource] != long.MaxValue))
        {
            Rational left = Capacities[resource];
            var open = 0;
            for (var i = 0; i < rates.Length; i++)
            {
                foreach (var passed in Flows[i].Route.Where(passed => passed == resource))
                {
                    left = rates[i] is { } rate ? left - rate : left;
                    open += rates[i] is null ? 1 : 0;
                }
            }

            yield return left / open;
        }
    }
}
