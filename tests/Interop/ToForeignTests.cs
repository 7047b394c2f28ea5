using Shoal.Interop.Foreign;

namespace Shoal.Interop;

/// <summary>
/// <c>shoal create</c> and <c>shoal seed</c> (or <c>shoal share</c>) serve, and a client that nobody here wrote fetches.
/// </summary>
public sealed class ToForeignTests
{
    [Theory]
    [InlineData(Client.Libtorrent, By.Torrent, Way.Direct)]
    [InlineData(Client.Libtorrent, By.Magnet, Way.Direct)]
    [InlineData(Client.Libtorrent, By.Magnet, Way.OurHttp)]
    [InlineData(Client.Libtorrent, By.Torrent, Way.OpentrackerUdp)]
    [InlineData(Client.Aria2, By.Torrent, Way.Direct)]
    [InlineData(Client.Aria2, By.Magnet, Way.OurHttp)]
    [InlineData(Client.Aria2, By.Torrent, Way.OpentrackerHttp)]
    [InlineData(Client.Transmission, By.Magnet, Way.Direct)]
    [InlineData(Client.Transmission, By.Torrent, Way.OurUdp)]
    [InlineData(Client.Transmission, By.Torrent, Way.OpentrackerHttp)]
    public async Task Shoal_serves_a_file_to(Client client, By by, Way way)
    {
        Need.Installed(client);
        Need.Installed(way);
        await using var scenario = new Scenario();
        await scenario.RunAsync(() => ServeAsync(
            scenario, client, by, way, Payload.Write(Path.Combine(scenario.Source, "a file.bin"), client.PayloadLength())));
    }

    [Theory]
    [InlineData(Client.Libtorrent)]
    [InlineData(Client.Aria2)]
    [InlineData(Client.Transmission)]
    public async Task Shoal_serves_a_folder_with_nested_empty_and_odd_named_files_to(Client client)
    {
        Need.Installed(client);
        await using var scenario = new Scenario();
        await scenario.RunAsync(() => ServeAsync(
            scenario, client, By.Torrent, Way.Direct,
            Payload.WriteFolder(Path.Combine(scenario.Source, "odd things"), client.PayloadLength())));
    }

    [Theory]
    [InlineData(1)]
    [InlineData((256 * 1024) - 1)]
    [InlineData(256 * 1024)]
    [InlineData((256 * 1024) + 1)]
    public async Task Shoal_serves_to_libtorrent_a_file_of_bytes(long length)
    {
        Need.Installed(Client.Libtorrent);
        await using var scenario = new Scenario(60);
        await scenario.RunAsync(() => ServeAsync(
            scenario, Client.Libtorrent, By.Torrent, Way.Direct, Payload.Write(Path.Combine(scenario.Source, "file"), length)));
    }

    [Fact]
    public async Task Shoal_serves_to_libtorrent_what_it_lacks_of_a_file_of_over_4_GiB()
    {
        Need.Installed(Client.Libtorrent);
        await using var scenario = new Scenario(240);
        await scenario.RunAsync(async () =>
        {
            const long length = (4L << 30) + (64 * 1024) + 1;
            var source = Payload.WriteSparse(
                Path.Combine(scenario.Source, "huge"), length, 12345, (2L << 30) - 9, (4L << 30) - 20_000, length - 11);
            // The holes are there already, so only the pieces around the offsets that matter travel.
            Payload.WriteSparse(Path.Combine(scenario.Scratch.Folder("target"), "huge"), length);
            await ServeAsync(scenario, Client.Libtorrent, By.Torrent, Way.Direct, source, "4MiB", leastMoved: 16 * Payload.MiB);
        });
    }

    [Fact]
    public async Task A_shared_folder_is_fetched_by_the_magnet_link_that_share_prints()
    {
        Need.Installed(Client.Libtorrent);
        await using var scenario = new Scenario();
        await scenario.RunAsync(async () =>
        {
            var source = Payload.WriteFolder(Path.Combine(scenario.Source, "holiday"), 64 * Payload.MiB);
            var (seeder, magnet) = await ShoalProcess.ShareAsync(source, scenario.Scratch.Path, scenario.Cancellation);
            scenario.Join(seeder);
            var leecher = await scenario.LibtorrentAsync();
            var target = scenario.Scratch.Folder("target");
            await leecher.LeechAsync(TorrentGiven.OfMagnet(magnet), target, scenario.Cancellation);

            var got = await leecher.WaitUntilCompleteAsync(scenario.Cancellation);

            Assert.InRange(got.Downloaded, 64 * Payload.MiB, long.MaxValue);
            Scenario.AssertSame(source, Path.Combine(target, "holiday"));
        });
    }

    private static async Task ServeAsync(
        Scenario scenario, Client client, By by, Way way, string source, string pieceLength = "256KiB", long? leastMoved = null)
    {
        var file = scenario.Scratch.File("x.torrent");
        await scenario.Join(ShoalProcess.Create(source, file, pieceLength)).SucceedAsync(scenario.Cancellation);
        var torrent = TestTorrent.Load(file, source);
        var tracker = await scenario.TrackerAsync(way, torrent);
        string[] trackers = tracker is null ? [] : [tracker.Url];
        torrent.AnnouncedTo(trackers);

        var leecher = await scenario.StartAsync(client);
        var target = scenario.Scratch.Folder("target");
        // Who cannot be told an address, or heeds none of this machine's, must be there before the seeder
        // that is to connect to it.
        var weConnect = way == Way.Direct ? !leecher.CanConnect : client == Client.Transmission;
        if (weConnect)
        {
            await LeechAsync(leecher, torrent, by, trackers, [], target, scenario.Cancellation);
            if (tracker is not null)
            {
                await TrackerProbe.WaitForPeersAsync(tracker.Port, torrent.InfoHash, 1, scenario.Cancellation);
            }
        }

        int[] peers = weConnect && tracker is null ? [leecher.Port] : [];
        var seeder = scenario.Join(
            await ShoalProcess.SeedAsync(torrent.File, scenario.Source, scenario.Cancellation, peers));
        if (!weConnect)
        {
            if (tracker is not null)
            {
                await TrackerProbe.WaitForSeedersAsync(tracker.Port, torrent.InfoHash, 1, scenario.Cancellation);
            }

            int[] known = way == Way.Direct ? [seeder.Port] : [];
            await LeechAsync(leecher, torrent, by, trackers, known, target, scenario.Cancellation);
        }

        var got = await leecher.WaitUntilCompleteAsync(scenario.Cancellation);

        Assert.InRange(got.Downloaded, leastMoved ?? torrent.Length, long.MaxValue);
        // Not every client makes files that are empty; that is theirs to decide.
        Scenario.AssertSame(source, Path.Combine(target, torrent.Name), withEmptyFiles: client == Client.Libtorrent);
    }

    private static async Task LeechAsync(
        IForeignPeer leecher, TestTorrent torrent, By by, string[] trackers, int[] peers, string target, CancellationToken cancellation)
    {
        var source = by == By.Magnet
            ? TorrentGiven.OfMagnet(torrent.Magnet(trackers, peers))
            : TorrentGiven.OfFile(torrent.File);
        await leecher.LeechAsync(source, target, cancellation);
        foreach (var peer in by == By.Torrent ? peers : [])
        {
            await leecher.ConnectAsync(peer, cancellation);
        }
    }
}
