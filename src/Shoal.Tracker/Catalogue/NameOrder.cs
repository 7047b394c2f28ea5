using System.Runtime.InteropServices;

namespace Shoal.Tracker.Catalogue;

/// <summary>
/// Sorts names as <see cref="string.CompareOrdinal(string, string)"/> has them: multikey quicksort (Bentley and Sedgewick, 1997), the next four
/// characters of each beside it, so that what many names begin with is looked at once and not with each comparison. Names are different, and
/// none has the character 0.
/// </summary>
internal static class NameOrder
{
    private const int CharactersPerKey = 4;
    private const int FewEnough = 16;
    private const int WorthAThread = 10_000;

    public static NamedVersions[] Sort(IReadOnlyCollection<NamedVersions> names)
    {
        var keyed = new Keyed[names.Count];
        var count = 0;
        foreach (var name in names)
        {
            keyed[count++] = new Keyed(KeyAt(name.Name, 0), name);
        }

        Sort(keyed.AsMemory(), depth: 0);
        return Array.ConvertAll(keyed, static one => one.Name);
    }

    // Large parts side by side. All of them begin with the same characters up to the depth, and their keys are of those behind it.
    private static void Sort(Memory<Keyed> some, int depth)
    {
        while (some.Length > WorthAThread)
        {
            var (less, greater) = Partition(some.Span);
            var (low, equal, high) = (some[..less], some[less..greater], some[greater..]);
            if (equal.Length == some.Length)
            {
                Deeper(equal.Span, depth);
                depth += CharactersPerKey;
                continue;
            }

            Parallel.Invoke(() => Sort(low, depth), () => Sort(high, depth), () =>
            {
                Deeper(equal.Span, depth);
                Sort(equal, depth + CharactersPerKey);
            });
            return;
        }

        Sort(some.Span, depth);
    }

    private static void Sort(Span<Keyed> some, int depth)
    {
        while (some.Length > FewEnough)
        {
            var (less, greater) = Partition(some);
            var low = some[..less];
            var equal = some[less..greater];
            var high = some[greater..];
            if (equal.Length > Math.Max(low.Length, high.Length))
            {
                Sort(low, depth);
                Sort(high, depth);
                some = Deeper(equal, depth);
                depth += CharactersPerKey;
                continue;
            }

            // The larger part goes on here, so that the stack stays short whatever the names are.
            Sort(Deeper(equal, depth), depth + CharactersPerKey);
            Sort(low.Length < high.Length ? low : high, depth);
            some = low.Length < high.Length ? high : low;
        }

        some.Sort(static (left, right) => left.Key != right.Key ? left.Key.CompareTo(right.Key) : string.CompareOrdinal(left.Name.Name, right.Name.Name));
    }

    // Where those end whose keys are less than one of them, and where those begin whose keys are greater.
    private static (int Less, int Greater) Partition(Span<Keyed> some)
    {
        var pivot = Pivot(some);
        var (less, next, greater) = (0, 0, some.Length);
        while (next < greater)
        {
            if (some[next].Key < pivot)
            {
                (some[less], some[next]) = (some[next], some[less]);
                less++;
                next++;
            }
            else if (some[next].Key > pivot)
            {
                greater--;
                (some[greater], some[next]) = (some[next], some[greater]);
            }
            else
            {
                next++;
            }
        }

        return (less, greater);
    }

    private static Span<Keyed> Deeper(Span<Keyed> some, int depth)
    {
        foreach (ref var one in some)
        {
            one.Key = KeyAt(one.Name.Name, depth + CharactersPerKey);
        }

        return some;
    }

    // By chance, so that nobody can make up names that take long.
    private static ulong Pivot(Span<Keyed> some)
    {
        var (a, b, c) = (Any(some), Any(some), Any(some));
        return Math.Max(Math.Min(a, b), Math.Min(Math.Max(a, b), c));
    }

    private static ulong Any(Span<Keyed> some) => some[Random.Shared.Next(some.Length)].Key;

    private static ulong KeyAt(string name, int at)
    {
        var key = 0UL;
        for (var i = at; i < at + CharactersPerKey; i++)
        {
            key = (key << 16) | (i < name.Length ? name[i] : 0u);
        }

        return key;
    }

    [StructLayout(LayoutKind.Auto)]
    private struct Keyed(ulong key, NamedVersions name)
    {
        public ulong Key = key;
        public readonly NamedVersions Name = name;
    }
}
