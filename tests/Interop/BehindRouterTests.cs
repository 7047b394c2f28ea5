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
                scenario.Join(ShoalProcess.On(network, host, scenario.Scratch.Folder($"process {++count}"), arguments));

            var path = Payload.Write(Path.Combine(scenario.Source, "behind a router.bin"), Payload.MiB);
            var tracker = On("internet", "tracker", "6969", "--bind", "11.22.33.9");
            var node = On("internet", "dht", "--no-bootstrap", "--bind", "11.22.33.9", "--port", "6881");
            await Task.WhenAll(tracker.EventAsync("listening", scenario.Cancellation), node.EventAsync("listening", scenario.Cancellation));
            var share = On("client", "share", path, "--public", "--port", "51413", "--tracker", Tracker, "--dht-bootstrap", "11.22.33.9:6881");
            var opened = await Task.WhenAll(new[] { "tcp", "udp" }.Select(transport => share.EventAsync("port", scenario.Cancellation, said => Is(said, "transport", transport))));
            Assert.All(opened, said => Assert.Equal(Outside, said["external"]!.GetValue<string>()));
            await share.SeedingAsync(scenario.Cancellation);
            var hash = (await share.EventAsync("torrent", scenario.Cancellation))["infoHash"]!.GetValue<string>();

            var byTracker = On("internet", "get", $"magnet:?xt=urn:btih:{hash}&tr={Uri.EscapeDataString(Tracker)}", "--to", scenario.Scratch.Folder("tracked"), "--no-discovery");
            var byNode = On("internet", "get", $"magnet:?xt=urn:btih:{hash}", "--to", scenario.Scratch.Folder("found"), "--dht-bootstrap", "11.22.33.9:6881", "--port", "7001");
            await Task.WhenAll(byTracker.SucceedAsync(scenario.Cancellation), byNode.SucceedAsync(scenario.Cancellation));
            foreach (var get in new[] { byTracker, byNode })
            {
                await get.EventAsync("peer", scenario.Cancellation, said => Is(said, "address", Outside) && Is(said, "change", "connected"));
            }

            Scenario.AssertSame(path, Path.Combine(scenario.Scratch.File("tracked"), Path.GetFileName(path)));
            Scenario.AssertSame(path, Path.Combine(scenario.Scratch.File("found"), Path.GetFileName(path)));

            // Its own node answers somebody whom it never spoke to: the UDP port is open, too.
            var asked = On("internet", "dht", "get-peers", hash, "--bind", "11.22.33.10", "--dht-bootstrap", Outside);
            await asked.SucceedAsync(scenario.Cancellation);
            await asked.EventAsync("dht-peer", scenario.Cancellation, said => Is(said, "address", Outside));
        });
    }

    private static bool Is(JsonObject said, string member, string value) => said[member]!.GetValue<string>() == value;
}
