using Shoal.Protocol.Secrets;

namespace Shoal.Protocol.Tests.Secrets;

public sealed class SecretLinkTests
{
    private const string Hash = "0123456789abcdef0123456789abcdef01234567";
    private const string Key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
    private const string Rest = "xt=urn:btih:" + Hash + "&dn=sealed-1&tr=http%3A%2F%2Fa%2Fannounce&x.pe=[::1]:6882&so=0,2";

    [Fact]
    public void A_link_is_read_and_written_and_shows_its_key_only_when_asked()
    {
        Assert.True(SecretLink.TryParse($"shoal:?{Rest}&key={Key}", out var link, out var error), error);
        Assert.Equal($"shoal:?{Rest}&key={Key}", link.Reveal());
        Assert.Equal($"magnet:?{Rest}", link.Magnet.ToString());
        Assert.DoesNotContain(Key, $"{link} {link.Key}", StringComparison.Ordinal);

        Assert.True(SecretLink.TryParse($"SHOAL:?KEY={Key}&{Rest}", out var other, out error), error);
        Assert.Equal(link.Reveal(), other.Reveal());
    }

    [Theory]
    [InlineData(null, "a shoal: link begins with 'shoal:?'")]
    [InlineData("shoal:", "a shoal: link begins with 'shoal:?'")]
    [InlineData("magnet:?" + Rest + "&key=" + Key, "a shoal: link begins with 'shoal:?'")]
    [InlineData("shoal:?" + Rest, "the shoal: link has no key: was it cut?")]
    [InlineData("shoal:?" + Rest + "&key=", "the shoal: link's key is malformed: was it cut?")]
    [InlineData("shoal:?" + Rest + "&key=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh", "the shoal: link's key is malformed: was it cut?")]
    [InlineData("shoal:?" + Rest + "&key=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9", "the shoal: link's key is malformed: was it cut?")] // not the one form
    [InlineData("shoal:?" + Rest + "&key=" + Key + "A", "the shoal: link's key is malformed: was it cut?")]
    [InlineData("shoal:?" + Rest + "&key=" + Key + "=", "the shoal: link's key is malformed: was it cut?")]
    [InlineData("shoal:?" + Rest + "&key= AECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", "the shoal: link's key is malformed: was it cut?")]
    [InlineData("shoal:?" + Rest + "&key=" + Key + "&key=" + Key, "the shoal: link has more than one key")]
    [InlineData("shoal:?key=" + Key, "the shoal: link has no 'xt=urn:btih:' with an info-hash")]
    [InlineData("shoal:?key=" + Key + "&xt=urn:btih:12", "the shoal: link's info-hash is neither 40 hexadecimal digits nor 32 of base32: 12")]
    public void A_malformed_link_is_refused_and_the_text_says_why_without_the_key(string? text, string expected)
    {
        Assert.False(SecretLink.TryParse(text, out var link, out var error));
        Assert.Null(link);
        Assert.Equal(expected, error);
    }

    [Fact]
    public void Damaged_links_never_throw_nor_tell_the_key()
    {
        const string Whole = "shoal:?xt=urn:btih:" + Hash + "&key=" + Key + "&tr=http%3A%2F%2Fa";
        for (var seed = 0; seed < 20_000; seed++)
        {
            var random = new Random(seed);
            var text = Whole.ToCharArray();
            for (var i = random.Next(1, 5); i > 0; i--)
            {
                text[random.Next(text.Length)] = random.Next(3) == 0 ? (char)random.Next(0x10000) : "%&=:?.-_key"[random.Next(11)];
            }

            Assert.NotEqual(SecretLink.TryParse(new string(text), out _, out var error), error.Length > 0);
            Assert.DoesNotContain(Key[..12], error, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Whatever_is_quoted_its_key_is_not()
    {
        Assert.Equal("'shoal:?key=…&xt=x' is no file", SecretLink.Redact($"'shoal:?key={Key}&xt=x' is no file"));
        Assert.Equal("there is no command 'shoal:?xt=x&KEY".Replace("KEY", "key=…'"), SecretLink.Redact($"there is no command 'shoal:?xt=x&key={Key}'"));
    }
}
