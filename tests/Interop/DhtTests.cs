using System.Diagnostics;
using System.Net;
using System.Text.Json.Nodes;
using Shoal.Interop.Foreign;
using Shoal.Sockets.Dht;

namespace Shoal.Interop;

/// <summary>
/// Peers that know nothing but the info-hash and one node of a DHT (BEP 5): no tracker, no address of each other, and a wire that carries no
/// multicast.
/// </summary>
public sealed class DhtTests
{
    private const int NodeCount = 30;
    private const int NodePort = 6881;

    [Fact]
    public async Task Two_of_ours_find_each_other_among_thirty_nodes()
    {
        Need.Lan();
        await using var scenario = new Scenario();
        using var lan = new Lan(3, LanFamilies.IPv4, carriesMulticast: false);
        var nodes = new List<DhtClient>();
        try
        {
            await scenario.RunAsync(async () =>
            {
                await lan.Hosts[2].Thread.RunAsync(() => StartNodesAsync(nodes, scenario.Cancellation));
                var infoHash = await ShareAsync(scenario, lan.Hosts[0], NodeAddress(1));
                await GetAsync(scenario, lan.Hosts[1], infoHash, NodeAddress(NodeCount - 1));
                AssertArrived(scenario);
            });
        }
        finally
        {
            await Task.WhenAll(nodes.Select(node => node.DisposeAsync().AsTask()));
        }
    }

    [Fact]
    public async Task Aria2_finds_us_and_is_found_among_thirty_nodes_of_ours()
    {
        Need.Lan();
        Need.Installed(Client.Aria2);
        await using var scenario = new Scenario();
        using var lan = new Lan(5, LanFamilies.IPv4, carriesMulticast: false);
        var nodes = new List<DhtClient>();
        try
        {
            await scenario.RunAsync(async () =>
            {
                await lan.Hosts[2].Thread.RunAsync(() => StartNodesAsync(nodes, scenario.Cancellation));
                await Task.WhenAll(Aria2FindsAsync(scenario, lan), Aria2IsFoundAsync(scenario, lan));
            });
        }
        finally
        {
            await Task.WhenAll(nodes.Select(node => node.DisposeAsync().AsTask()));
        }
    }

    [Theory]
    [InlineData(nameof(LanFamilies.IPv4))]
    [InlineData(nameof(LanFamilies.IPv6))]
    public async Task We_get_what_libtorrent_announces_among_its_own_nodes(string families)
    {
        Need.Lan();
        Need.Installed(Client.Libtorrent);
        await using var scenario = new Scenario(boundSeconds: 60);
        using var lan = NewLan(families);
        await scenario.RunAsync(async () =>
        {
            var torrent = TestTorrent.Create(Make(scenario), scenario.Scratch.File("x.torrent"));
            await StartLibtorrentNodesAsync(scenario, lan);
            // It connects to nobody: it must be found.
            var seeder = await LibtorrentAsync(scenario, lan.Hosts[1], lan.Hosts[2], new() { ["enable_outgoing_tcp"] = false });
            await seeder.SeedAsync(torrent.File, scenario.Source, scenario.Cancellation);
            await GetAsync(scenario, lan.Hosts[0], torrent.InfoHash, NodeOn(lan.Hosts[2]));
            AssertArrived(scenario);
        });
    }

    [Theory]
    [InlineData(nameof(LanFamilies.IPv4))]
    [InlineData(nameof(LanFamilies.IPv6))]
    public async Task Libtorrent_gets_what_we_announce_among_its_own_nodes(string families)
    {
        Need.Lan();
        Need.Installed(Client.Libtorrent);
        await using var scenario = new Scenario(boundSeconds: 60);
        using var lan = NewLan(families);
        await scenario.RunAsync(async () =>
        {
            await StartLibtorrentNodesAsync(scenario, lan);
            var infoHash = await ShareAsync(scenario, lan.Hosts[0], NodeOn(lan.Hosts[2]));
            // Nobody gets through to it: it must find.
            var leecher = await LibtorrentAsync(scenario, lan.Hosts[1], lan.Hosts[2], new() { ["enable_incoming_tcp"] = false });
            await leecher.LeechAsync(TorrentGiven.OfMagnet(Link(infoHash)), scenario.Scratch.Folder("target"), scenario.Cancellation);
            await leecher.WaitUntilCompleteAsync(scenario.Cancellation);
            AssertArrived(scenario);
        });
    }

    private static async Task Aria2FindsAsync(Scenario scenario, Lan lan)
    {
        var infoHash = await ShareAsync(scenario, lan.Hosts[0], NodeAddress(1));
        var leecher = scenario.Join(await Aria2Peer.OnAsync(lan.Hosts[1], scenario.Cancellation, $"--dht-entry-point={NodeAddress(2)}"));
        await leecher.LeechAsync(TorrentGiven.OfMagnet(Link(infoHash)), scenario.Scratch.Folder("target"), scenario.Cancellation);
        await leecher.WaitUntilCompleteAsync(scenario.Cancellation);
        AssertArrived(scenario);
    }

    private static async Task Aria2IsFoundAsync(Scenario scenario, Lan lan)
    {
        var there = scenario.Scratch.Folder("there");
        var path = Payload.Write(Path.Combine(there, "theirs.bin"), 4L * Payload.MiB, seed: 2);
        var torrent = TestTorrent.Create(path, scenario.Scratch.File("theirs.torrent"));
        var seeder = scenario.Join(await Aria2Peer.OnAsync(lan.Hosts[3], scenario.Cancellation, $"--dht-entry-point={NodeAddress(3)}"));
        await seeder.SeedAsync(torrent.File, there, scenario.Cancellation);
        await GetAsync(scenario, lan.Hosts[4], torrent.InfoHash, NodeAddress(4));
        Scenario.AssertSame(path, Path.Combine(scenario.Scratch.File("target"), "theirs.bin"));
    }

    // On addresses of their own, since one address may ask only so much and has one place in a lookup.
    private static async Task StartNodesAsync(List<DhtClient> nodes, CancellationToken cancellation)
    {
        using (var route = Process.Start("ip", ["route", "add", "local", "10.77.1.0/24", "dev", "lo"]))
        {
            await route.WaitForExitAsync(cancellation);
        }

        for (var number = 0; number < NodeCount; number++)
        {
            nodes.Add(new DhtClient(new DhtClientOptions
            {
                BindAddress = IPEndPoint.Parse(NodeAddress(number)).Address,
                Port = NodePort,
                Bootstrap = number == 0 ? [] : [new DnsEndPoint(NodeAddress(number / 2).Split(':')[0], NodePort)],
            }));
        }

        // Whom one of the others answered has joined.
        while (nodes.Any(node => node.Status[0].Status.NodeCount == 0))
        {
            await Task.Delay(50, cancellation);
        }
    }

    // IPv6 cannot do without multicast; libtorrent takes no part in local discovery here.
    private static Lan NewLan(string families) => new(4, Enum.Parse<LanFamilies>(families), carriesMulticast: families != nameof(LanFamilies.IPv4));

    private static string NodeOn(LanHost host) => new IPEndPoint(host.Addresses.Single(), NodePort).ToString();

    private static string NodeAddress(int number) => $"10.77.1.{number + 1}:{NodePort}";

    // Two that take no part in the transfer. Where libtorrent begins it keeps no place for in its table, so all the others begin at one.
    private static async Task StartLibtorrentNodesAsync(Scenario scenario, Lan lan)
    {
        await LibtorrentAsync(scenario, lan.Hosts[2], lan.Hosts[3], []);
        await LibtorrentAsync(scenario, lan.Hosts[3], lan.Hosts[2], []);
    }

    private static async Task<LibtorrentPeer> LibtorrentAsync(Scenario scenario, LanHost host, LanHost known, JsonObject settings)
    {
        settings["dht_bootstrap_nodes"] = NodeOn(known);
        settings["dht_announce_interval"] = 3;
        // Its guards against many nodes in few hands would throw out a network as small as this.
        settings["dht_restrict_routing_ips"] = false;
        settings["dht_restrict_search_ips"] = false;
        settings["dht_prefer_verified_node_ids"] = false;
        settings["dht_ignore_dark_internet"] = false;
        return scenario.Join(await LibtorrentPeer.OnAsync(host, scenario.Cancellation, ["dht"], settings));
    }

    private static async Task<string> ShareAsync(Scenario scenario, LanHost host, string node)
    {
        var share = scenario.Join(await ShoalProcess.OnAsync(
            host, scenario.Scratch.Folder("share"), "share", Make(scenario), "--public", "--dht-bootstrap", node));
        await share.SeedingAsync(scenario.Cancellation);
        return (await share.EventAsync("torrent", scenario.Cancellation))["infoHash"]!.GetValue<string>();
    }

    private static async Task GetAsync(Scenario scenario, LanHost host, string infoHash, string node)
    {
        var get = scenario.Join(await ShoalProcess.OnAsync(
            host, scenario.Scratch.Folder("get"), "get", Link(infoHash), "--to", scenario.Scratch.Folder("target"), "--dht-bootstrap", node));
        await get.SucceedAsync(scenario.Cancellation);
    }

    private static string Link(string infoHash) => $"magnet:?xt=urn:btih:{infoHash}";

    private static string Make(Scenario scenario) => Payload.Write(Path.Combine(scenario.Source, "found far away.bin"), 4L * Payload.MiB);

    private static void AssertArrived(Scenario scenario) => Scenario.AssertSame(
        Path.Combine(scenario.Source, "found far away.bin"), Path.Combine(scenario.Scratch.File("target"), "found far away.bin"));
}
