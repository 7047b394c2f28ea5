using System.Net;
using System.Net.Sockets;
using Shoal.Protocol;
using Shoal.Protocol.Trackers;
using Shoal.Sockets.Trackers;

namespace Shoal.Tracker.Tests;

/// <summary>Our server and our clients, over real sockets.</summary>
public sealed class TrackerServerTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static TheoryData<string, bool> Transports => new()
    {
        { "127.0.0.1", false }, { "127.0.0.1", true }, { "::1", false }, { "::1", true },
    };

    private static Task<TrackerServer> StartAsync(string address, Func<TrackerOptions, TrackerOptions>? change = null)
    {
        var options = new TrackerOptions { BindAddress = IPAddress.Parse(address), Port = 0 };
        return TrackerServer.StartAsync(change?.Invoke(options) ?? options, cancellationToken: Cancel);
    }

    private static Uri UrlOf(TrackerServer server, bool udp) => udp ? server.UdpAnnounceUrl : server.AnnounceUrl;

    [Theory]
    [MemberData(nameof(Transports))]
    public async Task Two_peers_hear_of_each_other_and_not_of_themselves(string address, bool udp)
    {
        await using var server = await StartAsync(address);
        using var client = new TrackerClient();
        var infoHash = Announces.SomeInfoHash();
        var first = await client.AnnounceAsync(UrlOf(server, udp), Announces.From(infoHash, 1001, left: 0), Cancel);
        var second = await client.AnnounceAsync(UrlOf(server, udp), Announces.From(infoHash, 1002), Cancel);

        Assert.Null(first.Failure);
        Assert.Null(second.Failure);
        Assert.Empty(first.Peers);
        Assert.Equal([PeerAddress.From(IPAddress.Parse(address), 1001)], second.Peers);
        Assert.Equal(1, second.SeederCount);
        Assert.Equal(1, second.LeecherCount);
        Assert.InRange(second.Interval, TimeSpan.FromMinutes(10), TimeSpan.FromMinutes(11.25));
    }

    [Theory]
    [MemberData(nameof(Transports))]
    public async Task A_scrape_tells_seeders_leechers_and_downloads(string address, bool udp)
    {
        await using var server = await StartAsync(address);
        using var client = new TrackerClient();
        InfoHash[] swarms = [Announces.SomeInfoHash(), Announces.SomeInfoHash()];
        await client.AnnounceAsync(UrlOf(server, udp), Announces.From(swarms[0], 1, left: 0, AnnounceEvent.Completed), Cancel);
        await client.AnnounceAsync(UrlOf(server, udp), Announces.From(swarms[0], 2), Cancel);
        await client.AnnounceAsync(UrlOf(server, udp), Announces.From(swarms[0], 3), Cancel);
        var reply = await client.ScrapeAsync(UrlOf(server, udp), swarms, Cancel);

        Assert.Null(reply.Failure);
        Assert.Equal(new SwarmCounts(1, 2, 1), reply.Swarms[swarms[0]]);
        Assert.Equal(default, reply.Swarms[swarms[1]]);
    }

    [Fact]
    public async Task Http_and_udp_share_port_and_swarms()
    {
        await using var server = await StartAsync("127.0.0.1");
        using var client = new TrackerClient();
        var infoHash = Announces.SomeInfoHash();
        Assert.Equal(server.AnnounceUrl.Port, server.UdpAnnounceUrl.Port);
        await client.AnnounceAsync(server.AnnounceUrl, Announces.From(infoHash, 1001), Cancel);
        var reply = await client.AnnounceAsync(server.UdpAnnounceUrl, Announces.From(infoHash, 1002), Cancel);
        Assert.Equal(1001, Assert.Single(reply.Peers).Port);
        Assert.Equal(2, server.Stats.Peers);
    }

    [Fact]
    public async Task A_tracker_at_all_addresses_serves_both_families()
    {
        await using var server = await StartAsync("::");
        using var client = new TrackerClient();
        var infoHash = Announces.SomeInfoHash();
        foreach (var host in new[] { "127.0.0.1", "[::1]" })
        {
            var udp = await client.AnnounceAsync(new Uri($"udp://{host}:{server.EndPoint.Port}"), Announces.From(infoHash, 1001), Cancel);
            var http = await client.AnnounceAsync(new Uri($"http://{host}:{server.EndPoint.Port}/announce"), Announces.From(infoHash, 1002), Cancel);
            Assert.Null(udp.Failure);
            Assert.Equal(PeerAddress.From(IPAddress.Parse(host.Trim('[', ']')), 1001), Assert.Single(http.Peers));
        }

        Assert.Equal(4, server.Stats.Peers);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_port_in_use_is_one_clear_line(bool udp)
    {
        using var taken = new Socket(AddressFamily.InterNetwork, udp ? SocketType.Dgram : SocketType.Stream, udp ? ProtocolType.Udp : ProtocolType.Tcp);
        taken.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        if (!udp)
        {
            taken.Listen();
        }

        var port = ((IPEndPoint)taken.LocalEndPoint!).Port;
        var error = await Assert.ThrowsAsync<TrackerStartException>(() => StartAsync("127.0.0.1", o => o with { Port = port, UdpThreadCount = 2 }));
        Assert.Equal($"the tracker cannot start: {(udp ? "UDP" : "TCP")} port {port} on 127.0.0.1 is in use", error.Message);
    }

    [Fact]
    public async Task A_second_tracker_on_the_port_of_a_first_is_refused()
    {
        await using var first = await StartAsync("127.0.0.1", o => o with { UdpThreadCount = 2 });
        await Assert.ThrowsAsync<TrackerStartException>(() => StartAsync("127.0.0.1", o => o with { Port = first.EndPoint.Port, UdpThreadCount = 2 }));
    }

    [Fact]
    public async Task A_port_can_be_used_again_at_once_after_a_tracker()
    {
        var first = await StartAsync("127.0.0.1");
        using (var client = new TrackerClient())
        {
            await client.AnnounceAsync(first.AnnounceUrl, Announces.From(Announces.SomeInfoHash(), 1), Cancel);
        }

        await first.DisposeAsync();
        await using var second = await StartAsync("127.0.0.1", o => o with { Port = first.EndPoint.Port });
        Assert.Equal(first.EndPoint, second.EndPoint);
    }

    [Fact]
    public async Task Several_udp_threads_share_the_port()
    {
        await using var server = await StartAsync("127.0.0.1", o => o with { UdpThreadCount = 3 });
        var infoHash = Announces.SomeInfoHash();
        for (ushort port = 1; port <= 20; port++)
        {
            Assert.Null((await new UdpTrackerClient().AnnounceAsync(server.UdpAnnounceUrl, Announces.From(infoHash, port), Cancel)).Failure);
        }

        Assert.Equal(20, server.Stats.Peers);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Lists_and_limits_refuse_with_a_reason(bool udp)
    {
        var denied = Announces.SomeInfoHash();
        await using var server = await StartAsync("127.0.0.1", o => o with { MaximumSwarmCount = 1, DeniedInfoHashes = new HashSet<InfoHash> { denied } });
        using var client = new TrackerClient();
        var url = UrlOf(server, udp);
        Assert.Equal($"tracker {url} refused: this tracker does not serve this info-hash", (await client.AnnounceAsync(url, Announces.From(denied, 1), Cancel)).FailureReason);
        Assert.Null((await client.AnnounceAsync(url, Announces.From(Announces.SomeInfoHash(), 1), Cancel)).Failure);
        var full = await client.AnnounceAsync(url, Announces.From(Announces.SomeInfoHash(), 1), Cancel);
        Assert.Equal($"tracker {url} refused: this tracker is full: too many swarms", full.FailureReason);
        Assert.Equal(udp ? null : TimeSpan.FromMinutes(30), full.Failure!.RetryAfter);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Peers_on_the_trackers_machine_are_named_by_the_address_to_advertise(bool udp)
    {
        await using var server = await StartAsync("127.0.0.1", o => o with { AdvertiseAddress = IPAddress.Parse("192.0.2.7") });
        using var client = new TrackerClient();
        var infoHash = Announces.SomeInfoHash();
        await client.AnnounceAsync(UrlOf(server, udp), Announces.From(infoHash, 1001), Cancel);
        var claimed = PeerAddress.From(IPAddress.Parse("198.51.100.9"), 0);
        var reply = await client.AnnounceAsync(UrlOf(server, udp), Announces.From(infoHash, 1002) with { Address = claimed }, Cancel);
        Assert.Equal([PeerAddress.From(IPAddress.Parse("192.0.2.7"), 1001)], reply.Peers);
        reply = await client.AnnounceAsync(UrlOf(server, udp), Announces.From(infoHash, 1003), Cancel);
        Assert.Contains(claimed.WithPort(1002), reply.Peers);
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "HTTP/1.1 200", "A BitTorrent tracker by Shoal")]
    [InlineData("GET /stats HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "HTTP/1.1 200", "{\"swarms\":0,\"peers\":0,")]
    [InlineData("GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "HTTP/1.1 404", "not found")]
    [InlineData("POST /announce HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 405", "")]
    [InlineData("HEAD /announce HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "HTTP/1.1 200", "Content-Length: 42")]
    [InlineData("GET /announce?a=b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "HTTP/1.1 200", "d14:failure reason20:info_hash is missinge")]
    [InlineData("GET /announce?a=b HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 200", "d14:failure reason20:info_hash is missinge")]
    [InlineData("GET /announce?a=b HTTP/1.0\r\n\r\n", "HTTP/1.1 200", "d14:failure reason20:info_hash is missinge")]
    [InlineData("GET /scrape?a=b HTTP/1.0\r\n\r\n", "HTTP/1.1 200", "the scrape names no info_hash")]
    [InlineData("GET /announce?a=b HTTP/1.1\r\nConnection: close\r\n\r\n", "HTTP/1.1 400", "")]
    [InlineData("\u0013BitTorrent protocol\r\n\r\n", "HTTP/1.1 400", "")]
    public async Task Http_requests_get_what_they_deserve(string request, string status, string body)
    {
        await using var server = await StartAsync("127.0.0.1");

        // In one piece, and byte by byte: one that comes at once may take the short cut, one that dribbles in cannot.
        foreach (var step in new[] { request.Length, 1 })
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            await socket.ConnectAsync(server.EndPoint, Cancel);
            var bytes = System.Text.Encoding.Latin1.GetBytes(request);
            for (var i = 0; i < bytes.Length; i += step)
            {
                await socket.SendAsync(bytes.AsMemory(i, step), Cancel);
            }

            using var stream = new NetworkStream(socket);
            var answer = await new StreamReader(stream).ReadToEndAsync(Cancel);
            Assert.StartsWith(status, answer, StringComparison.Ordinal);
            Assert.Contains(body, answer, StringComparison.Ordinal);
        }
    }
}
