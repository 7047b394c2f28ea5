using System.Globalization;
using Shoal.Protocol.Catalogue;

namespace Shoal.Tracker.Catalogue;

/// <summary>Which names are asked for, and in which order.</summary>
/// <param name="Pattern">What they match; null for all.</param>
/// <param name="Order">How they are sorted; names that are equal in it, by name.</param>
/// <param name="Limit">Entries on a page, from 1.</param>
/// <param name="After">Where the page before ended, <see cref="CataloguePage.Next"/>; null for the first.</param>
internal sealed record CatalogueQuery(NamePattern? Pattern, CatalogueOrder Order, int Limit, string? After)
{
    /// <summary>The most entries on a page.</summary>
    public const int MaximumLimit = 1000;

    /// <summary>Which names may be seen; null for all.</summary>
    public NamePattern? Scope { get; init; }

    /// <summary>Whether <paramref name="after"/> can be where a page in this order ended.</summary>
    public static bool IsPlace(CatalogueOrder order, string after) => order == CatalogueOrder.Name || TryReadPlace(after, out _);

    /// <summary>The page.</summary>
    /// <exception cref="OperationCanceledException">Nobody wants it any more.</exception>
    public CataloguePage Run(CatalogueIndex index, CancellationToken cancellationToken = default) => Order switch
    {
        CatalogueOrder.Name => ByName(index, cancellationToken),
        CatalogueOrder.Age => ByAge(index, cancellationToken),
        _ => BySize(index, cancellationToken),
    };

    private CataloguePage ByName(CatalogueIndex index, CancellationToken cancellationToken)
    {
        var prefix = Pattern?.Prefix ?? "";
        // Right behind the last name of the page before: no name has a control character.
        var from = After is null || string.CompareOrdinal(After, prefix) < 0 ? prefix : After + '\0';
        var entries = new List<CatalogueEntry>(Limit);
        foreach (var entry in Matching(index, from, prefix, static size => size != NameSlice.NoSize, cancellationToken))
        {
            if (entries.Count == Limit)
            {
                return new CataloguePage(entries, entries[^1].Name);
            }

            entries.Add(entry);
        }

        return new CataloguePage(entries);
    }

    // Changes are kept in their order already.
    private CataloguePage ByAge(CatalogueIndex index, CancellationToken cancellationToken)
    {
        var before = After is null ? long.MaxValue : TryReadPlace(After, out var place) ? place.Key : 0;
        var entries = new List<CatalogueEntry>(Limit);
        foreach (var entry in index.VersionsBefore(before))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (Matches(entry.Name) && index.Find(entry.Name)?.Latest?.Sequence == entry.Sequence)
            {
                if (entries.Count == Limit)
                {
                    return new CataloguePage(entries, PlaceOf(entries[^1].Sequence, entries[^1].Name));
                }

                entries.Add(entry);
            }
        }

        return new CataloguePage(entries);
    }

    // Looks at the sizes of all, and at the names of those that may come onto the page.
    private CataloguePage BySize(CatalogueIndex index, CancellationToken cancellationToken)
    {
        var prefix = Pattern?.Prefix ?? "";
        var best = new SortedSet<CatalogueEntry>(Comparer<CatalogueEntry>.Create(static (left, right) => Compare(left, right.Size, right.Name)));
        var (least, most) = (0L, long.MaxValue); // sizes that may
        var hasPlace = TryReadPlace(After ?? "", out var place);
        if (hasPlace)
        {
            most = place.Key;
        }

        var hasMore = false;
        foreach (var entry in Matching(index, prefix, prefix, size => size >= least && size <= most, cancellationToken))
        {
            if (hasPlace && Compare(entry, place.Key, place.Name) <= 0)
            {
                continue;
            }

            best.Add(entry);
            if (best.Count > Limit)
            {
                best.Remove(best.Max!);
                least = best.Max!.Size;
                hasMore = true;
            }
        }

        return new CataloguePage([.. best], hasMore ? PlaceOf(best.Max!.Size, best.Max.Name) : null);
    }

    private static int Compare(CatalogueEntry entry, long size, string name) => entry.Size != size ? size.CompareTo(entry.Size) : string.CompareOrdinal(entry.Name, name);

    private IEnumerable<CatalogueEntry> Matching(CatalogueIndex index, string from, string prefix, Func<long, bool> isWanted, CancellationToken cancellationToken)
    {
        foreach (var (slice, start) in index.From(from))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (!slice.NameAt(start).StartsWith(prefix))
            {
                yield break;
            }

            if (Pattern?.CanMatchWithin(slice.Text) == false)
            {
                continue;
            }

            for (var i = start; i < slice.Count; i++)
            {
                if (isWanted(slice.SizeAt(i)) && Matches(slice.NameAt(i)))
                {
                    yield return slice[i].Latest!;
                }
            }
        }
    }

    private bool Matches(ReadOnlySpan<char> name) => Pattern?.IsMatch(name) != false && Scope?.IsMatch(name) != false;

    private static string PlaceOf(long key, string name) => string.Create(CultureInfo.InvariantCulture, $"{key}:{name}");

    private static bool TryReadPlace(string text, out (long Key, string Name) place)
    {
        var colon = text.IndexOf(':');
        var isPlace = long.TryParse(text.AsSpan(0, Math.Max(0, colon)), NumberStyles.None, CultureInfo.InvariantCulture, out var key);
        place = (key, text[(colon + 1)..]);
        return isPlace;
    }
}
