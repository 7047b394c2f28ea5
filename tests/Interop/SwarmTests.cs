using Shoal.Interop.Foreign;

namespace Shoal.Interop;

/// <summary>Swarms of several clients, and Shoal among its own.</summary>
public sealed class SwarmTests
{
    [Theory]
    [InlineData(null, Way.OurHttp)]
    [InlineData(null, Way.OpentrackerHttp)]
    [InlineData(Client.Libtorrent, Way.OurHttp)]
    public async Task One_seeder_shoal_or_another_feeds_a_swarm_of_all_clients(Client? foreign, Way way)
    {
        NeedAll(way);
        await using var scenario = new Scenario(180);
        await scenario.RunAsync(async () =>
        {
            var source = Payload.Write(Path.Combine(scenario.Source, "a file.bin"), 64 * Payload.MiB);
            var torrent = TestTorrent.Create(source, scenario.Scratch.File("x.torrent"));
            var tracker = (await scenario.TrackerAsync(way, torrent))!;
            torrent.AnnouncedTo(tracker.Url);
            var leechers = await StartLeechersAsync(scenario, torrent);
            var target = scenario.Scratch.Folder("shoal");
            var ours = scenario.Join(ShoalProcess.Get(torrent.Magnet([tracker.Url]), target, [], "--seed"));
            await TrackerProbe.WaitForPeersAsync(tracker.Port, torrent.InfoHash, leechers.Count + 1, scenario.Cancellation);
            var seeder = foreign is { } client ? await scenario.StartAsync(client) : null;
            await (seeder?.SeedAsync(torrent.File, scenario.Source, scenario.Cancellation) ?? OurSeedAsync(scenario, torrent));

            await ours.CompleteAsync(scenario.Cancellation);
            Scenario.AssertSame(source, Path.Combine(target, torrent.Name));
            foreach (var (peer, folder) in leechers)
            {
                var got = await peer.WaitUntilCompleteAsync(scenario.Cancellation);
                Assert.InRange(got.Downloaded, torrent.Length, long.MaxValue);
                Scenario.AssertSame(source, Path.Combine(folder, torrent.Name));
            }

            if (seeder is not null)
            {
                await seeder.WaitUntilAsync(sent => sent.Uploaded >= torrent.Length, scenario.Cancellation);
            }
        });
    }

    [Fact]
    public async Task An_empty_file_goes_from_shoal_to_shoal()
    {
        await using var scenario = new Scenario(60);
        await scenario.RunAsync(async () =>
        {
            var source = Payload.Write(Path.Combine(scenario.Source, "nothing"), 0);
            var file = scenario.Scratch.File("x.torrent");
            await scenario.Join(ShoalProcess.Create(source, file, "256KiB")).SucceedAsync(scenario.Cancellation);
            var seeder = scenario.Join(await ShoalProcess.SeedAsync(file, scenario.Source, scenario.Cancellation));
            var target = scenario.Scratch.Folder("target");
            await scenario.Join(ShoalProcess.Get(file, target, [seeder.Port])).SucceedAsync(scenario.Cancellation);

            Scenario.AssertSame(source, Path.Combine(target, "nothing"));
        });
    }

    [Fact]
    public async Task A_shared_folder_goes_from_shoal_to_shoal_by_the_printed_magnet_link()
    {
        await using var scenario = new Scenario();
        await scenario.RunAsync(async () =>
        {
            var source = Payload.WriteFolder(Path.Combine(scenario.Source, "holiday"), 64 * Payload.MiB);
            var (seeder, magnet) = await ShoalProcess.ShareAsync(source, scenario.Scratch.Path, scenario.Cancellation);
            scenario.Join(seeder);
            var target = scenario.Scratch.Folder("target");
            await scenario.Join(ShoalProcess.Get(magnet, target, [])).SucceedAsync(scenario.Cancellation);

            Scenario.AssertSame(source, Path.Combine(target, "holiday"));
        });
    }

    private static void NeedAll(Way way)
    {
        Need.Installed(Client.Libtorrent);
        Need.Installed(Client.Aria2);
        Need.Installed(Client.Transmission);
        Need.Installed(way);
    }

    private static async Task OurSeedAsync(Scenario scenario, TestTorrent torrent) =>
        scenario.Join(await ShoalProcess.SeedAsync(torrent.File, scenario.Source, scenario.Cancellation));

    private static async Task<List<(IForeignPeer Peer, string Folder)>> StartLeechersAsync(Scenario scenario, TestTorrent torrent)
    {
        var leechers = new List<(IForeignPeer, string)>();
        foreach (var client in Enum.GetValues<Client>())
        {
            var peer = await scenario.StartAsync(client);
            var folder = scenario.Scratch.Folder($"{client}");
            await peer.LeechAsync(TorrentGiven.OfFile(torrent.File), folder, scenario.Cancellation);
            leechers.Add((peer, folder));
        }

        return leechers;
    }
}
