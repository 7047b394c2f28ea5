using System.Diagnostics;
using System.Text.Json.Nodes;
using Shoal.Interop.Foreign;

namespace Shoal.Interop;

/// <summary>
/// Peer exchange (BEP 11) between three hosts, of whom two know the one in the middle and nothing else: it tells them of each other, and
/// they connect. In the middle is a client that nobody here wrote, or ours between two of those.
/// </summary>
public sealed class PeerExchangeTests
{
    private const int PieceLength = 256 * 1024;
    private const int MiddlePort = 6881;

    [Fact]
    public async Task Ours_tells_two_of_libtorrents_of_each_other()
    {
        Need.Lan();
        Need.Installed(Client.Libtorrent);
        await using var scenario = new Scenario();
        using var lan = new Lan(3, LanFamilies.IPv4);
        await scenario.RunAsync(async () =>
        {
            var torrent = Make(scenario);
            var middle = scenario.Join(await ShoalProcess.OnAsync(
                lan.Hosts[1], scenario.Scratch.Path, "seed", torrent.File, scenario.Source, "--no-discovery", "--port", $"{MiddlePort}", "--max-up", "100KiB/s"));
            await middle.SeedingAsync(scenario.Cancellation);
            foreach (var host in new[] { lan.Hosts[0], lan.Hosts[2] })
            {
                var peer = scenario.Join(await LibtorrentPeer.OnAsync(host, scenario.Cancellation, ["pex"]));
                await peer.LeechAsync(TorrentGiven.OfFile(torrent.File), scenario.Scratch.Folder(host.Name), scenario.Cancellation);
                await peer.ConnectAsync(lan.Hosts[1].IPv4!, MiddlePort, scenario.Cancellation);
            }

            await ConnectedAsync(lan.Hosts[0], lan.Hosts[2], scenario.Cancellation);
        });
    }

    [Theory]
    [InlineData(Client.Libtorrent)]
    [InlineData(Client.Aria2)]
    [InlineData(Client.Transmission)]
    public async Task Another_tells_two_of_ours_of_each_other(Client client)
    {
        Need.Lan();
        Need.Installed(client);
        await using var scenario = new Scenario(boundSeconds: 200);
        using var lan = new Lan(3, LanFamilies.IPv4);
        await scenario.RunAsync(async () =>
        {
            var torrent = Make(scenario);
            var middle = await StartAsync(scenario, client, lan.Hosts[1]);
            await middle.LeechAsync(TorrentGiven.OfFile(torrent.File), scenario.Scratch.Folder("middle"), scenario.Cancellation);
            var there = $"{lan.Hosts[1].IPv4}:{middle.Port}";
            // So slow that nobody is complete before they have met.
            var one = scenario.Join(await ShoalProcess.OnAsync(
                lan.Hosts[0], scenario.Scratch.Path, "seed", torrent.File, scenario.Source, "--no-discovery", "--peer", there, "--max-up", "20KiB/s"));
            scenario.Join(await ShoalProcess.OnAsync(
                lan.Hosts[2], scenario.Scratch.Path, "get", torrent.File, "--to", scenario.Scratch.Folder("target"), "--no-discovery", "--peer", there));
            await one.EventAsync("peer", scenario.Cancellation, peer => IsConnected(peer, lan.Hosts[2]));
        });
    }

    private static async Task<IForeignPeer> StartAsync(Scenario scenario, Client client, LanHost host) => client switch
    {
        Client.Libtorrent => scenario.Join(await LibtorrentPeer.OnAsync(host, scenario.Cancellation, ["pex"])),
        Client.Aria2 => scenario.Join(await Aria2Peer.OnAsync(host, scenario.Cancellation)),
        _ => scenario.Join(await TransmissionPeer.OnAsync(host, scenario.Cancellation)),
    };

    private static TestTorrent Make(Scenario scenario)
    {
        var source = Payload.Write(Path.Combine(scenario.Source, "hearsay.bin"), 16L * Payload.MiB);
        return TestTorrent.Create(source, scenario.Scratch.File("x.torrent"), PieceLength);
    }

    private static bool IsConnected(JsonObject peer, LanHost host) =>
        peer["change"]!.GetValue<string>() == "connected" && peer["address"]!.GetValue<string>().StartsWith($"{host.IPv4}:", StringComparison.Ordinal);

    // Until there is a connection between them, whoever made it.
    private static async Task ConnectedAsync(LanHost one, LanHost other, CancellationToken cancellation)
    {
        while (!(await ConnectionsAsync(one, cancellation)).Contains($"{other.IPv4}:", StringComparison.Ordinal))
        {
            await Task.Delay(200, cancellation);
        }
    }

    private static Task<string> ConnectionsAsync(LanHost host, CancellationToken cancellation) => host.Thread.RunAsync(async () =>
    {
        var start = new ProcessStartInfo("ss", ["-Htn", "state", "established"]) { UseShellExecute = false, RedirectStandardOutput = true };
        using var ss = Process.Start(start)!;
        var said = await ss.StandardOutput.ReadToEndAsync(cancellation);
        await ss.WaitForExitAsync(cancellation);
        return said;
    });
}
