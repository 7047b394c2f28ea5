using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Time.Testing;
using Shoal.Protocol;
using Shoal.Protocol.Trackers;
using Shoal.Sockets.Trackers;
using Shoal.Tracker.Catalogue;

namespace Shoal.Tracker.Tests;

/// <summary>How many clients a tracker serves at a time, and how often each may ask.</summary>
public sealed class LimitTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Who_asks_too_often_is_told_when_to_come_again_and_nobody_else_suffers()
    {
        using var place = new Workplace();
        var clock = new FakeTimeProvider();
        await using var tracker = await TrackerServer.StartAsync(
            new TrackerOptions
            {
                BindAddress = IPAddress.Loopback, Port = 0, UdpThreadCount = 1, MaximumRequestRate = 2, TrustedProxies = [IPNetwork.Parse("127.0.0.1/32")],
                Catalogue = new CatalogueOptions { Folder = place.At("catalogue") },
            },
            timeProvider: clock,
            cancellationToken: Cancel);
        using var http = new HttpClient { BaseAddress = new Uri(tracker.AnnounceUrl, "/") };
        Assert.Equal("200 200 200 200 200 200 200 200 200 200 429", await AskAsync("2001:db8:1:2::1", 11));
        using (var refused = await http.SendAsync(Request("/", "2001:db8:1:2::1"), Cancel))
        {
            Assert.Equal("1", refused.Headers.RetryAfter?.ToString());
            Assert.Equal("{\"error\":\"your address asks more often than this tracker allows; come again in a second\"}", await refused.Content.ReadAsStringAsync(Cancel));
        }

        Assert.Equal("429", await AskAsync("2001:db8:1:2:ffff::9", 1));        // the same customer
        Assert.Equal("200", await AskAsync("2001:db8:1:3::1", 1));             // another
        Assert.Equal("200", await AskAsync("203.0.113.9", 1));
        Assert.Equal(string.Join(' ', Enumerable.Repeat(200, 30)), await AskAsync(null, 30));    // this machine
        var infoHash = TrackerProbe(Announces.SomeInfoHash());
        using (var announced = await http.SendAsync(Request($"/announce?info_hash={infoHash}&peer_id=-XX0000-000000000000&port=5&left=1&compact=1", "2001:db8:1:2::1"), Cancel))
        {
            Assert.Null(HttpTrackerReplyReader.ReadAnnounce(await announced.Content.ReadAsByteArrayAsync(Cancel)).Failure);
        }

        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("200 200 429", await AskAsync("2001:db8:1:2::1", 3));
        var metrics = Exposition.Parse(await http.GetStringAsync("/metrics", Cancel));
        Assert.Equal(4, metrics["shoal_http_turned_away_total{reason=\"too_many_requests\"}"]);

        async Task<string> AskAsync(string? from, int count)
        {
            var statuses = new int[count];
            for (var i = 0; i < count; i++)
            {
                using var response = await http.SendAsync(Request(i % 2 == 0 ? "/api/v1/names" : "/stats", from), Cancel);
                statuses[i] = (int)response.StatusCode;
            }

            return string.Join(' ', statuses);
        }
    }

    [Fact]
    public void A_crowd_of_addresses_takes_no_more_memory_and_leaves_those_alone_who_go_on_asking()
    {
        var clock = new FakeTimeProvider();
        var rates = new RequestRates(1, clock);
        var busy = PeerAddress.From(IPAddress.Parse("203.0.113.9"), 0);
        for (var i = 0; i < RequestRates.BurstSeconds; i++)
        {
            Assert.True(rates.TryTake(busy));
        }

        for (var i = 0; i < 200_000; i++)
        {
            clock.Advance(TimeSpan.FromTicks(1));
            Assert.True(rates.TryTake(PeerAddress.From(new IPAddress([10, (byte)(i >> 16), (byte)(i >> 8), (byte)i]), 0)));
            Assert.False(i % 100 == 0 && rates.TryTake(busy));
        }
    }

    [Fact]
    public async Task A_client_too_many_hears_so_and_is_served_when_another_leaves()
    {
        await using var tracker = await TrackerServer.StartAsync(
            new TrackerOptions { BindAddress = IPAddress.Loopback, Port = 0, UdpThreadCount = 1, MaximumConnectionCount = 1 }, cancellationToken: Cancel);
        var first = await KeepConnectionAsync(tracker);
        using var http = new HttpClient { BaseAddress = new Uri(tracker.AnnounceUrl, "/") };
        using (var refused = await http.GetAsync("/stats", Cancel))
        {
            Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
            Assert.Equal("30", refused.Headers.RetryAfter?.ToString());
            Assert.Equal("{\"error\":\"this tracker has as many clients as it allows; come again later\"}", await refused.Content.ReadAsStringAsync(Cancel));
        }

        var query = $"/announce?info_hash={TrackerProbe(Announces.SomeInfoHash())}&peer_id=-XX0000-000000000000&port=5&left=1&compact=1";
        var kept = HttpTrackerReplyReader.ReadAnnounce(await http.GetByteArrayAsync(query, Cancel));
        Assert.Equal("this tracker has as many clients as it allows; come again later", kept.Failure?.Text);
        Assert.Equal(TimeSpan.FromMinutes(1), kept.Failure?.RetryAfter);
        Assert.Equal("ok\n", await http.GetStringAsync("/healthz", Cancel));

        // What holds nothing is answered.
        using var client = new TrackerClient();
        Assert.Null((await client.AnnounceAsync(tracker.UdpAnnounceUrl, Announces.From(Announces.SomeInfoHash(), 1), Cancel)).Failure);
        first.Dispose();
        while ((await http.GetAsync("/stats", Cancel)).StatusCode == HttpStatusCode.ServiceUnavailable)
        {
            // Until the tracker has seen it leave.
        }
    }

    private static async Task<Socket> KeepConnectionAsync(TrackerServer tracker)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(tracker.EndPoint, Cancel);
        await socket.SendAsync("GET /stats HTTP/1.1\r\nHost: x\r\n\r\n"u8.ToArray(), Cancel);
        var buffer = new byte[4096];
        var length = await socket.ReceiveAsync(buffer, Cancel);
        Assert.StartsWith("HTTP/1.1 200", Encoding.ASCII.GetString(buffer, 0, length), StringComparison.Ordinal);
        return socket;
    }

    private static string TrackerProbe(InfoHash infoHash) => Interop.Foreign.TrackerProbe.Escape(infoHash.ToString());

    private static HttpRequestMessage Request(string path, string? from)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, path);
        if (from is not null)
        {
            request.Headers.Add("X-Forwarded-For", from);
        }

        return request;
    }
}
