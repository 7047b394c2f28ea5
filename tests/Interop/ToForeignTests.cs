using Shoal.Interop.Foreign;

namespace Shoal.Interop;

/// <summary>
/// <c>shoal create</c> and <c>shoal seed</c> (or <c>shoal share</c>) serve, and a client that nobody here wrote fetches.
/// </summary>
public sealed class ToForeignTests : TransferTests
{
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

    /// <summary>
    /// libtorrent writes the zeros of holes that it is sent, 4 GiB to the disk: a minute, and several where the disk is busy.
    /// So it has at first a file that ends short of 4 GiB and is nothing but holes; whatever is not zeros has to travel,
    /// 64 MiB of it past 4 GiB.
    /// </summary>
    [Fact]
    public async Task What_is_missing_of_a_file_of_over_4_GiB_arrives_and_makes_it_whole()
    {
        Need.Installed(Client.Libtorrent);
        await using var scenario = new Scenario(240);
        var source = HugeFile.Write(scenario.Source);
        HugeFile.WriteHoles(scenario.Scratch.Folder("target"));
        await scenario.RunAsync(() => ServeAsync(
            scenario, Client.Libtorrent, By.Torrent, Way.Direct, source, HugeFile.PieceLength, HugeFile.MissingLength));
    }

    private protected override Task MoveAsync(
        Scenario scenario, Client client, By by, Way way, string source, int pieceLength) =>
        ServeAsync(scenario, client, by, way, source, pieceLength);

    private static async Task ServeAsync(
        Scenario scenario, Client client, By by, Way way, string source, int pieceLength, long? missing = null)
    {
        var file = scenario.Scratch.File("x.torrent");
        await scenario.Join(ShoalProcess.Create(source, file, $"{pieceLength / 1024}KiB")).SucceedAsync(scenario.Cancellation);
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

        Assert.InRange(got.Downloaded, missing ?? torrent.Length, long.MaxValue);
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
