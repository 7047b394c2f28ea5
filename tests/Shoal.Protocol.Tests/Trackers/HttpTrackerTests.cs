using System.Net;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Shoal.Protocol.Trackers;

namespace Shoal.Protocol.Tests.Trackers;

/// <summary>HTTP tracker queries and answers, both ways.</summary>
public sealed class HttpTrackerTests
{
    private static readonly InfoHash Hash = new([0, 0x25, 0x26, 0x3d, (byte)'a', (byte)'~', 0xff, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
    private static readonly PeerId Id = new("-SH0100-abcdefghijkl"u8);

    private static AnnounceRequest Request => new(Hash, Id, 6881, default, 1, 2, 3, AnnounceEvent.Started, 77, 0xdeadbeef);

    private static byte[] Query(string url) => Encoding.ASCII.GetBytes(url[(url.IndexOf('?') + 1)..]);

    private static byte[] Ascii(string text) => Encoding.Latin1.GetBytes(text);

    [Fact]
    public void An_announce_is_encoded_as_clients_do()
    {
        Assert.Equal(
            "http://t/announce?info_hash=%00%25%26%3Da~%FF%07%08%09%0A%0B%0C%0D%0E%0F%10%11%12%13&peer_id=-SH0100-abcdefghijkl&port=6881" +
            "&uploaded=1&downloaded=2&left=3&compact=1&key=DEADBEEF&no_peer_id=1&event=started&numwant=77",
            HttpTrackerQuery.AppendAnnounce("http://t/announce", Request));
        Assert.StartsWith("http://t/a?passkey=x&info_hash=", HttpTrackerQuery.AppendAnnounce("http://t/a?passkey=x", Request), StringComparison.Ordinal);
    }

    public static TheoryData<AnnounceRequest> Requests => new()
    {
        Request,
        Request with { Event = AnnounceEvent.None, WantedPeerCount = -1, Left = 0, Key = 0 },
        Request with { Event = AnnounceEvent.Completed, IsCompact = false, OmitsPeerId = false, Left = long.MaxValue },
        Request with { Event = AnnounceEvent.Stopped, WantedPeerCount = 0, Address = PeerAddress.FromBytes([1, 2, 3, 4], 6881) },
        Request with { Address = PeerAddress.From(IPAddress.Parse("2001:db8::5"), 6881) },
    };

    [Theory]
    [MemberData(nameof(Requests))]
    public void An_announce_is_read_back(AnnounceRequest request)
    {
        Assert.True(HttpTrackerQuery.TryReadAnnounce(Query(HttpTrackerQuery.AppendAnnounce("/announce", request)), out var read, out var failure));
        Assert.Null(failure);
        Assert.Equal(request.Address, read.Address.Kind == PeerAddressKind.None ? default : read.Address);
        Assert.Equal(request with { Address = default }, read with { Address = default });
    }

    [Fact]
    public void Who_does_not_know_what_is_left_does_not_look_like_a_seeder()
    {
        Assert.True(HttpTrackerQuery.TryReadAnnounce(Query(HttpTrackerQuery.AppendAnnounce("/", Request with { Left = -1 })), out var read, out _));
        Assert.False(read.IsSeeder);
    }

    [Theory]
    [InlineData("", "info_hash is missing")]
    [InlineData("info_hash=abc", "info_hash must be 20 bytes")]
    [InlineData("info_hash=%zz345678901234567890", "info_hash must be 20 bytes")]
    [InlineData("info_hash=1234567890123456789%4", "info_hash must be 20 bytes")]
    [InlineData("info_hash=123456789012345678901", "info_hash must be 20 bytes")]
    [InlineData("info_hash=12345678901234567890", "peer_id is missing")]
    [InlineData("info_hash=12345678901234567890&peer_id=x", "peer_id must be 20 bytes")]
    [InlineData("info_hash=12345678901234567890&peer_id=12345678901234567890", "port is missing")]
    [InlineData("info_hash=12345678901234567890&peer_id=12345678901234567890&port=0", "port must be a number from 1 to 65535")]
    [InlineData("info_hash=12345678901234567890&peer_id=12345678901234567890&port=65536", "port must be a number from 1 to 65535")]
    [InlineData("info_hash=12345678901234567890&peer_id=12345678901234567890&port=1&left=x", "left must be a number")]
    [InlineData("info_hash=12345678901234567890&peer_id=12345678901234567890&port=1&left=-1", "left must be a number")]
    public void A_bad_announce_is_told_what_is_wrong(string query, string expected)
    {
        Assert.False(HttpTrackerQuery.TryReadAnnounce(Ascii(query), out _, out var failure));
        Assert.Equal(expected, failure);
    }

    [Fact]
    public void What_nothing_depends_on_may_be_nonsense()
    {
        var query = Ascii("&&=&x&info_hash=12345678901234567890&peer_id=12345678901234567890&port=1&numwant=lots&key=zz&ip=a.b&uploaded=-&event=paused&foo=bar&");
        Assert.True(HttpTrackerQuery.TryReadAnnounce(query, out var read, out _));
        Assert.Equal((-1, 0u, AnnounceEvent.None, PeerAddressKind.None), (read.WantedPeerCount, read.Key, read.Event, read.Address.Kind));
    }

    [Fact]
    public void Reading_an_announce_and_writing_the_answer_allocate_nothing()
    {
        var query = Query(HttpTrackerQuery.AppendAnnounce("/announce", Request));
        var peers = new byte[1200];
        var reply = new byte[16_384];
        var answer = new AnnounceAnswer(600, 60, 1, 2, 3, PeerAddressKind.IPv4, 200);
        long Work()
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < 100; i++)
            {
                HttpTrackerQuery.TryReadAnnounce(query, out _, out _);
                HttpTrackerReply.WriteAnnounce(reply, answer, peers, isCompact: i % 2 == 0, PeerAddress.FromBytes([1, 2, 3, 4], 0));
                HttpTrackerReply.WriteFailure(reply, "no", 30);
            }

            return GC.GetAllocatedBytesForCurrentThread() - before;
        }

        Work();
        Assert.Equal(0, Work());
    }

    [Theory]
    [InlineData("http://t/announce", "http://t/scrape?info_hash=")]
    [InlineData("http://t/x/announce.php?k=1", "http://t/x/scrape.php?k=1&info_hash=")]
    [InlineData("http://t/announcements/a", null)]
    [InlineData("http://t/a?x=/announce", null)]
    public void The_scrape_url_follows_the_convention(string announce, string? expected)
    {
        var url = HttpTrackerQuery.TryMakeScrapeUrl(announce, [Hash]);
        Assert.Equal(expected, url?[..(url.IndexOf("info_hash=", StringComparison.Ordinal) + 10)]);
        if (url is not null)
        {
            ReadOnlySpan<byte> query = Query(url);
            Assert.True(HttpTrackerQuery.TryReadNextScrapeHash(ref query, out var read));
            Assert.Equal(Hash, read);
            Assert.False(HttpTrackerQuery.TryReadNextScrapeHash(ref query, out _));
        }
    }

    [Theory]
    [InlineData(PeerAddressKind.IPv4, true, "d8:completei4e10:downloadedi6e11:external ip4:\u0001\u0002\u0003\u000410:incompletei5e8:intervali600e12:min intervali60e5:peers12:\n\u0000\u0000\u0001\u0000\u0001\n\u0000\u0000\u0002\u0000\u0002e")]
    [InlineData(PeerAddressKind.IPv4, false, "d8:completei4e10:downloadedi6e11:external ip4:\u0001\u0002\u0003\u000410:incompletei5e8:intervali600e12:min intervali60e5:peersld2:ip8:10.0.0.14:porti1eed2:ip8:10.0.0.24:porti2eeee")]
    [InlineData(PeerAddressKind.IPv6, false, "d8:completei4e10:downloadedi6e11:external ip4:\u0001\u0002\u0003\u000410:incompletei5e8:intervali600e12:min intervali60e5:peersld2:ip20:2001:db8:0:0:0:0:0:14:porti1eed2:ip20:2001:db8:0:0:0:0:0:24:porti2eeee")]
    [InlineData(PeerAddressKind.IPv6, true, null)]
    public void An_answer_is_written_sorted_and_read_back(PeerAddressKind kind, bool isCompact, string? expected)
    {
        PeerAddress[] peers = [.. Enumerable.Range(1, 2).Select(i => PeerAddress.From(IPAddress.Parse(kind == PeerAddressKind.IPv6 ? $"2001:db8::{i}" : $"10.0.0.{i}"), i))];
        var list = new byte[64];
        var at = 0;
        foreach (var peer in peers)
        {
            at += peer.WriteCompact(list.AsSpan(at));
        }

        var bytes = new byte[1000];
        var external = PeerAddress.FromBytes([1, 2, 3, 4], 0);
        var length = HttpTrackerReply.WriteAnnounce(bytes, new AnnounceAnswer(600, 60, 4, 5, 6, kind, 2), list, isCompact, external);
        Assert.Equal(expected ?? Encoding.Latin1.GetString(bytes, 0, length), Encoding.Latin1.GetString(bytes, 0, length));
        Assert.True(length <= HttpTrackerReply.MaximumHeadLength + (2 * HttpTrackerReply.MaximumPeerLength));
        var reply = HttpTrackerReplyReader.ReadAnnounce(bytes.AsSpan(0, length));
        Assert.Null(reply.Failure);
        Assert.Equal(peers, reply.Peers);
        Assert.Equal((4, 5, TimeSpan.FromMinutes(10), TimeSpan.FromMinutes(1)), (reply.SeederCount, reply.LeecherCount, reply.Interval, reply.MinimumInterval));
        Assert.Equal(external, reply.ExternalAddress);
        for (var cut = 0; cut < length; cut++)
        {
            Assert.NotNull(HttpTrackerReplyReader.ReadAnnounce(bytes.AsSpan(0, cut)).Failure);
        }
    }

    [Theory]
    [InlineData("d14:failure reason4:nope8:retry in5:nevere", "nope", false, -1)]
    [InlineData("d14:failure reason4:nope8:retry ini5ee", "nope", true, 5)]
    [InlineData("d8:retry in2:3014:failure reason4:nopee", "nope", true, 30)]
    [InlineData("d14:failure reason4:nopee", "nope", false, 0)]
    [InlineData("<html>404</html>", "answered with HTML, not bencode", false, 0)]
    [InlineData("\r\n <!doctype html>", "answered with HTML, not bencode", false, 0)]
    [InlineData("", "answered with nothing", false, 0)]
    [InlineData("hello", "answered with something that is not bencode", false, 0)]
    [InlineData("de", "answered with neither peers nor an interval", false, 0)]
    public void A_refusal_is_read_with_when_to_try_again(string text, string reason, bool isTemporary, int minutes)
    {
        var failure = HttpTrackerReplyReader.ReadAnnounce(Ascii(text)).Failure;
        Assert.Equal(reason, failure?.Text);
        Assert.Equal(isTemporary, failure?.IsTemporary);
        Assert.Equal(minutes switch { -1 => TimeSpan.MaxValue, 0 => null, _ => TimeSpan.FromMinutes(minutes) }, failure?.RetryAfter);
    }

    [Fact]
    public void Unsorted_answers_of_strange_trackers_are_read()
    {
        var reply = HttpTrackerReplyReader.ReadAnnounce(Ascii(
            "d5:peersld4:porti80e2:ip9:127.0.0.17:peer id2:xxed2:ip11:example.org4:porti1eed2:ip3:::14:porti0eee8:intervali-5e10:tracker id2:ab15:warning message3:old1:zi1ee"));
        Assert.Null(reply.Failure);
        Assert.Equal([PeerAddress.From(IPAddress.Loopback, 80)], reply.Peers);
        Assert.Equal((TimeSpan.Zero, "ab", "old"), (reply.Interval, reply.TrackerId, reply.Warning));
    }

    [Fact]
    public void Bytes_after_the_answer_do_no_harm() =>
        Assert.Null(HttpTrackerReplyReader.ReadAnnounce("d8:intervali1e5:peers0:e\r\n"u8).Failure);

    [Fact]
    public void A_compact_list_of_odd_length_is_refused_with_its_place() =>
        Assert.Contains("offset 24", HttpTrackerReplyReader.ReadAnnounce("d8:intervali1800e5:peers5:abcdee"u8).FailureReason, StringComparison.Ordinal);

    [Fact]
    public void A_scrape_answer_is_read_back()
    {
        var bytes = new byte[1000];
        var length = HttpTrackerReply.WriteScrapeStart(bytes);
        length += HttpTrackerReply.WriteScrapeEntry(bytes.AsSpan(length), Hash, new SwarmCounts(1, int.MaxValue, 3));
        length += HttpTrackerReply.WriteScrapeEnd(bytes.AsSpan(length));
        var reply = HttpTrackerReplyReader.ReadScrape(bytes.AsSpan(0, length));
        Assert.Null(reply.Failure);
        Assert.Equal(new SwarmCounts(1, int.MaxValue, 3), reply.Swarms[Hash]);
        for (var cut = 0; cut < length; cut++)
        {
            Assert.NotNull(HttpTrackerReplyReader.ReadScrape(bytes.AsSpan(0, cut)).Failure);
        }
    }

    [Fact]
    public void No_bytes_throw()
    {
        byte[] seed = [.. "d8:completei4e8:intervali600e5:peersld2:ip8:10.0.0.14:porti1eee6:peers618:0123456789abcdef\u0000\u0001e"u8];
        Prop.ForAll(ArbMap.Default.ArbFor<(byte[] Noise, int Seed)>(), input =>
        {
            var random = new Random(input.Seed);
            var bytes = seed.ToArray();
            for (var i = 0; i < 3; i++)
            {
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            }

            foreach (var some in new[] { bytes, input.Noise ?? [] })
            {
                HttpTrackerReplyReader.ReadAnnounce(some);
                HttpTrackerReplyReader.ReadScrape(some);
                HttpTrackerQuery.TryReadAnnounce(some, out _, out _);
                ReadOnlySpan<byte> query = some;
                while (HttpTrackerQuery.TryReadNextScrapeHash(ref query, out _))
                {
                }

                UdpTrackerCodec.TryReadHeader(some, out _, out _, out _);
                UdpTrackerCodec.TryReadAnnounceRequest(some, out _);
                UdpTrackerCodec.TryReadAnnounceReply(some, isIPv6: true, out _);
                UdpTrackerCodec.TryReadScrapeReply(some, [Hash], out _);
                UdpTrackerCodec.TryReadError(some, out _);
            }

            return true;
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(2000));
    }
}
