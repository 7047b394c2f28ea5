using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Nodes;
using Shoal.Interop.Foreign;
using Shoal.Protocol;
using Shoal.Protocol.Trackers;
using Shoal.Sockets.Trackers;

namespace Shoal.Tracker.Tests;

/// <summary>Trackers and clients that nobody here wrote: opentracker, aria2 and libtorrent from Debian.</summary>
public sealed class ForeignTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Opentracker_understands_our_clients(bool udp)
    {
        Assert.SkipWhen(ForeignPrograms.WhyNoOpentracker is not null, ForeignPrograms.WhyNoOpentracker ?? "");
        var infoHash = Announces.SomeInfoHash();
        await using var tracker = await OpentrackerProcess.StartAsync([$"{infoHash}"], Cancel);
        using var client = new TrackerClient();
        var url = new Uri(udp ? tracker.UdpUrl : tracker.HttpUrl);
        Assert.Null((await client.AnnounceAsync(url, Announces.From(infoHash, 1001, left: 0), Cancel)).Failure);
        var reply = await client.AnnounceAsync(url, Announces.From(infoHash, 1002), Cancel);
        Assert.Null(reply.Failure);
        Assert.Contains(PeerAddress.From(IPAddress.Loopback, 1001), reply.Peers);
        Assert.Equal(1, reply.SeederCount);
        var scrape = await client.ScrapeAsync(url, [infoHash], Cancel);
        Assert.Null(scrape.Failure);
        Assert.Equal((1, 1), (scrape.Swarms[infoHash].SeederCount, scrape.Swarms[infoHash].LeecherCount));
        Assert.Null((await client.AnnounceAsync(url, Announces.From(infoHash, 1001, 0, AnnounceEvent.Stopped), Cancel)).Failure);
        Assert.Equal(0, (await client.ScrapeAsync(url, [infoHash], Cancel)).Swarms[infoHash].SeederCount);
    }

    // By HTTP only: it asks UDP trackers with its DHT's socket, so that is for a network of the test's own (Interop).
    [Fact]
    public async Task Aria2_is_seen_by_our_tracker_and_meets_who_is_there()
    {
        Assert.SkipWhen(ForeignPrograms.WhyNoAria2 is not null, ForeignPrograms.WhyNoAria2 ?? "");
        await using var aria2 = await Aria2Peer.StartAsync(Cancel);
        await MeetAsync(aria2, udp: false, IPAddress.Loopback);
    }

    [Theory]
    [InlineData(false, "127.0.0.1")]
    [InlineData(true, "127.0.0.1")]
    [InlineData(false, "::1")]
    public async Task Libtorrent_is_seen_by_our_tracker_and_meets_who_is_there(bool udp, string address)
    {
        Assert.SkipWhen(ForeignPrograms.WhyNoLibtorrent is not null, ForeignPrograms.WhyNoLibtorrent ?? "");
        var settings = new JsonObject
        {
            ["listen_interfaces"] = $"{new IPEndPoint(IPAddress.Parse(address), 0)}", ["outgoing_interfaces"] = address,
        };
        await using var libtorrent = await LibtorrentPeer.StartAsync(Cancel, settings: settings);
        await MeetAsync(libtorrent, udp, IPAddress.Parse(address));
    }

    // Somebody is in the swarm before the foreign client, who is told of them, and they of it.
    private static async Task MeetAsync(IForeignPeer foreign, bool udp, IPAddress address)
    {
        await using var server = await TrackerServer.StartAsync(
            new TrackerOptions { BindAddress = address, Port = 0 }, cancellationToken: Cancel);
        var url = udp ? new Uri($"{server.UdpAnnounceUrl}announce") : server.AnnounceUrl;
        using var somebody = new TcpListener(address, 0);
        somebody.Start();
        var announce = Announces.From(Announces.SomeInfoHash(), (ushort)((IPEndPoint)somebody.LocalEndpoint).Port);
        using var client = new TrackerClient();
        Assert.Empty((await client.AnnounceAsync(url, announce, Cancel)).Peers);

        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        patience.CancelAfter(TimeSpan.FromSeconds(60));
        var folder = Directory.CreateTempSubdirectory("shoal-met-");
        var link = $"magnet:?xt=urn:btih:{announce.InfoHash}&tr={Uri.EscapeDataString(url.ToString())}";
        await foreign.LeechAsync(TorrentGiven.OfMagnet(link), folder.FullName, patience.Token);
        using var met = await somebody.AcceptTcpClientAsync(patience.Token);

        using var http = new HttpClient();
        var stats = await http.GetFromJsonAsync<JsonElement>(new Uri(server.AnnounceUrl, "/stats"), Cancel);
        Assert.Equal(2, stats.GetProperty("peers").GetInt32());
        var told = (await client.AnnounceAsync(url, announce, Cancel)).Peers;
        Assert.Equal(PeerAddress.From(address, foreign.Port), Assert.Single(told));
        folder.Delete(recursive: true);
    }
}
