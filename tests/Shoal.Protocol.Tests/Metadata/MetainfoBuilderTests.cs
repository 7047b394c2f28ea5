using FsCheck;
using FsCheck.Fluent;
using Shoal.Protocol.Metadata;

namespace Shoal.Protocol.Tests.Metadata;

public sealed class MetainfoBuilderTests
{
    private static readonly MetainfoBuilder Plain = new()
    {
        Name = "n",
        IsFolder = true,
        Files = [new NewFile("a/b", 5), new NewFile("c", 0)],
        PieceLength = 16384,
        PieceHashes = new byte[20],
    };

    private static string Refuse(MetainfoBuilder builder, PathRules rules = PathRules.None)
    {
        Assert.False(builder.TryBuild(out var metainfo, out var error, rules));
        Assert.Null(metainfo);
        return error;
    }

    [Fact]
    public void What_does_not_fit_together_is_refused_in_words_without_offsets()
    {
        Assert.Equal("a torrent without a folder has one file, not 2", Refuse(Plain with { IsFolder = false }));
        Assert.Equal("the file name 'a\\b' contains a backslash", Refuse(Plain with { Files = [new NewFile("a\\b", 1)] }));
        Assert.Equal("the file name 'x\uFFFD' contains the control character U+000A", Refuse(Plain with { Name = "x\n" }));
        Assert.Equal("two files are called 'c'", Refuse(Plain with { Files = [new NewFile("c", 1), new NewFile("c", 1)] }));
        Assert.Equal("the file 'c' has a negative length", Refuse(Plain with { Files = [new NewFile("c", -1)] }));
        Assert.Equal("'pieces' has 1 hashes, and 0 bytes in pieces of 16384 need 0", Refuse(Plain with { Files = [] }));
        Assert.Equal("expected an integer from 1 to 268435456, found 0", Refuse(Plain with { PieceLength = 0 }));
        Assert.Equal("'http://a b' is no URL", Refuse(Plain with { Trackers = [["http://a b"]] }));
        Assert.Equal("the file name 'a:b' contains ':', which Windows cannot have", Refuse(Plain with { Name = "a:b" }, PathRules.Windows));
    }

    [Fact]
    public void The_smallest_torrent_has_the_expected_bytes()
    {
        Assert.True((Plain with { Files = [new NewFile("n", 1)], IsFolder = false, IsPrivate = true, Trackers = [[], ["http://a"]] }).TryBuild(out var metainfo, out _));
        Assert.Equal(
            "d8:announce8:http://a4:infod6:lengthi1e4:name1:n12:piece lengthi16384e6:pieces20:\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\07:privatei1eee",
            System.Text.Encoding.ASCII.GetString(MetainfoWriter.ToArray(metainfo)));
    }

    [Fact]
    public void Any_metainfo_survives_writing_and_reading()
    {
        var name = ArbMap.Default.GeneratorFor<NonNull<string>>()
            .Select(value => string.Concat(value.Get.Take(30)))
            .Where(value => SafePath.WhatIsWrongWith(value, PathRules.None) is null);
        var url = Gen.Elements("http://a/announce", "udp://b:80", "https://ü/?x=%20");
        var file =
            from depth in Gen.Choose(0, 4)
            from folders in name.ArrayOf(depth)
            from last in name
            from length in Gen.OneOf(Gen.Choose(0, 3), Gen.Choose(0, 100_000))
            from attributes in Gen.Elements(ContentAttributes.None, ContentAttributes.Executable, ContentAttributes.Padding, ContentAttributes.Hidden)
            select (Path: string.Join('/', [.. folders, last]), length, attributes);
        var builders =
            from title in name
            from files in file.ListOf()
            from isFolder in ArbMap.Default.GeneratorFor<bool>()
            from isPrivate in ArbMap.Default.GeneratorFor<bool>()
            from pieceLength in Gen.Elements(16384, 32768, 50_001)
            from tiers in url.NonEmptyListOf().ListOf()
            from seeds in url.ListOf()
            from comment in name.OrNull()
            from date in Gen.Choose(0, int.MaxValue)
            select Make(title, files, isFolder && files.Count > 0, pieceLength) with
            {
                IsPrivate = isPrivate,
                Trackers = [.. tiers.Select(tier => (IReadOnlyList<string>)[.. tier])],
                WebSeeds = [.. seeds],
                Comment = comment,
                CreationDate = DateTimeOffset.FromUnixTimeSeconds(date),
            };
        Prop.ForAll(builders.ToArbitrary(), builder =>
        {
            Assert.True(builder.TryBuild(out var made, out var error), error);
            Assert.True(MetainfoReader.TryRead(MetainfoWriter.ToArray(made), out var read, out error, PathRules.None), error);
            Assert.Equal(builder.Name, read.Name);
            Assert.Equal(builder.IsFolder, read.IsFolder);
            Assert.Equal(builder.IsPrivate, read.IsPrivate);
            Assert.Equal(builder.Trackers, read.Trackers);
            Assert.Equal(builder.WebSeeds, read.WebSeeds);
            Assert.Equal(builder.Comment, read.Comment);
            Assert.Equal(builder.CreationDate, read.CreationDate);
            Assert.Equal(builder.PieceLength, read.Layout.PieceLength);
            Assert.Equal(builder.PieceHashes.ToArray(), read.PieceHashes.ToArray());
            Assert.Equal(made.InfoHash, read.InfoHash);
            Assert.Equal(made.Files, read.Files);
            var offset = 0L;
            foreach (var (wanted, got) in builder.Files.Zip(read.Files))
            {
                Assert.Equal(new ContentFile(builder.IsFolder ? wanted.Path : builder.Name, wanted.Length, offset, wanted.Attributes), got);
                offset += got.Length;
            }
        }).QuickCheckThrowOnFailure();
    }

    // Folders are numbered and files too, so that none collide.
    private static MetainfoBuilder Make(
        string title, IEnumerable<(string Path, int Length, ContentAttributes Attributes)> files, bool isFolder, int pieceLength)
    {
        List<NewFile> chosen = isFolder
            ? [.. files.Select((file, index) => new NewFile($"d{index}/{file.Path}", file.Length, file.Attributes))]
            : [new NewFile("", 12345)];
        var layout = new PieceLayout(chosen.Sum(file => file.Length), pieceLength);
        var hashes = new byte[layout.PieceCount * 20];
        new Random(layout.PieceCount).NextBytes(hashes);
        return new MetainfoBuilder { Name = title, IsFolder = isFolder, Files = chosen, PieceLength = pieceLength, PieceHashes = hashes };
    }
}
