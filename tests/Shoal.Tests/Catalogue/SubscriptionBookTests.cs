using Shoal.Catalogue;
using Shoal.Protocol;
using Shoal.Protocol.Catalogue;
using static Shoal.Tests.Catalogue.SubscriptionFolderTests;

namespace Shoal.Tests.Catalogue;

/// <summary>What a subscription remembers, and what it gives up.</summary>
public class SubscriptionBookTests
{
    private static readonly CatalogueName X = Name("x");

    [Fact]
    public async Task What_was_written_is_known_to_the_next()
    {
        using var place = new Workplace();
        using var folder = SubscriptionFolder.Open(place.At("d"));
        var book = Open(folder);
        Assert.True(book.IsNew);
        Assert.Empty(book.Add(X, Entry(1))!);
        book.Heard(7);
        await book.SaveAsync();

        var next = Open(folder);
        Assert.Equal((false, 7), (next.IsNew, next.LastId));
        Assert.Equal(1, next.Pending(X)!.Version);
        Assert.Null(next.Add(X, Entry(1))); // known already
        // Another catalogue, or other patterns: all is heard again, and what is known stays.
        Assert.Null(Open(folder, at: "other:6969").LastId);
        var others = Open(folder, patterns: ["y"]);
        Assert.Null(others.LastId);
        Assert.NotNull(others.Pending(X));
    }

    [Fact]
    public void A_version_that_waits_is_given_up_for_a_newer_one_but_not_one_that_is_in_place()
    {
        using var place = new Workplace();
        using var folder = SubscriptionFolder.Open(place.At("d"));
        var book = Open(folder);
        book.Add(X, Entry(1));
        var first = book.Pending(X)!;
        Assert.Same(first, Assert.Single(book.Add(X, Entry(2))!));
        Assert.False(book.TrySetLinked(X, first));
        Assert.False(book.Needs(first.InfoHash));

        var second = book.Pending(X)!;
        Assert.True(book.TrySetLinked(X, second));
        Assert.Empty(book.Add(X, Entry(3))!);
        Assert.Empty(book.Drop(X, 2));
        Assert.Same(second, book.Pending(X)); // what is to be done about it comes first
        Assert.Empty(book.SetComplete(X, second, 1));
        Assert.Equal(3, book.Pending(X)!.Version);
        Assert.Equal(3, Assert.Single(book.Drop(X, null)).Version);
    }

    [Fact]
    public void The_newest_stay()
    {
        using var place = new Workplace();
        using var folder = SubscriptionFolder.Open(place.At("d"));
        var book = Open(folder);
        List<int> removed = [];
        for (var version = 1; version <= 5; version++)
        {
            book.Add(X, Entry(version));
            var pending = book.Pending(X)!;
            book.TrySetLinked(X, pending);
            removed.AddRange(book.SetComplete(X, pending, 2).Select(old => old.Version));
        }

        Assert.Equal([1, 2, 3], removed);
        Assert.Equal([5, 4], book.InPlace(X).Select(version => version.Version));
    }

    [Fact]
    public void What_is_lost_is_fetched_again_if_it_is_the_newest()
    {
        using var place = new Workplace();
        using var folder = SubscriptionFolder.Open(place.At("d"));
        var book = Open(folder);
        foreach (var version in new[] { 1, 2 })
        {
            book.Add(X, Entry(version));
            var pending = book.Pending(X)!;
            book.TrySetLinked(X, pending);
            book.SetComplete(X, pending, 2);
        }

        Assert.Equal([X], book.SetLost(Entry(1).InfoHash));
        Assert.Null(book.Pending(X));
        Assert.Equal([X], book.SetLost(Entry(2).InfoHash));
        Assert.Equal(2, book.Pending(X)!.Version);
    }

    [Theory]
    [InlineData("{")]
    [InlineData("{\"names\":7}")]
    public void A_state_that_cannot_be_read_is_told_rather_than_overwritten(string text)
    {
        using var place = new Workplace();
        using var folder = SubscriptionFolder.Open(place.At("d"));
        File.WriteAllText(place.At("d", ".shoal", "state.json"), text);
        Assert.Contains("cannot be read", Assert.Throws<ShoalException>(() => Open(folder)).Message, StringComparison.Ordinal);
    }

    private static SubscriptionBook Open(SubscriptionFolder folder, string at = "lab:6969", string[]? patterns = null) => SubscriptionBook.Open(folder, at, patterns ?? ["x"]);

    private static CatalogueEntry Entry(int version)
    {
        var bytes = new byte[InfoHash.Length];
        bytes[0] = (byte)version;
        return new CatalogueEntry("x", version, new InfoHash(bytes), 1, 1, 16384, default, version);
    }
}
