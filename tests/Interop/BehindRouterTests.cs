using System.Text.Json.Nodes;
using Shoal.Interop.Foreign;

namespace Shoal.Interop;

/// <summary>
/// Who shares behind a real router (miniupnpd and the kernel's NAT) that lets others in, at another port than the one inside: whoever is outside
/// comes by what the router gave, be it named by a tracker or in the DHT.
/// </summary>
public sealed class BehindRouterTests
{
    private const string Outside = "11.22.33.1:51420";
    private const string OutsideBytes = "0b162101c8dc"; // the same as trackers write it (BEP 23)
    private const string Tracker = "http://11.22.33.9:6969/announce";

    [Fact]
    public async Task Trackers_and_dht_nodes_name_the_port_that_the_router_gave()
    {
        await using var network = await RouterNetwork.StartAsync(upnp: false, pcp: true, lowestPort: 51_420);
        await using var scenario = new Scenario();
        await scenario.RunAsync(async () =>
        {
            var count = 0;
            ShoalProcess On(string host, params string[] arguments) =>
                scenario.Join(ShoalProcess.In(network.Enter(host), scenario.Scratch.Folder($"process {++count}"), arguments));

            var path = Payload.Write(Path.Combine(scenario.Source, "behind a router.bin"), Payload.MiB);
            var tracker = On("internet", "tracker", "6969", "--bind", "11.22.33.9", "--interval", "2s");
            var node = On("internet", "dht", "--no-bootstrap", "--bind", "11.22.33.9", "--port", "6881");
            await Task.WhenAll(tracker.EventAsync("listening", scenario.Cancellation), node.EventAsync("listening", scenario.Cancellation));
            var share = On("client", "share", path, "--public", "--port", "51413", "--tracker", Tracker, "--dht-bootstrap", "11.22.33.9:6881");
            var opened = await Task.WhenAll(new[] { "tcp", "udp" }.Select(transport => share.EventAsync("port", scenario.Cancellation, said => Is(said, "transport", transport))));
            Assert.All(opened, said => Assert.Equal(Outside, said["external"]!.GetValue<string>()));
            await share.SeedingAsync(scenario.Cancellation);
            var hash = (await share.EventAsync("torrent", scenario.Cancellation))["infoHash"]!.GetValue<string>();

            // It may have announced before the router answered; what the tracker was told then is told anew as soon as it allows it.
            while (!(await AskTrackerAsync(network, hash)).Contains(OutsideBytes, StringComparison.Ordinal))
            {
                await Task.Delay(200, scenario.Cancellation);
            }

            var byNode = On("internet", "get", $"magnet:?xt=urn:btih:{hash}", "--to", scenario.Scratch.Folder("found"), "--dht-bootstrap", "11.22.33.9:6881", "--port", "7001");
            await byNode.SucceedAsync(scenario.Cancellation);
            await byNode.EventAsync("peer", scenario.Cancellation, said => Is(said, "address", Outside) && Is(said, "change", "connected"));
            Scenario.AssertSame(path, Path.Combine(scenario.Scratch.File("found"), Path.GetFileName(path)));

            // Its own node answers somebody whom it never spoke to: the UDP port is open, too.
            var asked = On("internet", "dht", "get-peers", hash, "--bind", "11.22.33.10", "--dht-bootstrap", Outside);
            await asked.SucceedAsync(scenario.Cancellation);
            await asked.EventAsync("dht-peer", scenario.Cancellation, said => Is(said, "address", Outside));
        });
    }

    // What the tracker answers, in hexadecimal digits, to somebody at a port where nobody listens.
    private static Task<string> AskTrackerAsync(RouterNetwork network, string hash)
    {
        var request = $"GET /announce?info_hash={TrackerProbe.Escape(hash)}&peer_id=-XX0000-000000000000&port=9&left=1&compact=1 HTTP/1.0".Replace("%", "%%", StringComparison.Ordinal);
        return network.ReadAsync("internet", "timeout", "5", "bash", "-c",
            $@"exec 3<>/dev/tcp/11.22.33.9/6969 && printf '{request}\r\nHost: 11.22.33.9\r\n\r\n' >&3 && od -An -v -tx1 <&3 | tr -d ' \n'");
    }

    private static bool Is(JsonObject said, string member, string value) => said[member]!.GetValue<string>() == value;
}
