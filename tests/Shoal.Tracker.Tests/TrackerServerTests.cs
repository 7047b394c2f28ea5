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
}
