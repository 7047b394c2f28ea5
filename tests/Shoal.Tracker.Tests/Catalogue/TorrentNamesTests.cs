using Shoal.Protocol.Catalogue;
using Shoal.Tracker.Catalogue;

namespace Shoal.Tracker.Tests.Catalogue;

/// <summary>Which names a torrent has.</summary>
public sealed class TorrentNamesTests
{
    private readonly TorrentNames _names = new();

    [Fact]
    public void A_torrent_has_the_name_under_which_it_came_first_until_that_is_gone()
    {
        CatalogueEntry[] versions = [Version("a", 1), Version("b", 2), Version("a", 3), Version("c", 4)];
        Array.ForEach(versions, _names.Add);
        Assert.Equal("a", _names.FirstNameOf(default));
        _names.Remove(versions[0]);
        Assert.Equal("b", _names.FirstNameOf(default));
        _names.Remove(versions[1]);
        _names.Remove(versions[2]);
        Assert.Equal("c", _names.FirstNameOf(default));
        Assert.True(_names.Contains(default));
        _names.Remove(versions[3]);
        Assert.False(_names.Contains(default));
        Assert.Null(_names.FirstNameOf(default));
    }

    [Fact]
    public void One_that_has_a_million_names_holds_nobody_up()
    {
        // Were all looked at when one more is added, this would take hours.
        var versions = Enumerable.Range(1, 1_000_000).Select(number => Version($"n{number}", number)).ToList();
        versions.ForEach(_names.Add);
        Assert.Equal("n1", _names.FirstNameOf(default));
        versions.ForEach(_names.Remove);
        Assert.False(_names.Contains(default));
    }

    private static CatalogueEntry Version(string name, long sequence) => new(name, 1, default, 1, 1, 1, default, sequence);
}
