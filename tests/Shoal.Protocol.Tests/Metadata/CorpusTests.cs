using Shoal.Protocol.Metadata;
using Shoal.Protocol.Tests.Bencode;

namespace Shoal.Protocol.Tests.Metadata;

/// <summary>
/// Torrents that other programs made (mktorrent 1.1, Transmission 3.00, libtorrent 2.0.8), with the info-hashes that
/// those programs show.
/// </summary>
public sealed class CorpusTests
{
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "Corpus");

    public static TheoryData<string> Readable => new(
        Directory.GetFiles(Folder, "*.torrent").Select(path => Path.GetFileName(path)).Where(name => name != "libtorrent-v2.torrent").Order());

    private static byte[] Bytes(string name) => File.ReadAllBytes(Path.Combine(Folder, name));

    private static Metainfo Read(string name)
    {
        Assert.True(MetainfoReader.TryRead(Bytes(name), out var metainfo, out var error, PathRules.None), error);
        return metainfo;
    }

    [Theory]
    [InlineData("mktorrent-folder.torrent", "9724fcbc9c4dca0ae5bca4bd5dc7bf7257a680ea", 70008, 3)]
    [InlineData("mktorrent-file.torrent", "57763e042cb803b257febe7bf2d5f68c4b6d3e9a", 70000, 3)]
    [InlineData("transmission-folder.torrent", "8f55d028fd05e096d43c6605b1a915993082235c", 70008, 3)]
    [InlineData("transmission-file.torrent", "e62cf8140821d25a5ff06510a85dc45262c6d7a3", 70000, 3)]
    [InlineData("libtorrent-hybrid.torrent", "7bbcb4bcf9443636e3dd8da889c9ca2c33a03e13", 229376, 7)]
    [InlineData("libtorrent-v1-pad.torrent", "2f752e49cc131e818aa1c58b0c79225b8a386957", 229376, 7)]
    [InlineData("libtorrent-symlinks.torrent", "91615b3838657f0ddeaeb76590ed44f0f65b745e", 70008, 3)]
    public void A_torrent_of_another_program_is_read(string name, string infoHash, long length, int pieces)
    {
        var metainfo = Read(name);
        Assert.Equal(infoHash, metainfo.InfoHash.ToString());
        Assert.Equal(pieces, metainfo.Layout.PieceCount);
        Assert.Equal(length, metainfo.TotalLength);
        Assert.Equal(name.Contains("file") ? 70000 : 70008, metainfo.Files.Where(file => !file.IsPadding).Sum(file => file.Length));
    }

    [Fact]
    public void Mktorrent_s_folder_is_read_in_all_its_parts()
    {
        var metainfo = Read("mktorrent-folder.torrent");
        Assert.Equal("folder", metainfo.Name);
        Assert.Equal(["a.txt", "a:b.", "con.txt", "empty.bin", "sub/b.bin", "sub/deep/ünïcode 🐟.txt"], metainfo.Files.Select(file => file.Path).Order(StringComparer.Ordinal));
        Assert.Equal([["http://127.0.0.1:1/announce", "http://127.0.0.1:2/announce"], ["udp://127.0.0.1:3"]], metainfo.Trackers);
        Assert.Equal(["http://127.0.0.1/seed"], metainfo.WebSeeds);
        Assert.Equal("a comment", metainfo.Comment);
        Assert.Equal("mktorrent 1.1", metainfo.CreatedBy);
        Assert.True(metainfo.IsPrivate);
        Assert.False(metainfo.IsHybrid);
        Assert.Equal(2026, metainfo.CreationDate!.Value.Year);
    }

    [Fact]
    public void A_hybrid_is_read_by_its_first_part()
    {
        var metainfo = Read("libtorrent-hybrid.torrent");
        Assert.True(metainfo.IsHybrid);
        Assert.Contains(metainfo.Files, file => file.IsPadding);
    }

    [Fact]
    public void A_torrent_of_version_2_only_is_refused_by_name()
    {
        Assert.False(MetainfoReader.TryRead(Bytes("libtorrent-v2.torrent"), out _, out var error));
        Assert.EndsWith("a v2-only torrent (BEP 52) is not supported yet", error);
    }

    [Theory]
    [MemberData(nameof(Readable))]
    public void Writing_what_was_read_keeps_all_of_it(string name)
    {
        var metainfo = Read(name);
        Assert.True(MetainfoReader.TryRead(MetainfoWriter.ToArray(metainfo), out var again, out var error, PathRules.None), error);
        Assert.Equal(metainfo.InfoHash, again.InfoHash);
        Assert.Equal(metainfo.Files, again.Files);
        Assert.Equal(metainfo.Trackers, again.Trackers);
        Assert.Equal(metainfo.WebSeeds, again.WebSeeds);
        Assert.Equal(metainfo.Comment, again.Comment);
        Assert.Equal(metainfo.CreationDate, again.CreationDate);
    }

    [Theory]
    [MemberData(nameof(Readable))]
    public void The_info_dictionary_alone_is_the_same_torrent(string name)
    {
        var metainfo = Read(name);
        Assert.True(MetainfoReader.TryReadInfo(metainfo.InfoBytes, out var alone, out var error, PathRules.None), error);
        Assert.Equal(metainfo.InfoHash, alone.InfoHash);
        Assert.Equal(metainfo.Files, alone.Files);
        var whole = alone.WithSources(metainfo.Trackers, metainfo.WebSeeds);
        Assert.Equal(metainfo.Trackers, whole.Trackers);
        Assert.Equal(metainfo.InfoHash, whole.InfoHash);
    }

    [Theory]
    [MemberData(nameof(Readable))]
    public void Cut_anywhere_it_is_refused_with_an_offset(string name)
    {
        var bytes = Bytes(name);
        for (var length = 0; length < bytes.Length; length++)
        {
            Assert.False(MetainfoReader.TryRead(bytes.AsMemory(0, length), out _, out var error, PathRules.None));
            Assert.StartsWith("offset ", error);
        }
    }

    [Theory]
    [MemberData(nameof(Readable))]
    public void Damaged_it_never_throws_and_what_is_read_is_whole(string name)
    {
        var bytes = Bytes(name);
        for (var seed = 0; seed < 1500; seed++)
        {
            if (MetainfoReader.TryRead(Fuzz.Damage(bytes, seed), out var metainfo, out var error, PathRules.None))
            {
                Assert.Equal(metainfo.TotalLength, metainfo.Files.Sum(file => file.Length));
                Assert.Equal(metainfo.Layout.PieceCount * PieceHash.Sha1Length, metainfo.PieceHashes.Length);
                Assert.All(metainfo.Files, file => Assert.All(file.Components, component => Assert.Null(SafePath.WhatIsWrongWith(component, PathRules.None))));
            }
            else
            {
                Assert.True(error.StartsWith("offset "), $"seed {seed}: {error}");
                Assert.DoesNotContain('\n', error);
            }
        }
    }
}
