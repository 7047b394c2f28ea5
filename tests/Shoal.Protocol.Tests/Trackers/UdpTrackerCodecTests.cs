using System.Net;
using Shoal.Protocol.Trackers;

namespace Shoal.Protocol.Tests.Trackers;

/// <summary>UDP packets against their bytes in BEP 15, both ways.</summary>
public sealed class UdpTrackerCodecTests
{
    private const string Hash = "000102030405060708090a0b0c0d0e0f10111213";
    private const string Id = "2d5348303130302d303132333435363738393a3b";

    private readonly byte[] _packet = new byte[2048];

    private static AnnounceRequest Request => new(
        new InfoHash(Convert.FromHexString(Hash)), new PeerId(Convert.FromHexString(Id)), 6881, PeerAddress.FromBytes([9, 8, 7, 6], 6881),
        Uploaded: 0x33, Downloaded: 0x11, Left: 0x22, Event: AnnounceEvent.Completed, WantedPeerCount: -1, Key: 0xdeadbeef);

    private string Hex(int length) => Convert.ToHexStringLower(_packet.AsSpan(0, length));

    [Fact]
    public void A_connect_is_as_BEP_15_draws_it()
    {
        Assert.Equal("000004172710198000000000" + "01020304", Hex(UdpTrackerCodec.WriteConnectRequest(_packet, 0x01020304)));
        Assert.True(UdpTrackerCodec.TryReadHeader(_packet.AsSpan(0, 16), out var connection, out var action, out var transaction));
        Assert.Equal((UdpTrackerCodec.ProtocolId, UdpTrackerAction.Connect, 0x01020304u), (connection, action, transaction));
        Assert.Equal("00000000" + "01020304" + "1122334455667788", Hex(UdpTrackerCodec.WriteConnectReply(_packet, 0x01020304, 0x1122334455667788)));
        Assert.True(UdpTrackerCodec.TryReadConnectReply(_packet.AsSpan(0, 16), out connection));
        Assert.Equal(0x1122334455667788ul, connection);
    }

    [Fact]
    public void An_announce_is_as_BEP_15_draws_it()
    {
        var length = UdpTrackerCodec.WriteAnnounceRequest(_packet, 0x1122334455667788, 0x01020304, Request);
        Assert.Equal(
            "1122334455667788" + "00000001" + "01020304" + Hash + Id + "0000000000000011" + "0000000000000022" + "0000000000000033" +
            "00000001" + "09080706" + "deadbeef" + "ffffffff" + "1ae1",
            Hex(length));
        Assert.True(UdpTrackerCodec.TryReadAnnounceRequest(_packet.AsSpan(0, length), out var read));
        Assert.Equal(Request, read);
    }

    [Fact]
    public void The_path_of_the_URL_stands_behind_an_announce_as_BEP_41_draws_it()
    {
        var length = UdpTrackerCodec.WriteAnnounceRequest(_packet, 1, 2, Request, "/dir?a=b"u8);
        Assert.Equal("0208" + "2f6469723f613d62", Hex(length)[(2 * UdpTrackerCodec.AnnounceRequestLength)..]);
        Assert.True(UdpTrackerCodec.TryReadAnnounceRequest(_packet.AsSpan(0, length), out var read));
        Assert.Equal(Request, read);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(255)]
    [InlineData(256)]
    [InlineData(UdpTrackerCodec.MaximumUrlDataLength)]
    public void A_path_of_any_length_is_read_back(int pathLength)
    {
        var path = Enumerable.Range(0, pathLength).Select(i => (byte)('a' + (i % 26))).ToArray();
        var length = UdpTrackerCodec.WriteAnnounceRequest(_packet, 1, 2, Request, path);
        var read = new byte[UdpTrackerCodec.MaximumUrlDataLength];
        Assert.Equal(path, read[..UdpTrackerCodec.ReadUrlData(_packet.AsSpan(0, length), read)]);
    }

    [Theory]
    [InlineData("", "")]
    [InlineData("01010203616263", "abc")] // nothing, twice, before it
    [InlineData("0203616263000203646566", "abc")] // behind the end
    [InlineData("7f02ffff0203616263", "abc")] // another option before it
    [InlineData("0203616263020164", "abcd")] // in two parts
    [InlineData("020361626302", "")] // cut off
    [InlineData("02056162", "")]
    [InlineData("0200", "")]
    [InlineData("7f", "")]
    public void Options_behind_an_announce_may_be_anything(string options, string path)
    {
        UdpTrackerCodec.WriteAnnounceRequest(_packet, 1, 2, Request);
        byte[] packet = [.. _packet[..UdpTrackerCodec.AnnounceRequestLength], .. Convert.FromHexString(options)];
        var read = new byte[4];
        Assert.Equal(path, System.Text.Encoding.ASCII.GetString(read, 0, UdpTrackerCodec.ReadUrlData(packet, read)));
    }

    [Fact]
    public void A_path_longer_than_there_is_room_is_none()
    {
        var length = UdpTrackerCodec.WriteAnnounceRequest(_packet, 1, 2, Request, "/dir?a=b"u8);
        Assert.Equal(0, UdpTrackerCodec.ReadUrlData(_packet.AsSpan(0, length), new byte[7]));
    }

    [Fact]
    public void An_announce_cut_off_anywhere_is_refused()
    {
        UdpTrackerCodec.WriteAnnounceRequest(_packet, 1, 2, Request);
        for (var length = 0; length < UdpTrackerCodec.AnnounceRequestLength; length++)
        {
            Assert.False(UdpTrackerCodec.TryReadAnnounceRequest(_packet.AsSpan(0, length), out _));
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_announce_answer_is_read_back_cut_off_or_not(bool isIPv6)
    {
        PeerAddress[] peers = [.. Enumerable.Range(1, 3).Select(i => PeerAddress.From(isIPv6 ? IPAddress.Parse($"2001:db8::{i}") : IPAddress.Parse($"10.0.0.{i}"), i))];
        var size = isIPv6 ? 18 : 6;
        var length = UdpTrackerCodec.WriteAnnounceReply(_packet, 7, 1800, 4, 5);
        foreach (var peer in peers)
        {
            length += peer.WriteCompact(_packet.AsSpan(length));
        }

        for (var cut = 0; cut <= length; cut++)
        {
            var whole = UdpTrackerCodec.TryReadAnnounceReply(_packet.AsSpan(0, cut), isIPv6, out var reply);
            Assert.Equal(cut >= 20, whole);
            Assert.Equal(whole ? null : "the answer to the announce is cut off", reply.FailureReason);
            if (whole)
            {
                Assert.Equal(peers[..((cut - 20) / size)], reply.Peers);
                Assert.Equal((TimeSpan.FromMinutes(30), 4, 5), (reply.Interval, reply.LeecherCount, reply.SeederCount));
            }
        }
    }

    [Fact]
    public void A_scrape_of_74_is_read_back_and_one_of_75_is_not_written()
    {
        InfoHash[] asked = [.. Enumerable.Range(0, 74).Select(i => new InfoHash([.. Enumerable.Repeat((byte)i, 20)]))];
        var length = UdpTrackerCodec.WriteScrapeRequest(_packet, 1, 2, asked);
        Assert.Equal(asked, Enumerable.Range(0, UdpTrackerCodec.ScrapeCountOf(_packet.AsSpan(0, length))).Select(i => UdpTrackerCodec.ScrapeHashAt(_packet, i)));
        Assert.Throws<ArgumentException>(() => UdpTrackerCodec.WriteScrapeRequest(_packet, 1, 2, new InfoHash[75]));

        length = UdpTrackerCodec.WriteScrapeReply(_packet, 2);
        for (var i = 0; i < asked.Length; i++)
        {
            length += UdpTrackerCodec.WriteScrapeCounts(_packet.AsSpan(length), new SwarmCounts(i, i + 1, i + 2));
        }

        Assert.True(UdpTrackerCodec.TryReadScrapeReply(_packet.AsSpan(0, length), asked, out var reply));
        Assert.Equal(new SwarmCounts(73, 74, 75), reply.Swarms[asked[73]]);
        Assert.False(UdpTrackerCodec.TryReadScrapeReply(_packet.AsSpan(0, length - 1), asked, out _));
    }

    [Fact]
    public void An_error_is_read_back_as_one_printable_line()
    {
        var length = UdpTrackerCodec.WriteError(_packet, 9, "no\n\u001b[31mway");
        Assert.True(UdpTrackerCodec.TryReadReplyHeader(_packet.AsSpan(0, length), out var action, out var transaction));
        Assert.Equal((UdpTrackerAction.Error, 9u), (action, transaction));
        Assert.True(UdpTrackerCodec.TryReadError(_packet.AsSpan(0, length), out var text));
        Assert.Equal("no  [31mway", text);
    }

    [Fact]
    public void Unreachable_peers_are_left_out()
    {
        var length = UdpTrackerCodec.WriteAnnounceReply(_packet, 7, 1800, 4, 5);
        PeerAddress.FromBytes([10, 0, 0, 1], 0).WriteCompact(_packet.AsSpan(length));
        PeerAddress.FromBytes([0, 0, 0, 0], 5).WriteCompact(_packet.AsSpan(length + 6));
        Assert.True(UdpTrackerCodec.TryReadAnnounceReply(_packet.AsSpan(0, length + 12), isIPv6: false, out var reply));
        Assert.Empty(reply.Peers);
    }
}
