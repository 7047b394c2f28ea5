using Shoal.Protocol.Catalogue;
using Shoal.Tracker.Catalogue;

namespace Shoal.Tracker.Tests.Catalogue;

/// <summary>Which names a torrent has.</summary>
public sealed class TorrentNamesTests
{
    private readonly TorrentNames _names = new();

    [Fact]
    public void A_torrent_has_the_names_of_its_versions_until_the_last_of_them_is_gone()
    {
        CatalogueEntry[] versions = [Version("a", 1), Version("b", 2), Version("a", 3), Version("c", 4)];
        Array.ForEach(versions, _names.Add);
        Assert.Equal(["a", "b", "c"], _names.NamesOf(default).Order(StringComparer.Ordinal));
        _names.Remove(versions[0]);
        _names.Remove(versions[1]);
        Assert.Equal(["a", "c"], _names.NamesOf(default).Order(StringComparer.Ordinal));
        _names.Remove(versions[2]);
        Assert.Equal(["c"], _names.NamesOf(default));
        Assert.True(_names.Contains(default));
        _names.Remove(versions[3]);
        Assert.False(_names.Contains(default));
        Assert.Empty(_names.NamesOf(default));
    }

    [Fact]
    public void One_that_has_a_million_names_holds_nobody_up()
    {
        // Were each looked at when one more is added, this would take hours.
        var versions = Enumerable.Range(1, 1_000_000).Select(number => Version($"n{number}", number)).ToList();
        versions.ForEach(_names.Add);
        Assert.Equal(TorrentNames.MaximumNameCount, _names.NamesOf(default).Length);
        versions.ForEach(_names.Remove);
        Assert.False(_names.Contains(default));
    }

    private static CatalogueEntry Version(string name, long sequence) => new(name, 1, default, 1, 1, 1, default, sequence);
}
