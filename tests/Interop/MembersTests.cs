using Shoal.Interop.Foreign;
using Shoal.Protocol.Trackers;

namespace Shoal.Interop;

/// <summary>A tracker that takes announces for what its catalogue names from members only, and clients that nobody here wrote.</summary>
public sealed class MembersTests
{
    private const int TrackerPort = 6969;

    [Theory]
    [InlineData(Client.Libtorrent, "udp")] // which tells the URL's path (BEP 41)
    [InlineData(Client.Libtorrent, "http")]
    [InlineData(Client.Transmission, "http")]
    [InlineData(Client.Aria2, "http")]
    public async Task A_client_with_a_passkey_in_its_URL_is_a_member_and_one_without_is_not(Client client, string scheme)
    {
        Need.Lan();
        Need.Installed(client);
        await using var scenario = new Scenario(boundSeconds: 200);
        using var lan = new Lan(3, LanFamilies.IPv4);
        await scenario.RunAsync(async () =>
        {
            var (here, there) = (lan.Hosts[0], lan.Hosts[1]);
            var tracker = scenario.Join(await ShoalProcess.OnAsync(
                here, scenario.Scratch.Path, "tracker", $"{TrackerPort}", "--catalogue", scenario.Scratch.File("catalogue"), "--members-only", "--advertise", $"{here.IPv4}"));
            var token = (await tracker.EventAsync("token", scenario.Cancellation))["token"]!.GetValue<string>();
            var source = Payload.Write(Path.Combine(scenario.Source, "ours.bin"), 3L * Payload.MiB);
            var publisher = scenario.Join(await ShoalProcess.OnAsync(
                here, scenario.Scratch.Path, "publish", source, "--at", $"127.0.0.1:{TrackerPort}", "--no-discovery"));
            var infoHash = (await publisher.EventAsync("published", scenario.Cancellation))["infoHash"]!.GetValue<string>();
            await publisher.SeedingAsync(scenario.Cancellation);
            await publisher.EventAsync("tracker", scenario.Cancellation); // so that whoever asks hears of it

            var stranger = scenario.Join(await ShoalProcess.OnAsync(
                lan.Hosts[2], scenario.Scratch.Path, "get", Link(""), "--to", scenario.Scratch.Folder("stranger"), "--no-discovery"));
            var refused = await stranger.EventAsync("tracker", scenario.Cancellation, answer => answer["error"] is not null);
            Assert.Contains("this torrent is for members", refused["error"]!.GetValue<string>(), StringComparison.Ordinal);

            var member = await StartAsync(scenario, client, there);
            await member.LeechAsync(TorrentGiven.OfMagnet(Link($"{Passkey.OfToken(token)}/")), scenario.Scratch.Folder("member"), scenario.Cancellation);
            await member.WaitUntilCompleteAsync(scenario.Cancellation);
            Assert.Equal(
                await File.ReadAllBytesAsync(source, scenario.Cancellation),
                await File.ReadAllBytesAsync(Path.Combine(scenario.Scratch.Folder("member"), "ours.bin"), scenario.Cancellation));

            string Link(string passkey) => $"magnet:?xt=urn:btih:{infoHash}&tr={Uri.EscapeDataString($"{scheme}://{here.IPv4}:{TrackerPort}/{passkey}announce")}";
        });
    }

    private static async Task<IForeignPeer> StartAsync(Scenario scenario, Client client, LanHost host) => client switch
    {
        Client.Libtorrent => scenario.Join(await LibtorrentPeer.OnAsync(host, scenario.Cancellation, [])),
        Client.Aria2 => scenario.Join(await Aria2Peer.OnAsync(host, scenario.Cancellation)),
        _ => scenario.Join(await TransmissionPeer.OnAsync(host, scenario.Cancellation)),
    };
}
