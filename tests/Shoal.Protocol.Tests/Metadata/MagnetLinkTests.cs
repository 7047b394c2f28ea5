using FsCheck;
using FsCheck.Fluent;
using Shoal.Protocol.Metadata;

namespace Shoal.Protocol.Tests.Metadata;

public sealed class MagnetLinkTests
{
    private const string Hex = "0123456789abcdef0123456789abcdef01234567";
    private const string Base32 = "AERUKZ4JVPG66AJDIVTYTK6N54ASGRLH";
    private const string Xt = "magnet:?xt=urn:btih:" + Hex;

    private static MagnetLink Parse(string text)
    {
        Assert.True(MagnetLink.TryParse(text, out var link, out var error), error);
        Assert.Equal("", error);
        return link;
    }

    private static string Refuse(string? text)
    {
        Assert.False(MagnetLink.TryParse(text, out var link, out var error));
        Assert.Null(link);
        Assert.InRange(error.Length, 1, 300);
        Assert.DoesNotContain(error, char.IsControl);
        return error;
    }

    [Theory]
    [InlineData(Xt)]
    [InlineData(Xt + "&dn=a%20name&xl=12345&tr=http%3A%2F%2Fa%2Fannounce&tr=udp%3A%2F%2Fb%3A1&ws=http%3A%2F%2Fw%2F&x.pe=127.0.0.1:6881&x.pe=[::1]:6882&x.pe=some-host.example:1&so=0,2,4-6")]
    [InlineData(Xt + "&x.pe=127.0.0.1:6881&x.dht=off")]
    [InlineData(Xt + "&dn=%F0%9F%90%9F%26%3D%2B%25")]
    public void What_is_printed_is_what_was_parsed(string text) => Assert.Equal(text, Parse(text).ToString());

    [Fact]
    public void Every_part_is_read()
    {
        var link = Parse(Xt + "&dn=a%20+b%2B&xl=5&tr=http://a/?x=1&tr.1=udp%3A%2F%2Fb&ws=http://w&x.pe=h:1&x.pe=%5B::1%5D%3A2&so=0-2&so.1=4%2C2147483647&unknown=1&novalue&&kt=x");
        Assert.Equal(Hex, link.InfoHash.ToString());
        Assert.Equal("a  b+", link.Name);
        Assert.Equal(5, link.Length);
        Assert.Equal(["http://a/?x=1", "udp://b"], link.Trackers);
        Assert.Equal(["http://w"], link.WebSeeds);
        Assert.Equal([new MagnetPeer("h", 1), new MagnetPeer("::1", 2)], link.Peers);
        Assert.Equal([new FileRange(0, 2), new FileRange(4, 4), new FileRange(int.MaxValue, int.MaxValue)], link.Files);
    }

    [Theory]
    [InlineData("magnet:?xt=urn:btih:" + Base32)]
    [InlineData("MAGNET:?XT=URN:BTIH:0123456789ABCDEF0123456789ABCDEF01234567")]
    [InlineData("magnet:?xt.1=urn:btih:" + Hex)]
    [InlineData("magnet:?xt=urn:sha1:x&xt=urn%3Abtih%3A" + Hex)]
    [InlineData("magnet:?xt=urn:btmh:1220cafe&xt=urn:btih:" + Hex)]
    [InlineData("magnet:?dn=x&xt=urn:btih:" + Hex + "&xt=urn:btih:" + Base32)]
    public void The_info_hash_is_found_in_each_of_its_forms(string text) => Assert.Equal(Hex, Parse(text).InfoHash.ToString());

    [Theory]
    [InlineData(null, "a magnet link begins with 'magnet:?'")]
    [InlineData("", "a magnet link begins with 'magnet:?'")]
    [InlineData("magnet:", "a magnet link begins with 'magnet:?'")]
    [InlineData("http://a/?xt=urn:btih:" + Hex, "a magnet link begins with 'magnet:?'")]
    [InlineData("magnet:?", "the magnet link has no 'xt=urn:btih:' with an info-hash")]
    [InlineData("magnet:?dn=x", "the magnet link has no 'xt=urn:btih:' with an info-hash")]
    [InlineData("magnet:?xt=urn:btmh:1220cafe", "a v2-only magnet link (urn:btmh, BEP 52) is not supported yet")]
    [InlineData("magnet:?xt=urn:btih:0123", "the magnet link's info-hash is neither 40 hexadecimal digits nor 32 of base32: 0123")]
    [InlineData("magnet:?xt=urn:btih:0123456789abcdef0123456789abcdef0123456g", "the magnet link's info-hash is neither 40 hexadecimal digits nor 32 of base32: 0123456789abcdef0123456789abcdef0123456g")]
    [InlineData("magnet:?xt=urn:btih:AERUKZ4JVPG66AJDIVTYTK6N54ASGRL1", "the magnet link's info-hash is neither 40 hexadecimal digits nor 32 of base32: AERUKZ4JVPG66AJDIVTYTK6N54ASGRL1")]
    [InlineData(Xt + "&xt=urn:btih:ffffffffffffffffffffffffffffffffffffffff", "the magnet link names two different info-hashes")]
    [InlineData(Xt + "&dn=%", "the magnet link's 'dn' has a malformed percent escape: %")]
    [InlineData(Xt + "&dn=%4", "the magnet link's 'dn' has a malformed percent escape: %4")]
    [InlineData(Xt + "&tr=http%3A%2F%2fa%zz", "the magnet link's 'tr' has a malformed percent escape: http%3A%2F%2fa%zz")]
    [InlineData(Xt + "&tr=http://a%0d%0aHost", "the magnet link's 'tr' is no URL: http://a\uFFFD\uFFFDHost")]
    [InlineData(Xt + "&so=", "the magnet link's 'so' is not a list of files by number, as in 0,2,4-6: ")]
    [InlineData(Xt + "&so=1,,2", "the magnet link's 'so' is not a list of files by number, as in 0,2,4-6: 1,,2")]
    [InlineData(Xt + "&so=3-2", "the magnet link's 'so' is not a list of files by number, as in 0,2,4-6: 3-2")]
    [InlineData(Xt + "&so=-1", "the magnet link's 'so' is not a list of files by number, as in 0,2,4-6: -1")]
    [InlineData(Xt + "&so=2147483648", "the magnet link's 'so' is not a list of files by number, as in 0,2,4-6: 2147483648")]
    [InlineData(Xt + "&x.pe=host", "the magnet link's 'x.pe' is not host:port: host")]
    [InlineData(Xt + "&x.pe=host:0", "the magnet link's 'x.pe' is not host:port: host:0")]
    [InlineData(Xt + "&x.pe=host:65536", "the magnet link's 'x.pe' is not host:port: host:65536")]
    [InlineData(Xt + "&x.pe=host:-1", "the magnet link's 'x.pe' is not host:port: host:-1")]
    [InlineData(Xt + "&x.pe=:1", "the magnet link's 'x.pe' is not host:port: :1")]
    [InlineData(Xt + "&x.pe=::1:5", "the magnet link's 'x.pe' is not host:port: ::1:5")]
    [InlineData(Xt + "&x.pe=[::g]:5", "the magnet link's 'x.pe' is not host:port: [::g]:5")]
    [InlineData(Xt + "&x.pe=[1.2.3.4]:5", "the magnet link's 'x.pe' is not host:port: [1.2.3.4]:5")]
    [InlineData(Xt + "&x.pe=[]:5", "the magnet link's 'x.pe' is not host:port: []:5")]
    [InlineData(Xt + "&x.pe=a/b:5", "the magnet link's 'x.pe' is not host:port: a/b:5")]
    [InlineData(Xt + "&x.pe=", "the magnet link's 'x.pe' is not host:port: ")]
    [InlineData(Xt + "&xl=-1", "the magnet link's 'xl' is not a length in bytes: -1")]
    [InlineData(Xt + "&xl=9223372036854775808", "the magnet link's 'xl' is not a length in bytes: 9223372036854775808")]
    public void A_malformed_link_is_refused_and_the_text_says_why(string? text, string expected) => Assert.Equal(expected, Refuse(text));

    [Fact]
    public void An_endless_link_is_refused() =>
        Assert.Contains("at most 65536", Refuse(Xt + "&dn=" + new string('a', MagnetLink.MaximumLength)));

    [Fact]
    public void A_name_cannot_command_a_terminal()
    {
        var link = Parse(Xt + "&dn=%1b%5B2J%00%c2%9b%ff");
        Assert.Equal("\uFFFD[2J\uFFFD\uFFFD\uFFFD", link.Name);
    }

    [Theory]
    [InlineData("magnet:?x", true)]
    [InlineData("Magnet:", true)]
    [InlineData("magnetic.torrent", false)]
    [InlineData(null, false)]
    public void A_magnet_link_is_told_from_a_file_name(string? text, bool expected) => Assert.Equal(expected, MagnetLink.IsMagnet(text));

    [Fact]
    public void Any_link_survives_printing_and_parsing()
    {
        var text = ArbMap.Default.GeneratorFor<NonNull<string>>().Select(value =>
            string.Concat(value.Get.Where(character => !char.IsControl(character) && !char.IsSurrogate(character) && !char.IsWhiteSpace(character))));
        var urls = text.Where(value => value.Length > 0).ListOf().Select(list => (IReadOnlyList<string>)[.. list]);
        var peers = Gen.Zip(Gen.Elements("127.0.0.1", "::1", "fe80::1", "a.example"), Gen.Choose(1, 65535))
            .Select(pair => new MagnetPeer(pair.Item1, (ushort)pair.Item2)).ListOf();
        var links =
            from hash in Gen.Choose(0, 255).Select(value => (byte)value).ArrayOf(20)
            from name in text.OrNull()
            from length in Gen.Choose(0, int.MaxValue).Select(value => (long?)value)
            from trackers in urls
            from seeds in urls
            from some in peers
            select new MagnetLink
            {
                InfoHash = new InfoHash(hash), Name = name, Length = length, Trackers = trackers, WebSeeds = seeds, Peers = [.. some],
            };
        Prop.ForAll(links.ToArbitrary(), link =>
        {
            var again = Parse(link.ToString());
            Assert.Equal(link.InfoHash, again.InfoHash);
            Assert.Equal(link.Name, again.Name);
            Assert.Equal(link.Length, again.Length);
            Assert.Equal(link.Trackers, again.Trackers);
            Assert.Equal(link.WebSeeds, again.WebSeeds);
            Assert.Equal(link.Peers, again.Peers);
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Damaged_links_never_throw()
    {
        const string Whole = Xt + "&dn=a%20name&xl=12345&tr=http%3A%2F%2Fa%2Fannounce&ws=http%3A%2F%2Fw%2F&x.pe=127.0.0.1:6881&x.pe=[::1]:6882";
        for (var length = 0; length < Whole.Length; length++)
        {
            Assert.NotEqual(MagnetLink.TryParse(Whole[..length], out _, out var error), error.Length > 0);
        }

        for (var seed = 0; seed < 20_000; seed++)
        {
            var random = new Random(seed);
            var text = Whole.ToCharArray();
            for (var i = random.Next(1, 5); i > 0; i--)
            {
                text[random.Next(text.Length)] = random.Next(3) == 0 ? (char)random.Next(0x10000) : "%&=:[].?+0f\0"[random.Next(12)];
            }

            if (MagnetLink.TryParse(new string(text), out var link, out var error))
            {
                Assert.Equal(link.ToString(), Parse(link.ToString()).ToString());
            }
            else
            {
                Assert.DoesNotContain(error, char.IsControl);
            }
        }
    }
}
