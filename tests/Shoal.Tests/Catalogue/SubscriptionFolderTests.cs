using Shoal.Catalogue;
using Shoal.Protocol;
using Shoal.Protocol.Catalogue;
using Shoal.Protocol.Metadata;

namespace Shoal.Tests.Catalogue;

/// <summary>Where a subscription puts things, and where it does not.</summary>
public class SubscriptionFolderTests
{
    [Fact]
    public async Task A_name_is_a_relative_link_that_is_replaced()
    {
        using var place = new Workplace();
        using var folder = SubscriptionFolder.Open(place.At("d"));
        var (first, second) = (await TorrentAsync(place, 1), await TorrentAsync(place, 2));
        var name = Name("models/llm/x.bin");

        Assert.Null(folder.Put(name, first));
        Assert.Equal($"../../.shoal/{first.InfoHash}/x.bin", new FileInfo(place.At("d", "models", "llm", "x.bin")).LinkTarget);
        Assert.Null(folder.Put(name, second));
        Assert.Equal($"../../.shoal/{second.InfoHash}/x.bin", new FileInfo(place.At("d", "models", "llm", "x.bin")).LinkTarget);
        Assert.Empty(Directory.GetFileSystemEntries(place.At("d", ".shoal", "new")));
    }

    [Fact]
    public async Task What_is_no_link_of_ours_is_never_touched()
    {
        using var place = new Workplace();
        using var folder = SubscriptionFolder.Open(place.At("d"));
        var torrent = await TorrentAsync(place, 1);
        File.WriteAllText(place.At("d", "file"), "mine");
        Directory.CreateDirectory(place.At("d", "folder"));
        Directory.CreateDirectory(place.At("outside"));
        Directory.CreateSymbolicLink(place.At("d", "link"), place.At("outside"));
        Directory.CreateSymbolicLink(place.At("d", "up"), $"../../.shoal/{torrent.InfoHash}/x.bin"); // ours, had it stood two levels further down

        Assert.Contains("is a file", folder.Put(Name("file"), torrent), StringComparison.Ordinal);
        Assert.Contains("is a file", folder.Put(Name("file/x"), torrent), StringComparison.Ordinal);
        Assert.Contains("is a folder", folder.Put(Name("folder"), torrent), StringComparison.Ordinal);
        Assert.Contains("is a link", folder.Put(Name("link"), torrent), StringComparison.Ordinal);
        Assert.Contains("is a link", folder.Put(Name("link/x"), torrent), StringComparison.Ordinal);
        Assert.Contains("is a link", folder.Put(Name("up"), torrent), StringComparison.Ordinal);
        Assert.Equal("mine", File.ReadAllText(place.At("d", "file")));
        Assert.Empty(Directory.GetFileSystemEntries(place.At("outside")));
    }

    [Theory]
    [InlineData("a", "a/b", "'a/b' would lie inside of 'a'")]
    [InlineData("a/b", "a", "is a folder")]
    public async Task Of_two_names_of_which_one_would_lie_inside_of_the_other_the_first_stays(string first, string second, string wrong)
    {
        using var place = new Workplace();
        using var folder = SubscriptionFolder.Open(place.At("d"));
        var torrent = await TorrentAsync(place, 1);
        Assert.Null(folder.Put(Name(first), torrent));
        Assert.Contains(wrong, folder.WhatIsInTheWayOf(Name(second)), StringComparison.Ordinal);
        Assert.Contains(wrong, folder.Put(Name(second), torrent), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(".shoal")]
    [InlineData(".shoal/state.json")]
    [InlineData(".SHOAL/new")]
    public void The_folder_of_its_own_is_no_name(string name) => Assert.NotNull(SubscriptionFolder.WhatIsWrongWith(Name(name)));

    [Fact]
    public void A_part_that_no_file_system_takes_is_no_name()
    {
        Assert.NotNull(SubscriptionFolder.WhatIsWrongWith(Name($"a/{new string('x', 256)}/b")));
        Assert.Null(SubscriptionFolder.WhatIsWrongWith(Name("a/.shoal/b")));
    }

    [Fact]
    public void A_second_subscriber_is_refused_until_the_first_has_ended()
    {
        using var place = new Workplace();
        using (SubscriptionFolder.Open(place.At("d")))
        {
            var refused = Assert.Throws<ShoalException>(() => SubscriptionFolder.Open(place.At("d")));
            Assert.Equal((ShoalErrorKind.Environment, $"another subscriber puts its files into '{place.At("d")}'"), (refused.Kind, refused.Message));
        }

        SubscriptionFolder.Open(place.At("d")).Dispose();
    }

    [Fact]
    public async Task A_new_version_begins_with_copies_of_what_has_the_same_path()
    {
        using var place = new Workplace();
        using var folder = SubscriptionFolder.Open(place.At("d"));
        place.Write("v1/x/same", 1000);
        place.Write("v1/x/sub/changed", 1000);
        place.Write("v1/x/gone", 1000);
        place.Write("v2/x/same", 1000);
        place.Write("v2/x/sub/changed", 1000, seed: 2);
        place.Write("v2/x/added", 1000);
        var (older, newer) = (await HashAsync(place.At("v1", "x")), await HashAsync(place.At("v2", "x")));
        Directory.CreateDirectory(folder.FolderOf(older.InfoHash));
        Directory.Move(place.At("v1", "x"), Path.Combine(folder.FolderOf(older.InfoHash), "x"));

        folder.Fill(newer, older, CancellationToken.None);

        var content = Path.Combine(folder.FolderOf(newer.InfoHash), "x");
        Assert.Equal(
            ["same", "sub/changed"],
            Directory.GetFiles(content, "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(content, file)).Order(StringComparer.Ordinal));
        Assert.True(folder.Has(newer));
        folder.Remove(newer.InfoHash);
        Assert.False(folder.Has(newer));
    }

    [Fact]
    public async Task The_torrents_that_are_there_are_known()
    {
        using var place = new Workplace();
        using var folder = SubscriptionFolder.Open(place.At("d"));
        var (first, second) = (await TorrentAsync(place, 1), await TorrentAsync(place, 2));
        folder.Keep(first);
        Directory.CreateDirectory(folder.FolderOf(second.InfoHash));
        folder.Write("{}"u8);
        Assert.Equal(new[] { first.InfoHash, second.InfoHash }.Order(), folder.All().Order());
        Assert.Equal(first.InfoHash, folder.Find(first.InfoHash)!.InfoHash);
        Assert.Null(folder.Find(second.InfoHash));
    }

    internal static CatalogueName Name(string text) => CatalogueName.TryParse(text, out var name, out var wrong) ? name : throw new ArgumentException(wrong);

    internal static Task<Metainfo> TorrentAsync(Workplace place, int seed) => HashAsync(place.Write($"{seed}/x.bin", 1000, seed));

    private static async Task<Metainfo> HashAsync(string path)
    {
        using var made = await NewTorrent.HashAsync(path);
        return made.Metainfo;
    }
}
