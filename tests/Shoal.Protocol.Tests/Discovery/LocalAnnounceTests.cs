using System.Text;
using Shoal.Protocol.Discovery;

namespace Shoal.Protocol.Tests.Discovery;

public sealed class LocalAnnounceTests
{
    private const string One = "0123456789abcdef0123456789abcdef01234567";
    private const string Other = "fedcba9876543210fedcba9876543210fedcba98";

    [Theory]
    [InlineData(false, "239.192.152.143:6771")]
    [InlineData(true, "[ff15::efc0:988f]:6771")]
    public void An_announce_is_written_and_read_back(bool isIPv6, string host)
    {
        var announce = new LocalAnnounce(6881, [Hash(One), Hash(Other)], "a cookie");
        var datagram = announce.ToDatagram(isIPv6);
        Assert.Equal(
            $"BT-SEARCH * HTTP/1.1\r\nHost: {host}\r\nPort: 6881\r\nInfohash: {One}\r\nInfohash: {Other}\r\ncookie: a cookie\r\n\r\n\r\n",
            Encoding.ASCII.GetString(datagram));
        AssertReads(announce, datagram);
    }

    [Fact]
    public void The_longest_fits()
    {
        var hashes = Enumerable.Range(0, 100).Select(number => Hash($"{number:x40}")).ToArray();
        var datagram = new LocalAnnounce(65535, hashes, new string('x', 100)).ToDatagram(isIPv6: true);
        Assert.InRange(datagram.Length, 1, LocalAnnounce.MaximumLength);
        AssertReads(new(65535, hashes[..LocalAnnounce.MaximumCount], new string('x', LocalAnnounce.MaximumCookieLength)), datagram);
    }

    [Theory]
    [InlineData("BT-SEARCH * HTTP/1.0\nhost: elsewhere\nINFOHASH:" + One + "\npOrT:\t 1 \nX: y\nno header\n\n", 1, null)] // as others write it
    [InlineData("BT-SEARCH * HTTP/1.1\r\nPort: 6881\r\nInfohash: " + One + "\r\nInfohash: " + One + "\r\nInfohash: 12\r\nCookie:\r\n", 6881, "")] // twice, cut
    [InlineData("BT-SEARCH * HTTP/1.1\r\nPort: 6881\r\nInfohash: " + One + "\r\n\r\nInfohash: " + Other, 6881, null)] // after the end
    public void What_others_say_is_understood(string datagram, int port, string? cookie) =>
        AssertReads(new((ushort)port, [Hash(One)], cookie), Encoding.ASCII.GetBytes(datagram));

    [Theory]
    [InlineData("")]
    [InlineData("GET / HTTP/1.1\r\nPort: 6881\r\nInfohash: " + One + "\r\n\r\n")]
    [InlineData("BT-SEARCH * HTTP/1.1\r\nPort: 6881\r\n\r\n")]
    [InlineData("BT-SEARCH * HTTP/1.1\r\nInfohash: " + One + "\r\n\r\n")]
    [InlineData("BT-SEARCH * HTTP/1.1\r\nPort: 0\r\nInfohash: " + One + "\r\n\r\n")]
    [InlineData("BT-SEARCH * HTTP/1.1\r\nPort: 65536\r\nInfohash: " + One + "\r\n\r\n")]
    [InlineData("BT-SEARCH * HTTP/1.1\r\nPort: 1x\r\nInfohash: " + One + "\r\n\r\n")]
    [InlineData("BT-SEARCH * HTTP/1.1\r\nPort: 1\r\nPort: 2\r\nInfohash: " + One + "\r\n\r\n")]
    [InlineData("BT-SEARCH * HTTP/1.1\r\nPort: 1\r\nInfohash: 0123456789abcdef0123456789abcdef0123456g\r\n\r\n")]
    public void What_is_no_announce_is_dropped(string datagram) =>
        Assert.False(LocalAnnounce.TryRead(Encoding.ASCII.GetBytes(datagram), out _));

    [Fact]
    public void What_is_too_long_is_dropped()
    {
        var datagram = new LocalAnnounce(1, [Hash(One)], null).ToDatagram(isIPv6: false);
        Assert.True(LocalAnnounce.TryRead([.. datagram, .. new byte[LocalAnnounce.MaximumLength - datagram.Length]], out _));
        Assert.False(LocalAnnounce.TryRead([.. datagram, .. new byte[LocalAnnounce.MaximumLength + 1 - datagram.Length]], out _));
    }

    [Fact]
    public void A_datagram_cut_short_anywhere_or_mutated_never_throws()
    {
        var datagram = new LocalAnnounce(6881, [Hash(One), Hash(Other)], "cookie").ToDatagram(isIPv6: false);
        for (var length = 0; length < datagram.Length; length++)
        {
            LocalAnnounce.TryRead(datagram.AsSpan(0, length), out _);
        }

        var random = new Random(14);
        for (var round = 0; round < 50_000; round++)
        {
            var mutated = (byte[])datagram.Clone();
            for (var i = 1 + random.Next(4); i > 0; i--)
            {
                mutated[random.Next(mutated.Length)] = (byte)random.Next(256);
            }

            if (LocalAnnounce.TryRead(mutated, out var read))
            {
                Assert.InRange(read.InfoHashes.Count, 1, 2);
                Assert.NotEqual(0, read.Port);
            }
        }
    }

    private static void AssertReads(LocalAnnounce expected, byte[] datagram)
    {
        Assert.True(LocalAnnounce.TryRead(datagram, out var read));
        Assert.Equal((expected.Port, expected.Cookie), (read.Port, read.Cookie));
        Assert.Equal(expected.InfoHashes, read.InfoHashes);
    }

    private static InfoHash Hash(string text) => InfoHash.TryParse(text, out var hash) ? hash : throw new FormatException(text);
}
