using Shoal.Interop.Foreign;

namespace Shoal.Interop;

/// <summary>
/// Message stream encryption with clients that nobody here wrote: they are told to speak to nobody who does not encrypt, so what
/// arrives came encrypted. Transmission heeds no address of this machine, so it is we who connect to it, but where it has a host of its own.
/// </summary>
public sealed class EncryptionTests
{
    private const int PieceLength = 256 * 1024;

    [Theory]
    [InlineData(Client.Libtorrent, "prefer")]
    [InlineData(Client.Libtorrent, "require")]
    [InlineData(Client.Aria2, "prefer")]
    [InlineData(Client.Aria2, "require")]
    [InlineData(Client.Transmission, "prefer")]
    [InlineData(Client.Transmission, "require")]
    public async Task Get_connects_to_a_seeder_that_requires_encryption(Client client, string policy)
    {
        Need.Installed(client);
        await using var scenario = new Scenario();
        await scenario.RunAsync(async () =>
        {
            var torrent = Make(scenario, client);
            var seeder = await scenario.StartEncryptedAsync(client);
            await seeder.SeedAsync(torrent.File, scenario.Source, scenario.Cancellation);
            var target = scenario.Scratch.Folder("target");
            var leecher = scenario.Join(ShoalProcess.Get(torrent.File, target, [seeder.Port], "--encryption", policy));
            await leecher.SucceedAsync(scenario.Cancellation);
            AssertArrived(scenario, torrent, target);
        });
    }

    [Theory]
    [InlineData(Client.Libtorrent, "prefer")]
    [InlineData(Client.Libtorrent, "require")]
    [InlineData(Client.Aria2, "prefer")]
    [InlineData(Client.Aria2, "require")]
    public async Task A_client_that_requires_encryption_connects_to_our_seeder(Client client, string policy)
    {
        Need.Installed(client);
        await using var scenario = new Scenario();
        await scenario.RunAsync(async () =>
        {
            var torrent = Make(scenario, client);
            var tracker = (await scenario.TrackerAsync(Way.OurHttp, torrent))!;
            torrent.AnnouncedTo([tracker.Url]);
            scenario.Join(await ShoalProcess.SeedAsync(torrent.File, scenario.Source, ["--encryption", policy], scenario.Cancellation));
            await TrackerProbe.WaitForSeedersAsync(tracker.Port, torrent.InfoHash, 1, scenario.Cancellation);
            var leecher = await scenario.StartEncryptedAsync(client);
            var target = scenario.Scratch.Folder("target");
            await leecher.LeechAsync(TorrentGiven.OfFile(torrent.File), target, scenario.Cancellation);
            var got = await leecher.WaitUntilCompleteAsync(scenario.Cancellation);
            Assert.InRange(got.Downloaded, torrent.Length, long.MaxValue);
            AssertArrived(scenario, torrent, target);
        });
    }

    [Theory]
    [InlineData(Client.Libtorrent)]
    [InlineData(Client.Aria2)]
    [InlineData(Client.Transmission)]
    public async Task Our_seeder_connects_to_a_client_that_requires_encryption(Client client)
    {
        Need.Installed(client);
        await using var scenario = new Scenario();
        await scenario.RunAsync(async () =>
        {
            var torrent = Make(scenario, client);
            var leecher = await scenario.StartEncryptedAsync(client);
            var target = scenario.Scratch.Folder("target");
            await leecher.LeechAsync(TorrentGiven.OfFile(torrent.File), target, scenario.Cancellation);
            scenario.Join(await ShoalProcess.SeedAsync(torrent.File, scenario.Source, scenario.Cancellation, leecher.Port));
            await leecher.WaitUntilCompleteAsync(scenario.Cancellation);
            AssertArrived(scenario, torrent, target);
        });
    }

    [Fact]
    public async Task Transmission_connects_to_our_seeder_and_both_require_encryption()
    {
        Need.Lan();
        Need.Installed(Client.Transmission);
        await using var scenario = new Scenario();
        using var lan = new Lan(2, LanFamilies.IPv4);
        await scenario.RunAsync(async () =>
        {
            var torrent = Make(scenario, Client.Transmission);
            var tracker = scenario.Join(await ShoalProcess.OnAsync(lan.Hosts[0], scenario.Scratch.Path, "tracker", "6969"));
            await tracker.EventAsync("listening", scenario.Cancellation);
            torrent.AnnouncedTo($"http://{lan.Hosts[0].IPv4}:6969/announce");
            var seed = scenario.Join(await ShoalProcess.OnAsync(
                lan.Hosts[0], scenario.Scratch.Path, "seed", torrent.File, scenario.Source, "--no-discovery", "--encryption", "require"));
            // The tracker has told it of nobody, and it asks again in half an hour: so it is Transmission that connects.
            await seed.EventAsync("progress", scenario.Cancellation, progress => progress.ToJsonString().Contains("\"seeders\":1", StringComparison.Ordinal));
            var leecher = scenario.Join(await TransmissionPeer.OnAsync(lan.Hosts[1], scenario.Cancellation, requireEncryption: true));
            var target = scenario.Scratch.Folder("target");
            await leecher.LeechAsync(TorrentGiven.OfFile(torrent.File), target, scenario.Cancellation);
            await leecher.WaitUntilCompleteAsync(scenario.Cancellation);
            AssertArrived(scenario, torrent, target);
        });
    }

    [Fact]
    public async Task Who_prefers_encryption_speaks_in_the_clear_with_a_client_that_has_none()
    {
        Need.Installed(Client.Libtorrent);
        await using var scenario = new Scenario();
        await scenario.RunAsync(async () =>
        {
            var torrent = Make(scenario, Client.Libtorrent);
            var seeder = await scenario.LibtorrentAsync(new() { ["out_enc_policy"] = 2, ["in_enc_policy"] = 2 });
            await seeder.SeedAsync(torrent.File, scenario.Source, scenario.Cancellation);
            var target = scenario.Scratch.Folder("target");
            await scenario.Join(ShoalProcess.Get(torrent.File, target, [seeder.Port])).SucceedAsync(scenario.Cancellation);
            AssertArrived(scenario, torrent, target);
        });
    }

    private static TestTorrent Make(Scenario scenario, Client client)
    {
        var source = Payload.Write(Path.Combine(scenario.Source, "a secret.bin"), client.PayloadLength());
        return TestTorrent.Create(source, scenario.Scratch.File("x.torrent"), PieceLength);
    }

    private static void AssertArrived(Scenario scenario, TestTorrent torrent, string target) =>
        Scenario.AssertSame(Path.Combine(scenario.Source, torrent.Name), Path.Combine(target, torrent.Name));
}
