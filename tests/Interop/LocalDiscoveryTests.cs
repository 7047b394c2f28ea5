using Shoal.Interop.Foreign;

namespace Shoal.Interop;

/// <summary>
/// Peers on one wire that know nothing but the torrent: no tracker, no address. They find each other by local discovery (BEP 14), over
/// IPv4 and over IPv6 alone, ours among themselves and with clients that nobody here wrote.
/// </summary>
public sealed class LocalDiscoveryTests
{
    private const int PieceLength = 256 * 1024;

    [Theory]
    [InlineData(nameof(LanFamilies.IPv4))]
    [InlineData(nameof(LanFamilies.IPv6))]
    public async Task What_one_shares_another_gets_with_nothing_but_the_info_hash(string families)
    {
        Need.Lan();
        await using var scenario = new Scenario();
        using var lan = new Lan(2, Enum.Parse<LanFamilies>(families));
        await scenario.RunAsync(async () =>
        {
            var torrent = Make(scenario);
            var there = Path.Combine(scenario.Source, torrent.Name);
            var share = scenario.Join(await ShoalProcess.OnAsync(lan.Hosts[0], scenario.Scratch.Folder("share"), "share", there));
            await share.SeedingAsync(scenario.Cancellation);
            var hash = (await share.EventAsync("torrent", scenario.Cancellation))["infoHash"]!.GetValue<string>();
            var get = scenario.Join(await ShoalProcess.OnAsync(
                lan.Hosts[1], scenario.Scratch.Path, "get", $"magnet:?xt=urn:btih:{hash}", "--to", scenario.Scratch.Folder("target")));
            await get.SucceedAsync(scenario.Cancellation);
            AssertArrived(scenario, torrent);
        });
    }

    [Theory]
    [InlineData(nameof(LanFamilies.IPv4))]
    [InlineData(nameof(LanFamilies.IPv6))]
    public async Task We_hear_libtorrent_and_connect_to_it(string families)
    {
        Need.Lan();
        Need.Installed(Client.Libtorrent);
        await using var scenario = new Scenario();
        using var lan = new Lan(2, Enum.Parse<LanFamilies>(families));
        await scenario.RunAsync(async () =>
        {
            var torrent = Make(scenario);
            var get = await GetAsync(scenario, lan.Hosts[0], torrent);
            await get.EventAsync("progress", scenario.Cancellation);
            // It connects to nobody: it must be found.
            var seeder = scenario.Join(await LibtorrentPeer.OnAsync(
                lan.Hosts[1], scenario.Cancellation, ["lsd"], new() { ["enable_outgoing_tcp"] = false }));
            await seeder.SeedAsync(torrent.File, scenario.Source, scenario.Cancellation);
            await get.SucceedAsync(scenario.Cancellation);
            AssertArrived(scenario, torrent);
        });
    }

    [Theory]
    [InlineData(nameof(LanFamilies.IPv4))]
    [InlineData(nameof(LanFamilies.IPv6))]
    public async Task Libtorrent_hears_us_and_connects_to_us(string families)
    {
        Need.Lan();
        Need.Installed(Client.Libtorrent);
        await using var scenario = new Scenario();
        using var lan = new Lan(2, Enum.Parse<LanFamilies>(families));
        await scenario.RunAsync(async () =>
        {
            var torrent = Make(scenario);
            // Nobody gets through to it: it must connect.
            var leecher = scenario.Join(await LibtorrentPeer.OnAsync(
                lan.Hosts[1], scenario.Cancellation, ["lsd"], new() { ["enable_incoming_tcp"] = false }));
            await leecher.LeechAsync(TorrentGiven.OfFile(torrent.File), scenario.Scratch.Folder("target"), scenario.Cancellation);
            await SeedAsync(scenario, lan.Hosts[0], torrent);
            await leecher.WaitUntilCompleteAsync(scenario.Cancellation);
            AssertArrived(scenario, torrent);
        });
    }

    [Theory]
    [InlineData(Client.Aria2)]
    [InlineData(Client.Transmission)]
    public async Task Others_find_us_too(Client client)
    {
        Need.Lan();
        Need.Installed(client);
        await using var scenario = new Scenario();
        using var lan = new Lan(2);
        await scenario.RunAsync(async () =>
        {
            var torrent = Make(scenario);
            IForeignPeer leecher = client == Client.Aria2
                ? scenario.Join(await Aria2Peer.OnAsync(lan.Hosts[1], scenario.Cancellation))
                : scenario.Join(await TransmissionPeer.OnAsync(lan.Hosts[1], scenario.Cancellation));
            await leecher.LeechAsync(TorrentGiven.OfFile(torrent.File), scenario.Scratch.Folder("target"), scenario.Cancellation);
            await SeedAsync(scenario, lan.Hosts[0], torrent);
            await leecher.WaitUntilCompleteAsync(scenario.Cancellation);
            AssertArrived(scenario, torrent);
        });
    }

    [Fact]
    public async Task Nobody_finds_a_private_torrent()
    {
        Need.Lan();
        await using var scenario = new Scenario();
        using var lan = new Lan(2);
        await scenario.RunAsync(async () =>
        {
            var file = Payload.Write(Path.Combine(scenario.Source, "private.bin"), Payload.MiB);
            var open = Payload.Write(Path.Combine(scenario.Source, "open.bin"), Payload.MiB, seed: 2);
            var made = scenario.Scratch.File("private.torrent");
            var create = scenario.Join(ShoalProcess.Start("create", file, "-o", made, "--private", "--tracker", "http://10.77.0.9:1/announce", "--json"));
            var hash = (await create.EventAsync("torrent", scenario.Cancellation))["infoHash"]!.GetValue<string>();
            await create.SucceedAsync(scenario.Cancellation);
            var seed = scenario.Join(await ShoalProcess.OnAsync(lan.Hosts[0], scenario.Source, "seed", made, scenario.Source));
            await seed.SeedingAsync(scenario.Cancellation);
            var get = scenario.Join(await ShoalProcess.OnAsync(
                lan.Hosts[1], scenario.Scratch.Path, "get", $"magnet:?xt=urn:btih:{hash}", "--to", scenario.Scratch.Folder("target")));
            // What is announced after it and arrives shows that it would have been found by now.
            var share = scenario.Join(await ShoalProcess.OnAsync(lan.Hosts[0], scenario.Scratch.Folder("share"), "share", open));
            await share.SeedingAsync(scenario.Cancellation);
            var other = (await share.EventAsync("torrent", scenario.Cancellation))["infoHash"]!.GetValue<string>();
            await scenario.Join(await ShoalProcess.OnAsync(
                lan.Hosts[1], scenario.Scratch.Path, "get", $"magnet:?xt=urn:btih:{other}", "--to", scenario.Scratch.Folder("open")))
                .SucceedAsync(scenario.Cancellation);
            Assert.False(get.Process.HasExited);
            Assert.Empty(Directory.GetFileSystemEntries(scenario.Scratch.Folder("target")));
        });
    }

    private static async Task SeedAsync(Scenario scenario, LanHost host, TestTorrent torrent)
    {
        var seed = scenario.Join(await ShoalProcess.OnAsync(host, scenario.Scratch.Path, "seed", torrent.File, scenario.Source));
        await seed.SeedingAsync(scenario.Cancellation);
    }

    private static async Task<ShoalProcess> GetAsync(Scenario scenario, LanHost host, TestTorrent torrent) => scenario.Join(
        await ShoalProcess.OnAsync(host, scenario.Scratch.Path, "get", torrent.File, "--to", scenario.Scratch.Folder("target")));

    private static TestTorrent Make(Scenario scenario)
    {
        var source = Payload.Write(Path.Combine(scenario.Source, "found nearby.bin"), 4L * Payload.MiB);
        return TestTorrent.Create(source, scenario.Scratch.File("x.torrent"), PieceLength);
    }

    private static void AssertArrived(Scenario scenario, TestTorrent torrent) =>
        Scenario.AssertSame(Path.Combine(scenario.Source, torrent.Name), Path.Combine(scenario.Scratch.File("target"), torrent.Name));
}
