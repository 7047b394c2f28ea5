using System.Security.Cryptography;
using System.Text;
using Shoal.Protocol.Metadata;

namespace Shoal.Protocol.Tests.Metadata;

public sealed class MetainfoReaderTests
{
    private const string Hash = "aaaaaaaaaaaaaaaaaaaa";

    private static Metainfo Read(string info, string before = "", string after = "")
    {
        Assert.True(MetainfoReader.TryRead(Bytes($"d{before}4:info{info}{after}e"), out var metainfo, out var error, PathRules.None), error);
        Assert.Equal("", error);
        return metainfo;
    }

    private static string Refuse(string info, PathRules rules = PathRules.None)
    {
        Assert.False(MetainfoReader.TryReadInfo(Bytes(info), out var metainfo, out var error, rules));
        Assert.Null(metainfo);
        Assert.DoesNotContain('\n', error);
        return error;
    }

    // A character stands for a byte throughout; Text makes a string of UTF-8.
    private static byte[] Bytes(string text) => Encoding.Latin1.GetBytes(text);

    private static string Text(string text) => $"{Encoding.UTF8.GetByteCount(text)}:{Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(text))}";

    private static string File(string length, string path, string attr = "")
    {
        var components = string.Concat(path.Split('/').Select(Text));
        return $"d{(attr.Length > 0 ? "4:attr" + Text(attr) : "")}6:lengthi{length}e4:pathl{components}ee";
    }

    private static string Folder(params string[] files) => Folder(1, files);

    private static string Folder(int pieces, params string[] files) =>
        $"d5:filesl{string.Concat(files)}e4:name1:n12:piece lengthi16384e6:pieces{20 * pieces}:{string.Concat(Enumerable.Repeat(Hash, pieces))}e";

    private static string Single(string name = "1:n", string length = "1", string pieceLength = "16384", string pieces = "20:" + Hash, string rest = "") =>
        $"d6:lengthi{length}e4:name{name}12:piece lengthi{pieceLength}e6:pieces{pieces}{rest}e";

    [Fact]
    public void A_lone_file_is_read()
    {
        var metainfo = Read(Single());
        Assert.Equal("n", metainfo.Name);
        Assert.False(metainfo.IsFolder);
        Assert.Equal(new ContentFile("n", 1, 0), Assert.Single(metainfo.Files));
        Assert.Equal("n", metainfo.RelativePathOf(metainfo.Files[0]));
        Assert.Equal(new PieceLayout(1, 16384), metainfo.Layout);
        Assert.Equal(new PieceHash("aaaaaaaaaaaaaaaaaaaa"u8), metainfo.HashOf(new PieceIndex(0)));
        Assert.Throws<ArgumentOutOfRangeException>(() => metainfo.HashOf(new PieceIndex(1)));
        Assert.Equal(new InfoHash(SHA1.HashData(Bytes(Single()))), metainfo.InfoHash);
        Assert.Equal(Bytes(Single()), metainfo.InfoBytes.ToArray());
        Assert.False(metainfo.IsPrivate);
        Assert.Empty(metainfo.Trackers);
        Assert.Null(metainfo.Comment);
    }

    [Fact]
    public void A_folder_is_read_with_offsets_attributes_and_padding()
    {
        var metainfo = Read(Folder(2, File("3", "a/b"), File("16381", ".pad/16381", "p"), File("0", "a/c", "xh"), File("5", "d")));
        Assert.True(metainfo.IsFolder);
        Assert.Equal(
            [
                new ContentFile("a/b", 3, 0),
                new ContentFile(".pad/16381", 16381, 3, ContentAttributes.Padding),
                new ContentFile("a/c", 0, 16384, ContentAttributes.Executable | ContentAttributes.Hidden),
                new ContentFile("d", 5, 16384),
            ],
            metainfo.Files);
        Assert.True(metainfo.Files[1].IsPadding);
        Assert.True(metainfo.Files[2].IsExecutable);
        Assert.Equal("n/a/b", metainfo.RelativePathOf(metainfo.Files[0]));
        Assert.Equal(["a", "b"], metainfo.Files[0].Components);
        Assert.Equal(16389, metainfo.TotalLength);
    }

    [Fact]
    public void Padding_may_repeat_a_path_but_no_other_file_may()
    {
        Assert.Equal(2, Read(Folder(File("1", ".pad/1", "p"), File("1", ".pad/1", "p"))).Files.Count);
        Assert.Contains("two files are called '.pad/1'", Refuse(Folder(File("1", ".pad/1"), File("1", ".pad/1"))));
    }

    [Theory]
    [InlineData("d6:lengthi0e4:name1:n12:piece lengthi16384e6:pieces0:e", 1)]
    [InlineData("d5:filesld6:lengthi0e4:pathl1:aeed6:lengthi0e4:pathl1:beee4:name1:n12:piece lengthi16384e6:pieces0:e", 2)]
    [InlineData("d5:filesle4:name1:n12:piece lengthi16384e6:pieces0:e", 0)]
    public void Empty_content_has_no_pieces(string info, int files)
    {
        var metainfo = Read(info);
        Assert.Equal(files, metainfo.Files.Count);
        Assert.Equal(0, metainfo.Layout.PieceCount);
        Assert.Equal(0, metainfo.TotalLength);
    }

    [Fact]
    public void What_stands_around_the_info_is_read()
    {
        var metainfo = Read(
            Single(rest: "7:privatei1e"),
            "8:announce8:http://a13:announce-listll8:http://a7:udp://bel0:el7:udp://cee7:comment4:k\u00c3\u00a4s10:created by1:x13:creation datei1000000000e",
            "8:url-listl8:http://w0:e");
        Assert.True(metainfo.IsPrivate);
        Assert.Equal([["http://a", "udp://b"], ["udp://c"]], metainfo.Trackers);
        Assert.Equal("käs", metainfo.Comment);
        Assert.Equal("x", metainfo.CreatedBy);
        Assert.Equal(DateTimeOffset.FromUnixTimeSeconds(1_000_000_000), metainfo.CreationDate);
        Assert.Equal(["http://w"], metainfo.WebSeeds);
    }

    [Fact]
    public void Nodes_of_the_dht_are_read_and_those_that_are_none_passed_over()
    {
        const string Nodes = "5:nodesl" +
            "l9:192.0.2.7i6881ee" + "l11:2001:db8::1i1ee" + "l11:dht.exampleli1eei65535ee" + // what comes between is passed over
            "l9:192.0.2.8i0ee" + "l9:192.0.2.8i65536ee" + "l9:192.0.2.8e" + "li6881ee" + "l0:i1ee" + "l5:a b/ci1ee" + "l5::::zzi1ee" + "le" + "i1e" + "1:xe";
        var metainfo = Read(Single(), after: Nodes);
        Assert.Equal(["192.0.2.7:6881", "[2001:db8::1]:1", "dht.example:65535"], metainfo.Nodes.Select(node => node.ToString()));
        Assert.Equal(metainfo.Nodes, metainfo.WithSources([], []).Nodes);
        Assert.True(MetainfoReader.TryRead(MetainfoWriter.ToArray(metainfo), out var again, out _));
        Assert.Equal(metainfo.Nodes, again.Nodes);

        Assert.Empty(Read(Single(), after: "5:nodesi1e").Nodes);
        var many = Read(Single(), after: $"5:nodesl{string.Concat(Enumerable.Range(1, 1000).Select(port => $"l1:ai{port}ee"))}e");
        Assert.Equal(MetainfoReader.MaximumNodeCount, many.Nodes.Count);
        var bytes = Bytes($"d4:info{Single()}{Nodes}e");
        for (var length = 0; length < bytes.Length; length++)
        {
            Assert.False(MetainfoReader.TryRead(bytes[..length], out _, out _));
        }
    }

    [Theory]
    [InlineData("", true)]
    [InlineData("5:x.dht3:off", false)]
    [InlineData("8:url-list0:5:x.dht3:off", false)]
    [InlineData("5:x.dht2:on", true)]
    [InlineData("5:x.dhti0e", true)]
    [InlineData("5:x.dhtl3:offe", true)]
    public void Whether_it_may_be_looked_for_in_the_dht_stands_beside_the_info(string after, bool mayUseDht)
    {
        var metainfo = Read(Single(), after: after);
        Assert.Equal((mayUseDht, Read(Single()).InfoHash), (metainfo.MayUseDht, metainfo.InfoHash));
        Assert.Equal(mayUseDht, metainfo.WithSources([], []).MayUseDht);
        Assert.True(MetainfoReader.TryRead(MetainfoWriter.ToArray(metainfo), out var again, out _));
        Assert.Equal((mayUseDht, metainfo.InfoHash), (again.MayUseDht, again.InfoHash));
    }

    [Theory]
    [InlineData("d7:privatei1ee", true)]
    [InlineData("d4:name1:n7:privatei1e1:zi7ee", true)]
    [InlineData("d7:privatei0ee", false)]
    [InlineData("d7:private1:1e", false)]
    [InlineData("d4:name7:privatee", false)]
    [InlineData("d1:ad7:privatei1eee", false)]
    [InlineData("d7:privatei1e", false)]
    [InlineData("de", false)]
    [InlineData("", false)]
    public void Whether_it_is_private_can_be_told_by_a_glance(string info, bool isPrivate) =>
        Assert.Equal(isPrivate, MetainfoReader.SaysPrivate(Bytes(info)));

    [Fact]
    public void A_lone_announce_is_a_tier_and_a_lone_web_seed_a_list()
    {
        var metainfo = Read(Single(), "8:announce8:http://a13:announce-listle", "8:url-list8:http://w");
        Assert.Equal([["http://a"]], metainfo.Trackers);
        Assert.Equal(["http://w"], metainfo.WebSeeds);
    }

    [Fact]
    public void What_is_not_needed_and_malformed_is_left_out()
    {
        var metainfo = Read(
            Single(), "8:announcei1e13:announce-listi2e7:commentl1:ae10:created byd1:a1:be13:creation datei99999999999999999e", "8:url-listd1:ai1ee");
        Assert.Empty(metainfo.Trackers);
        Assert.Empty(metainfo.WebSeeds);
        Assert.Null(metainfo.Comment);
        Assert.Null(metainfo.CreatedBy);
        Assert.Null(metainfo.CreationDate);
    }

    [Fact]
    public void The_utf8_names_are_preferred()
    {
        var name = Read(Single("1:\u00ff", rest: "").Replace("4:name1:\u00ff", "4:name1:\u00ff10:name.utf-83:ok!"));
        Assert.Equal("ok!", name.Name);
        Assert.Equal("ok!", Assert.Single(name.Files).Path);
        Assert.Equal("x/y", Read(Folder("d6:lengthi1e4:pathl1:\u00ffe10:path.utf-8l1:x1:yee")).Files[0].Path);
    }

    [Fact]
    public void Names_that_are_not_utf8_are_replaced_and_may_not_then_collide()
    {
        Assert.Equal("\uFFFD", Read(Folder("d6:lengthi1e4:pathl1:\u00ffee")).Files[0].Path);
        Assert.Contains("two files are called", Refuse(Folder("d6:lengthi1e4:pathl1:\u00ffee", "d6:lengthi1e4:pathl1:\u00feee")));
    }

    [Fact]
    public void Odd_names_are_fine_where_the_platform_can_have_them()
    {
        string[] odd = ["a:b", "trailing.", " leading", "con.txt", "🐟", "...", "-rf", "~", "$HOME", "*?"];
        Assert.Equal(odd, Read(Folder([.. odd.Select(path => File("0", path)), File("1", "x")])).Files.Take(odd.Length).Select(file => file.Path));
    }

    [Theory]
    [InlineData("1", "0", "offset 36 (piece length): expected an integer from 1 to 268435456, found 0")]
    [InlineData("1", "-1", "offset 36 (piece length): expected an integer from 1 to 268435456, found -1")]
    [InlineData("1", "268435457", "offset 36 (piece length): expected an integer from 1 to 268435456, found 268435457")]
    [InlineData("1", "9223372036854775808", "offset 36 (piece length): an integer beyond 64 bits")]
    [InlineData("-1", "1", "offset 9 (length): expected an integer from 0 to 9223372036854775807, found -1")]
    [InlineData("9223372036854775807", "268435456", "offset 54: 9223372036854775807 bytes in pieces of 268435456 are 34359738368 pieces; at most 8388608 are read")]
    [InlineData("16385", "16384", "offset 55: 'pieces' has 1 hashes, and 16385 bytes in pieces of 16384 need 2")]
    [InlineData("0", "16384", "offset 51: 'pieces' has 1 hashes, and 0 bytes in pieces of 16384 need 0")]
    public void Impossible_numbers_are_refused(string length, string pieceLength, string expected) =>
        Assert.Equal(expected, Refuse(Single(length: length, pieceLength: pieceLength)));

    [Theory]
    [InlineData("le", "offset 0: expected a dictionary, found a list")]
    [InlineData("de", "offset 0: the info dictionary lacks 'name'")]
    [InlineData("d4:name1:ae", "offset 0: the info dictionary lacks 'piece length'")]
    [InlineData("d4:name1:a12:piece lengthi1ee", "offset 0: the info dictionary lacks 'pieces'")]
    [InlineData("d4:name1:a12:piece lengthi1e6:pieces0:e", "offset 0: the info dictionary has neither 'length' nor 'files'")]
    [InlineData("d5:filesle6:lengthi0e4:name1:a12:piece lengthi1e6:pieces0:e", "offset 0: the info dictionary has both 'length' and 'files'")]
    [InlineData("d6:lengthi1e4:name1:a12:piece lengthi1e6:pieces19:aaaaaaaaaaaaaaaaaaae", "offset 47: 'pieces' has 19 bytes, not a multiple of 20")]
    [InlineData("d6:lengthi0e4:name1:a12:piece lengthi1e6:pieceslee", "offset 47 (pieces): expected a string, found a list")]
    [InlineData("d6:lengthi0e4:namei1e12:piece lengthi1e6:pieces0:e", "offset 18 (name): expected a string, found an integer")]
    [InlineData("d4:attr1:l6:lengthi0e4:name1:a12:piece lengthi1e6:pieces0:e", "offset 0: a torrent of nothing but a symbolic link")]
    [InlineData("d9:file treede12:meta versioni2e4:name1:a12:piece lengthi16384ee", "offset 0: a v2-only torrent (BEP 52) is not supported yet")]
    [InlineData("d4:name1:a6:lengthi0e12:piece lengthi1e6:pieces0:e", "offset 10: the key 'length' out of order")]
    public void An_info_dictionary_that_lacks_sense_is_refused(string info, string expected) =>
        Assert.Equal(expected, Refuse(info));

    [Theory]
    [InlineData("d6:lengthi1ee", "offset 9 (files[0]): a file without a path")]
    [InlineData("d4:pathl1:aee", "offset 9 (files[0]): a file without a length")]
    [InlineData("d6:lengthi1e4:pathlee", "offset 9 (files[0]): a file without a path")]
    [InlineData("d6:lengthi-5e4:pathl1:aee", "offset 18 (files[0].length): expected an integer from 0 to 9223372036854775807, found -5")]
    [InlineData("d6:lengthi1e4:pathli1eee", "offset 28 (files[0].path[0]): expected a string, found an integer")]
    [InlineData("d4:attr1:l6:lengthi1e4:pathl1:aee", "offset 9 (files[0]): a symbolic link with content")]
    [InlineData("i1e", "offset 9 (files[0]): expected a dictionary, found an integer")]
    public void A_file_that_lacks_sense_is_refused(string file, string expected) =>
        Assert.Equal(expected, Refuse(Folder(file)));

    [Theory]
    [InlineData("..")]
    [InlineData(".")]
    [InlineData("../x")]
    [InlineData("a/../../x")]
    [InlineData("a/./b")]
    [InlineData("/etc/passwd")]
    [InlineData("a//b")]
    [InlineData("a/")]
    [InlineData("a\\b")]
    [InlineData("C:\\x")]
    [InlineData("a\0b")]
    [InlineData("a\nb")]
    [InlineData("\u001b[2J")]
    [InlineData("a\u0085b")]
    public void A_path_that_could_lead_astray_is_refused_on_every_platform(string path)
    {
        Assert.StartsWith("offset 9 (files[0]): ", Refuse(Folder(File("1", path))));
        if (!path.Contains('/'))
        {
            Assert.StartsWith("offset 18: ", Refuse(Single(Text(path))));
        }
    }

    [Fact]
    public void Slashes_within_a_component_are_refused()
    {
        Assert.Equal("offset 9 (files[0]): the file name 'a/b' contains a slash", Refuse(Folder("d6:lengthi1e4:pathl3:a/bee")));
        Assert.Equal("offset 18: the file name '/tmp/x' contains a slash", Refuse(Single("6:/tmp/x")));
        Assert.Equal("offset 18: an empty file name", Refuse(Single("0:")));
    }

    [Fact]
    public void Over_long_names_and_paths_are_refused()
    {
        Assert.Equal(new string('a', 255), Read(Folder(File("1", new string('a', 255)))).Files[0].Path);
        Assert.Contains("is longer than 255 bytes", Refuse(Folder(File("1", new string('a', 256)))));
        Assert.Contains("is longer than 255 bytes", Refuse(Folder(File("1", string.Concat(Enumerable.Repeat("🐟", 64))))));
        var deep = string.Join('/', Enumerable.Repeat(new string('a', 255), 13));
        Assert.Contains("a path of 3327 bytes", Refuse(Folder(File("1", deep))));
    }

    [Theory]
    [InlineData("a", "a", "two files are called 'a'")]
    [InlineData("d/a", "d/a", "two files are called 'd/a'")]
    [InlineData("a", "a/b", "'a' is both a file and a folder")]
    [InlineData("a/b", "a", "'a' is both a file and a folder")]
    [InlineData("x/a/b/c", "x/a", "'x/a' is both a file and a folder")]
    public void Two_files_that_would_be_one_are_refused(string first, string second, string expected) =>
        Assert.EndsWith(expected, Refuse(Folder(File("0", first), File("1", second))));

    [Theory]
    [InlineData("A", "a")]
    [InlineData("D/x", "d/X")]
    [InlineData("É", "é")]
    [InlineData("a/b", "A")]
    public void Names_that_differ_in_case_collide_where_case_does_not_count(string first, string second)
    {
        var info = Folder(File("0", first), File("1", second), File("0", "漢"));
        Assert.Equal(3, Read(info).Files.Count);
        Assert.StartsWith("offset ", Refuse(info, PathRules.IgnoreCase));
    }

    [Fact]
    public void A_symbolic_link_is_an_empty_file_without_a_target()
    {
        var metainfo = Read(Folder("d4:attr1:l4:pathl1:ae12:symlink pathl2:..3:etcee", File("1", "b")));
        Assert.Equal(new ContentFile("a", 0, 0, ContentAttributes.Symlink), metainfo.Files[0]);
        Assert.Contains("is both a file and a folder", Refuse(Folder("d4:attr1:l4:pathl1:ae12:symlink pathl2:..3:etcee", File("1", "a/b"))));
    }

    [Fact]
    public void Lengths_that_overflow_together_are_refused() =>
        Assert.EndsWith("add up to more than 64 bits", Refuse(Folder(File("9223372036854775807", "a"), File("1", "b"))));

    [Fact]
    public void Something_else_than_a_torrent_is_refused()
    {
        AssertRefused("", "offset 0: expected a dictionary, found the end of the data");
        AssertRefused("<!DOCTYPE html>", "offset 0: expected a dictionary, found '<'");
        AssertRefused("de", "offset 2: no info dictionary: not a .torrent");
        AssertRefused("d8:announce3:abce", "offset 17: no info dictionary: not a .torrent");
        AssertRefused($"d4:info{Single()}ex", $"offset {Single().Length + 8}: 1 bytes after the end");
        AssertRefused("d4:infod6:lengthi1e4:name999999999999:", "offset 25 (info.name): a string longer than 2147483647 bytes");

        static void AssertRefused(string text, string expected)
        {
            Assert.False(MetainfoReader.TryRead(Bytes(text), out _, out var error));
            Assert.Equal(expected, error);
        }
    }

    [Fact]
    public void Many_files_are_read_and_more_than_a_million_refused()
    {
        Assert.Equal(100_000, Read(FolderOf(100_000)).Files.Count);
        Assert.EndsWith("more than 1000000 files", Refuse(FolderOf(MetainfoReader.MaximumFileCount + 1)));

        static string FolderOf(int files)
        {
            var text = new StringBuilder("d5:filesl");
            for (var i = 0; i < files; i++)
            {
                text.Append("d6:lengthi0e4:pathl1:d7:").Append(i.ToString("d7")).Append("ee");
            }

            return text.Append("e4:name1:n12:piece lengthi1e6:pieces0:e").ToString();
        }
    }

    [Fact]
    public void Long_lists_of_trackers_are_cut()
    {
        var tier = "l" + string.Concat(Enumerable.Repeat("5:udp:/", 700)) + "e";
        var metainfo = Read(Single(), $"13:announce-listl{tier}{tier}{tier}e");
        Assert.Equal([700, 300], metainfo.Trackers.Select(urls => urls.Count));
    }
}
