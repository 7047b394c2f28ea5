using System.Net;
using Shoal.Engine;
using Shoal.Protocol;
using Shoal.Protocol.Trackers;

namespace Shoal.Tracker.Tests;

/// <summary>Who is answered by UDP, and how much.</summary>
public sealed class UdpResponderTests
{
    private static readonly PeerAddress Alice = PeerAddress.From(IPAddress.Parse("10.0.0.1"), 5000);
    private static readonly PeerAddress Mallory = PeerAddress.From(IPAddress.Parse("10.0.0.2"), 5000);

    private readonly byte[] _packet = new byte[2048];
    private readonly byte[] _reply = new byte[2048];

    private static UdpResponder Responder(ulong key = 1) =>
        new(new TrackerShards(new TrackerOptions(), TimeProvider.System, static () => 1), new ConnectionIds(key, 2));

    private static Instant At(int seconds) => Instant.Zero + TimeSpan.FromSeconds(seconds);

    private ulong Connect(UdpResponder responder, PeerAddress source, Instant now)
    {
        var length = responder.Answer(now, _packet.AsSpan(0, UdpTrackerCodec.WriteConnectRequest(_packet, 5)), source, _reply);
        Assert.Equal(UdpTrackerCodec.ConnectLength, length);
        Assert.True(UdpTrackerCodec.TryReadConnectReply(_reply, out var id));
        return id;
    }

    private int Announce(UdpResponder responder, ulong id, PeerAddress source, Instant now, ushort port = 1001, InfoHash infoHash = default)
    {
        var length = UdpTrackerCodec.WriteAnnounceRequest(_packet, id, 6, Announces.From(infoHash, port) with { WantedPeerCount = 1000 });
        return responder.Answer(now, _packet.AsSpan(0, length), source, _reply);
    }

    [Fact]
    public void A_connection_id_is_good_for_a_minute_from_its_own_address_only()
    {
        var responder = Responder();
        var id = Connect(responder, Alice, At(1000));
        Assert.True(Announce(responder, id, Alice, At(1060)) > 0);
        Assert.True(Announce(responder, id, Alice.WithPort(9), At(1060)) > 0);
        Assert.Equal(0, Announce(responder, id, Mallory, At(1000)));
        Assert.Equal(0, Announce(responder, id, Alice, At(1129)));
        Assert.Equal(0, Announce(responder, id + 1, Alice, At(1000)));
        Assert.Equal(0, Announce(responder, 0, Alice, At(1000)));
    }

    [Fact]
    public void A_torrent_of_members_is_theirs_who_announce_to_a_URL_with_a_passkey_that_counts()
    {
        var (ours, theirs) = (Passkey.OfToken("ours"), Passkey.OfToken("theirs"));
        var shards = new TrackerShards(new TrackerOptions(), TimeProvider.System, static () => 1)
        {
            Admits = (infoHash, passkey) => infoHash != default || passkey == ours,
        };
        var responder = new UdpResponder(shards, new ConnectionIds(1, 2));
        var id = Connect(responder, Alice, At(0));
        Assert.True(IsRefused($"/{theirs}/announce", Alice));
        Assert.True(IsRefused("/announce", Alice));
        Assert.True(IsRefused("", Alice));
        Assert.Equal(3, shards.Statistics.RefusalCount);
        Assert.False(IsRefused($"/{ours}/announce", Alice));
        Assert.False(IsRefused("", Alice, Announces.SomeInfoHash())); // one that is nobody's
        var here = PeerAddress.From(IPAddress.Loopback, 5000);
        id = Connect(responder, here, At(0));
        Assert.False(IsRefused("", here));

        bool IsRefused(string path, PeerAddress source, InfoHash infoHash = default)
        {
            var length = UdpTrackerCodec.WriteAnnounceRequest(_packet, id, 6, Announces.From(infoHash, 1001), System.Text.Encoding.ASCII.GetBytes(path));
            length = responder.Answer(At(0), _packet.AsSpan(0, length), source, _reply);
            Assert.True(length > 0);
            return UdpTrackerCodec.TryReadError(_reply.AsSpan(0, length), out var text) && text.Contains("members", StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Connection_ids_of_another_key_are_worth_nothing() =>
        Assert.Equal(0, Announce(Responder(key: 2), Connect(Responder(), Alice, At(0)), Alice, At(0)));

    [Fact]
    public void Nothing_is_answered_without_a_valid_id_and_a_connect_is_not_amplified()
    {
        var responder = Responder();
        var random = new Random(3);
        for (var length = 0; length < 200; length++)
        {
            random.NextBytes(_packet);
            Assert.Equal(0, responder.Answer(At(0), _packet.AsSpan(0, length), Alice, _reply));
        }

        UdpTrackerCodec.WriteConnectRequest(_packet, 5);
        for (var length = 0; length < 16; length++)
        {
            Assert.Equal(0, responder.Answer(At(0), _packet.AsSpan(0, length), Alice, _reply));
        }

        Assert.Equal(16, responder.Answer(At(0), _packet.AsSpan(0, 500), Alice, _reply));
    }

    [Theory]
    [InlineData("10.0.0.1", 20 + (200 * 6))]
    [InlineData("2001:db8::1", 20 + (78 * 18))]
    public void An_answer_fits_an_ethernet_frame(string address, int expected)
    {
        var responder = Responder();
        var source = PeerAddress.From(IPAddress.Parse(address), 1);
        var id = Connect(responder, source, At(0));
        var length = 0;
        for (ushort port = 1; port < 400; port++)
        {
            length = Announce(responder, id, source, At(0), port);
        }

        Assert.Equal(expected, length);
    }

    [Fact]
    public void Answering_allocates_nothing()
    {
        var responder = Responder();
        var id = Connect(responder, Alice, At(0));
        var announce = new byte[98];
        UdpTrackerCodec.WriteAnnounceRequest(announce, id, 6, Announces.From(default, 7));
        var scrape = new byte[200];
        var scrapeLength = UdpTrackerCodec.WriteScrapeRequest(scrape, id, 7, [default, default]);
        long Work()
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < 1000; i++)
            {
                responder.Answer(At(0), announce, Alice, _reply);
                responder.Answer(At(0), scrape.AsSpan(0, scrapeLength), Alice, _reply);
                responder.Answer(At(0), _packet.AsSpan(0, 16), Alice, _reply);
            }

            return GC.GetAllocatedBytesForCurrentThread() - before;
        }

        UdpTrackerCodec.WriteConnectRequest(_packet, 1);
        Work();
        Assert.Equal(0, Work());
    }
}
