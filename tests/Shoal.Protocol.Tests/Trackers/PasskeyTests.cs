using System.Text;
using Shoal.Protocol.Trackers;

namespace Shoal.Protocol.Tests.Trackers;

/// <summary>Passkeys in announce URLs.</summary>
public sealed class PasskeyTests
{
    private const string Token = "shoal_anything";

    [Fact]
    public void Whoever_knows_the_token_or_its_hash_knows_the_passkey()
    {
        var hash = Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(Encoding.UTF8.GetBytes(Token)));
        Assert.Equal(Passkey.OfToken(Token), Passkey.OfTokenHash(hash));
        Assert.Equal(Passkey.OfToken(Token), Passkey.OfTokenHash(hash.ToLowerInvariant()));
        Assert.NotEqual(Passkey.OfToken(Token), Passkey.OfToken(Token + "!"));
        Assert.Matches("^[0-9a-f]{32}$", Passkey.OfToken(Token).ToString());
    }

    [Theory]
    [InlineData("announce")]
    [InlineData("scrape?x=y")]
    public void It_is_taken_off_the_front_of_a_path(string rest)
    {
        ReadOnlySpan<byte> path = Encoding.ASCII.GetBytes($"/{Passkey.OfToken(Token)}/{rest}");
        Assert.True(Passkey.TryTake(ref path, out var passkey));
        Assert.Equal(Passkey.OfToken(Token), passkey);
        Assert.Equal("/" + rest, Encoding.ASCII.GetString(path));
    }

    [Theory]
    [InlineData("http://lab:6969/KEY/announce", "http://lab:6969/…/announce")]
    [InlineData("'https://lab/trackers/KEY/announce' and udp://[::1]:1/KEY/announce: no", "'https://lab/trackers/…/announce' and udp://[::1]:1/…/announce: no")]
    [InlineData("http://lab/KEY/KEY/scrape", "http://lab/…/…/scrape")]
    [InlineData("http://KEY/announce", "http://KEY/announce")]
    [InlineData("http://lab/KEY0/announce", "http://lab/KEY0/announce")]
    [InlineData("http://lab/KEY", "http://lab/KEY")]
    [InlineData("http://lab/ /new/KEY/x", "http://lab/ /new/KEY/x")]
    [InlineData("/new/KEY/x", "/new/KEY/x")]
    [InlineData("", "")]
    public void It_is_not_shown_in_a_URL(string text, string shown) =>
        Assert.Equal(shown.Replace("KEY", "0123456789abcdef0123456789ABCDEF"), Passkey.Redact(text.Replace("KEY", "0123456789abcdef0123456789ABCDEF")));

    [Theory]
    [InlineData("")]
    [InlineData("/announce")]
    [InlineData("/0123456789abcdef0123456789abcdef")]
    [InlineData("/0123456789abcdef0123456789abcde/announce")]
    [InlineData("/0123456789abcdef0123456789abcdef0/announce")]
    [InlineData("/0123456789abcdef0123456789abcdeg/announce")]
    [InlineData("x0123456789abcdef0123456789abcdef/announce")]
    public void Other_paths_stay_as_they_are(string text)
    {
        ReadOnlySpan<byte> path = Encoding.ASCII.GetBytes(text);
        Assert.False(Passkey.TryTake(ref path, out _));
        Assert.Equal(text, Encoding.ASCII.GetString(path));
    }
}
