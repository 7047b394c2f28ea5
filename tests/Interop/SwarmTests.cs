using Shoal.Interop.Foreign;

namespace Shoal.Interop;

/// <summary>Swarms of several clients, and Shoal among its own.</summary>
public sealed class SwarmTests
{
    [Theory]
    [InlineData(Way.OurHttp)]
    [InlineData(Way.OpentrackerHttp)]
    public async Task One_shoal_feeds_a_swarm_of_all_clients(Way way)
    {
        NeedAll(way);
        await using var scenario = new Scenario(180);
        await scenario.RunAsync(async () =>
        {
            var (torrent, tracker, source) = await PrepareAsync(scenario, way);
            var foreign = await StartLeechersAsync(scenario, torrent, [Client.Transmission, Client.Libtorrent, Client.Aria2]);
            var target = scenario.Scratch.Folder("shoal");
            var ours = scenario.Join(ShoalProcess.Get(torrent.File, target, [], "--seed"));
            await TrackerProbe.WaitForPeersAsync(tracker.Port, torrent.InfoHash, 4, scenario.Cancellation);
            scenario.Join(await ShoalProcess.SeedAsync(torrent.File, scenario.Source, scenario.Cancellation));

            await ours.CompleteAsync(scenario.Cancellation);
            await AssertAllGotItAsync(scenario, torrent, source, foreign);
            Scenario.AssertSame(source, Path.Combine(target, torrent.Name));
        });
    }

    [Fact]
    public async Task Shoal_takes_part_in_a_swarm_of_all_clients_that_libtorrent_feeds()
    {
        NeedAll(Way.OurHttp);
        await using var scenario = new Scenario(180);
        await scenario.RunAsync(async () =>
        {
            var (torrent, tracker, source) = await PrepareAsync(scenario, Way.OurHttp);
            var foreign = await StartLeechersAsync(scenario, torrent, [Client.Transmission, Client.Aria2]);
            var target = scenario.Scratch.Folder("shoal");
            var ours = scenario.Join(ShoalProcess.Get(torrent.Magnet([tracker.Url]), target, [], "--seed"));
            await TrackerProbe.WaitForPeersAsync(tracker.Port, torrent.InfoHash, 3, scenario.Cancellation);
            var seeder = await scenario.LibtorrentAsync();
            await seeder.SeedAsync(torrent.File, scenario.Source, scenario.Cancellation);

            await ours.CompleteAsync(scenario.Cancellation);
            await AssertAllGotItAsync(scenario, torrent, source, foreign);
            Scenario.AssertSame(source, Path.Combine(target, torrent.Name));
            var sent = await seeder.CountersAsync(scenario.Cancellation);
            Assert.InRange(sent.Uploaded, torrent.Length, long.MaxValue);
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

    private static async Task<(TestTorrent Torrent, TrackerAt Tracker, string Source)> PrepareAsync(Scenario scenario, Way way)
    {
        var source = Payload.Write(Path.Combine(scenario.Source, "a file.bin"), 64 * Payload.MiB);
        var torrent = TestTorrent.Create(source, scenario.Scratch.File("x.torrent"));
        var tracker = (await scenario.TrackerAsync(way, torrent))!;
        return (torrent.AnnouncedTo(tracker.Url), tracker, source);
    }

    private static async Task<List<(IForeignPeer Peer, string Target)>> StartLeechersAsync(
        Scenario scenario, TestTorrent torrent, Client[] clients)
    {
        var leechers = new List<(IForeignPeer, string)>();
        foreach (var client in clients)
        {
            var peer = await scenario.StartAsync(client);
            var target = scenario.Scratch.Folder(client.ToString());
            await peer.LeechAsync(TorrentGiven.OfFile(torrent.File), target, scenario.Cancellation);
            leechers.Add((peer, target));
        }

        return leechers;
    }

    private static async Task AssertAllGotItAsync(
        Scenario scenario, TestTorrent torrent, string source, List<(IForeignPeer Peer, string Target)> leechers)
    {
        foreach (var (peer, target) in leechers)
        {
            var got = await peer.WaitUntilCompleteAsync(scenario.Cancellation);
            Assert.InRange(got.Downloaded, torrent.Length, long.MaxValue);
            Scenario.AssertSame(source, Path.Combine(target, torrent.Name));
        }
    }
}
