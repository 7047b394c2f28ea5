using Shoal.Protocol.Catalogue;
using Shoal.Protocol.Metadata;
using Shoal.Tracker.Catalogue;

namespace Shoal.Tracker.Tests.Catalogue;

/// <summary>Versions, their numbers and their .torrent files, across restarts and rewrites of the journal.</summary>
public sealed class FileCatalogueTests
{
    [Theory]
    [InlineData(int.MaxValue)]
    [InlineData(1)]
    public async Task Numbers_are_not_given_again_after_removals_restarts_and_rewrites(int wasteWorthRewriting)
    {
        await using var folder = new CatalogueFolder(wasteWorthRewriting);
        await folder.PublishAsync("x", "one");
        await folder.PublishAsync("x", "two");
        await folder.RemoveAsync("x@2");
        await folder.ReopenAsync();
        Assert.Equal(3, await folder.VersionAsync("x", "two"));
        await folder.RemoveAsync("x@1");
        await folder.RemoveAsync("x");
        await folder.ReopenAsync();
        await folder.ReopenAsync();
        Assert.Equal(4, await folder.VersionAsync("x", "two"));
        await folder.RemoveAsync("x@4");
        Assert.Equal(5, await folder.VersionAsync("x", "two"));
        Assert.Equal([5], folder.VersionsOf("x"));
    }

    [Theory]
    [InlineData(int.MaxValue)]
    [InlineData(1)]
    public async Task Changes_are_numbered_on_after_restarts_and_rewrites(int wasteWorthRewriting)
    {
        await using var folder = new CatalogueFolder(wasteWorthRewriting);
        var last = 0L;
        for (var round = 0; round < 4; round++)
        {
            Assert.Equal(++last, (await folder.PublishAsync("x", $"one {round}")).Entry.Sequence);
            Assert.Equal(++last, (await folder.PublishAsync("y", $"two {round}")).Entry.Sequence);
            Assert.Equal(++last, (await folder.RemoveAsync("y"))!.Sequence);
            Assert.Equal(++last, (await folder.RemoveAsync("x"))!.Sequence);
            await folder.ReopenAsync();
            Assert.Equal(last, folder.Catalogue.Feed.LastSequence);
        }
    }

    [Fact]
    public async Task A_rewritten_journal_is_short_and_says_the_same()
    {
        await using var folder = new CatalogueFolder(wasteWorthRewriting: 20);
        for (var i = 0; i < 200; i++)
        {
            await folder.PublishAsync("x", $"content {i}");
            await folder.RemoveAsync($"x@{i + 1}");
        }

        await folder.PublishAsync("y", "kept");
        var entries = folder.Catalogue.List(new CatalogueQuery(null, CatalogueOrder.Name, 10, null)).Entries;
        Assert.InRange(await folder.CountLinesAsync(), 2, 40);
        await folder.ReopenAsync();
        Assert.Equal(entries, folder.Catalogue.List(new CatalogueQuery(null, CatalogueOrder.Name, 10, null)).Entries);
        Assert.Equal(201, await folder.VersionAsync("x", "more"));
    }

    [Fact]
    public async Task What_cannot_be_opened_is_one_clear_line()
    {
        await using var folder = new CatalogueFolder();
        var error = Assert.Throws<CatalogueException>(() => CatalogueFolder.Open(folder.Path));
        Assert.EndsWith("is in use by another tracker", error.Message, StringComparison.Ordinal);
        var file = Path.Combine(folder.Path, "a file");
        File.WriteAllText(file, "");
        error = Assert.Throws<CatalogueException>(() => CatalogueFolder.Open(file));
        Assert.Equal($"the catalogue's folder '{file}' is a file", error.Message);
    }
}
