using Shoal.Protocol.Catalogue;
using Shoal.Tracker.Catalogue;

namespace Shoal.Tracker.Tests.Catalogue;

/// <summary>The index and its pages beside a sorted dictionary.</summary>
public sealed class CatalogueIndexTests
{
    public static TheoryData<CatalogueOrder, int, string?> Lists
    {
        get
        {
            var data = new TheoryData<CatalogueOrder, int, string?>();
            foreach (var order in Enum.GetValues<CatalogueOrder>())
            {
                data.Add(order, 1000, null);
                data.Add(order, 7, "**[0-4]");
                data.Add(order, 1, "b/**");
                data.Add(order, 64, "{a,ä,\uE001}/**");
                data.Add(order, 10, "nowhere/**");
            }

            return data;
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void It_holds_and_orders_names_like_a_sorted_dictionary(int seed)
    {
        var (index, model) = Filled(seed, 6000);
        Assert.Equal(model.Count(name => name.Value.Latest is not null), index.Count);
        Assert.Equal(model.Keys, NamesFrom(index, ""));
        var random = new Random(seed);
        for (var i = 0; i < 300; i++)
        {
            var from = SomeName(random);
            Assert.Equal(
                model.Keys.SkipWhile(name => string.CompareOrdinal(name, from) < 0).Take(600), NamesFrom(index, from).Take(600));
            Assert.Equal(model.GetValueOrDefault(from)?.Versions, index.Find(from)?.Versions);
        }

        foreach (var (name, versions) in model)
        {
            Assert.Equal(versions.Versions, index.Find(name)!.Versions);
            Assert.Equal(versions.LastVersion, index.Find(name)!.LastVersion);
        }
    }

    [Fact]
    public void Names_that_come_in_order_are_kept_in_order()
    {
        var index = new CatalogueIndex();
        string[] names = [.. Enumerable.Range(0, 5000).Select(i => $"run/{i:D6}")];
        for (var i = 0; i < names.Length; i++)
        {
            index.Apply(Samples.Published(names[i], 1, i + 1));
        }

        Assert.Equal(names, NamesFrom(index, ""));
        Assert.Equal(names[2500..], NamesFrom(index, names[2500]));
    }

    [Theory]
    [MemberData(nameof(Lists))]
    public void Pages_make_up_the_whole_sorted_list(CatalogueOrder order, int limit, string? pattern)
    {
        var (index, model) = Filled(3, 3000);
        var parsed = pattern is null ? null : Samples.Pattern(pattern);
        var expected = model.Values.Select(name => name.Latest).OfType<CatalogueEntry>()
            .Where(entry => parsed?.IsMatch(entry.Name) != false)
            .OrderBy(entry => order switch { CatalogueOrder.Size => -entry.Size, CatalogueOrder.Age => -entry.Sequence, _ => 0 })
            .ThenBy(entry => entry.Name, StringComparer.Ordinal);

        var found = new List<CatalogueEntry>();
        string? after = null;
        do
        {
            Assert.True(after is null || CatalogueQuery.IsPlace(order, after));
            var page = new CatalogueQuery(parsed, order, limit, after).Run(index);
            Assert.Equal(page.Next is null ? Math.Min(limit, page.Entries.Count) : limit, page.Entries.Count);
            found.AddRange(page.Entries);
            after = page.Next;
        }
        while (after is not null);
        Assert.Equal(expected, found);
    }

    [Theory]
    [InlineData(CatalogueOrder.Name)]
    [InlineData(CatalogueOrder.Size)]
    [InlineData(CatalogueOrder.Age)]
    public void Of_another_scope_nothing_is_listed(CatalogueOrder order)
    {
        var (index, _) = Filled(4, 500);
        var page = new CatalogueQuery(null, order, 1000, null) { Scope = Samples.Pattern("b/**") }.Run(index);
        Assert.NotEmpty(page.Entries);
        Assert.All(page.Entries, entry => Assert.StartsWith("b/", entry.Name, StringComparison.Ordinal));
        Assert.Empty(new CatalogueQuery(Samples.Pattern("a/**"), order, 1000, null) { Scope = Samples.Pattern("b/**") }.Run(index).Entries);
    }

    [Fact]
    public async Task Who_walks_while_names_come_sees_each_that_was_there_once()
    {
        var index = new CatalogueIndex();
        for (var i = 0; i < 2000; i++)
        {
            index.Apply(Samples.Published($"old/{i:D4}", 1, i + 1));
        }

        var adding = Task.Run(() =>
        {
            var random = new Random(5);
            for (var i = 0; i < 20_000; i++)
            {
                index.Apply(Samples.Published($"old/{random.Next(2000):D4}/{i}", 1, 2001 + i));
            }
        });
        do
        {
            string[] seen = [.. NamesFrom(index, "")];
            Assert.Equal(seen.Order(StringComparer.Ordinal), seen);
            Assert.Equal(seen.Length, seen.Distinct().Count());
            Assert.Equal(2000, seen.Count(name => name.Length == "old/0000".Length));
        }
        while (!adding.IsCompleted);
        await adding;
    }

    private static string SomeName(Random random) =>
        $"{"a b ä \uE001 😀".Split(' ')[random.Next(5)]}/{random.Next(40)}/{random.Next(100)}";

    private static (CatalogueIndex Index, SortedDictionary<string, NamedVersions> Model) Filled(int seed, int count)
    {
        var index = new CatalogueIndex();
        var model = new SortedDictionary<string, NamedVersions>(StringComparer.Ordinal);
        var random = new Random(seed);
        for (var sequence = 1; sequence <= count; sequence++)
        {
            var name = SomeName(random);
            var old = model.GetValueOrDefault(name);
            var change = old?.Latest is not null && random.Next(3) == 0
                ? Samples.Removed(name, random.Next(2) == 0 ? null : old.Versions[random.Next(old.Versions.Length)].Version, old.LastVersion, sequence)
                : Samples.Published(name, (old?.LastVersion ?? 0) + 1, sequence, random.Next(20));
            index.Apply(change);
            CatalogueEntry[] versions = change.Published is { } published ? [.. old?.Versions ?? [], published]
                : change.Removed!.Version is { } version ? [.. old!.Versions.Where(entry => entry.Version != version)]
                : [];
            model[name] = new NamedVersions(name, change.Published?.Version ?? old!.LastVersion, versions);
        }

        return (index, model);
    }

    // As they stand in the text of slices, and as they are.
    private static IEnumerable<string> NamesFrom(CatalogueIndex index, string from) => index.From(from).SelectMany(static part =>
        Enumerable.Range(part.Start, part.Slice.Count - part.Start).Select(i =>
        {
            Assert.Equal(part.Slice[i].Name, part.Slice.NameAt(i).ToString());
            return part.Slice[i].Name;
        }));
}
