namespace Shoal.Protocol.Catalogue;

/// <summary>
/// The characters (Unicode scalars) that one place of a pattern takes. A surrogate without its other half counts as a scalar, so that
/// there is nothing that <c>**</c> does not take. Immutable.
/// </summary>
internal sealed class ScalarSet
{
    private const int Last = 0x10FFFF;

    /// <summary>No character: what no name gets past.</summary>
    public static readonly ScalarSet None = new([]);

    /// <summary>Every character.</summary>
    public static readonly ScalarSet Any = new([(0, Last)]);

    /// <summary>Every character but the slash.</summary>
    public static readonly ScalarSet WithinLevel = Of([], isNegated: true);

    private ScalarSet(List<(int From, int To)> ranges) => Ranges = ranges;

    /// <summary>Ascending, apart from each other, both ends included.</summary>
    public IReadOnlyList<(int From, int To)> Ranges { get; }

    /// <summary>The character, if it is the only one; else -1.</summary>
    public int Single => Ranges.Count == 1 && Ranges[0].From == Ranges[0].To ? Ranges[0].From : -1;

    /// <summary>The one character, be it a slash.</summary>
    public static ScalarSet Of(int scalar) => new([(scalar, scalar)]);

    /// <summary>What a class of these ranges takes, which may overlap: never a slash.</summary>
    public static ScalarSet Of(IReadOnlyList<(int From, int To)> ranges, bool isNegated)
    {
        var refused = isNegated ? [.. ranges] : AllBut([.. ranges]);
        refused.Add(('/', '/'));
        return new ScalarSet(AllBut(refused));
    }

    private static List<(int From, int To)> AllBut(List<(int From, int To)> ranges)
    {
        ranges.Sort();
        var rest = new List<(int From, int To)>();
        var next = 0;
        foreach (var (from, to) in ranges)
        {
            if (from > next)
            {
                rest.Add((next, from - 1));
            }

            next = Math.Max(next, to + 1);
        }

        if (next <= Last)
        {
            rest.Add((next, Last));
        }

        return rest;
    }
}
