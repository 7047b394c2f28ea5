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
                data.Add(order, 10, "**/nothing*");
                data.Add(order, 5, "**/17*");
                data.Add(order, 500, "*/3/1*");
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
            Assert.Equal(model.TryGetValue(from, out var some) ? some.Versions : null, index.Find(from)?.Versions);
        }

        foreach (var (name, versions) in model)
        {
            Assert.Equal(versions.Versions, index.Find(name)!.Value.Versions);
            Assert.Equal(versions.LastVersion, index.Find(name)!.Value.LastVersion);
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

    [Fact]
    public void Filled_at_once_it_is_as_if_changes_had_come_one_by_one()
    {
        var changes = Changes(6, 20_000).ToList();
        var (one, other) = (new CatalogueIndex(), new CatalogueIndex());
        changes.ForEach(one.Apply);
        Assert.Equal(changes.Count, other.Fill(replay =>
        {
            changes.ForEach(replay);
            return changes.Count;
        }));

        Assert.Equal(NamesFrom(one, ""), NamesFrom(other, ""));
        Assert.Equal((one.Count, one.VersionCount, one.LineCount), (other.Count, other.VersionCount, other.LineCount));
        Assert.Equal(All(one), All(other));
        Assert.All(NamesFrom(one, ""), name => Assert.Equal(
            (one.Find(name)!.Value.LastVersion, one.Find(name)!.Value.LastRemoval), (other.Find(name)!.Value.LastVersion, other.Find(name)!.Value.LastRemoval)));
    }

    [Fact]
    public void A_store_that_fails_while_the_index_is_filled_is_heard()
    {
        var index = new CatalogueIndex();
        var error = Assert.Throws<CatalogueException>(() => index.Fill(replay =>
        {
            foreach (var change in Changes(7, 5000))
            {
                replay(change);
            }

            throw new CatalogueException("the disk is gone");
        }));
        Assert.Equal("the disk is gone", error.Message);
    }

    [Fact]
    public void An_index_that_fails_while_it_is_filled_is_heard_and_waits_for_nothing()
    {
        var index = new CatalogueIndex();
        Assert.Throws<NullReferenceException>(() => index.Fill(replay =>
        {
            for (var sequence = 1; ; sequence++)
            {
                replay(sequence == 3000 ? null! : Samples.Published("a", sequence, sequence));
            }
        }));
    }

    private static List<CatalogueChange> All(CatalogueIndex index)
    {
        var changes = new List<CatalogueChange>();
        index.CopyAfter(0, int.MaxValue, changes);
        return changes;
    }

    private static (CatalogueIndex Index, SortedDictionary<string, NamedVersions> Model) Filled(int seed, int count)
    {
        var index = new CatalogueIndex();
        var model = new SortedDictionary<string, NamedVersions>(StringComparer.Ordinal);
        foreach (var change in Changes(seed, count, model))
        {
            index.Apply(change);
        }

        return (index, model);
    }

    private static IEnumerable<CatalogueChange> Changes(int seed, int count, SortedDictionary<string, NamedVersions>? model = null)
    {
        model ??= new SortedDictionary<string, NamedVersions>(StringComparer.Ordinal);
        var random = new Random(seed);
        for (var sequence = 1; sequence <= count; sequence++)
        {
            var name = SomeName(random);
            NamedVersions? old = model.TryGetValue(name, out var found) ? found : null;
            var versions = old?.Versions ?? [];
            var lastVersion = old?.LastVersion ?? 0;
            var change = versions.Length > 0 && random.Next(3) == 0
                ? Samples.Removed(name, random.Next(2) == 0 ? null : versions[random.Next(versions.Length)].Version, lastVersion, sequence)
                : Samples.Published(name, lastVersion + 1, sequence, random.Next(20));
            model[name] = change.Published is { } published ? new NamedVersions(name, published.Version, [.. versions, published])
                : new NamedVersions(name, lastVersion, change.Removed!.Version is { } version ? [.. versions.Where(entry => entry.Version != version)] : []);
            yield return change;
        }
    }

    // As they stand in the text of slices, and as they are.
    private static IEnumerable<string> NamesFrom(CatalogueIndex index, string from) => index.From(from).SelectMany(static part =>
        Enumerable.Range(part.Start, part.Slice.Count - part.Start).Select(i =>
        {
            Assert.Equal(part.Slice[i].Name, part.Slice.NameAt(i).ToString());
            Assert.Equal(part.Slice[i].Latest?.Size ?? NameSlice.NoSize, part.Slice.SizeAt(i));
            return part.Slice[i].Name;
        }));
}
