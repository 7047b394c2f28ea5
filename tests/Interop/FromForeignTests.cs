using Shoal.Interop.Foreign;

namespace Shoal.Interop;

/// <summary>A client that nobody here wrote seeds, and <c>shoal get</c> fetches from it.</summary>
public sealed class FromForeignTests : TransferTests
{
    [Fact]
    public async Task A_file_of_over_4_GiB_arrives_whole()
    {
        Need.Installed(Client.Libtorrent);
        await using var scenario = new Scenario(240);
        var source = HugeFile.Write(scenario.Source);
        await scenario.RunAsync(() => MoveAsync(
            scenario, Client.Libtorrent, By.Torrent, Way.Direct, source, HugeFile.PieceLength));
    }

    private protected override async Task MoveAsync(
        Scenario scenario, Client client, By by, Way way, string source, int pieceLength)
    {
        var torrent = TestTorrent.Create(source, scenario.Scratch.File("x.torrent"), pieceLength);
        var tracker = await scenario.TrackerAsync(way, torrent);
        torrent.AnnouncedTo(tracker is null ? [] : [tracker.Url]);
        var seeder = await scenario.StartAsync(client);
        await seeder.SeedAsync(torrent.File, scenario.Source, scenario.Cancellation);
        if (tracker is not null)
        {
            // Nobody else is there yet: the seeder announced itself, at the torrent's only URL.
            await TrackerProbe.WaitForSeedersAsync(tracker.Port, torrent.InfoHash, 1, scenario.Cancellation);
        }

        int[] peers = way == Way.Direct ? [seeder.Port] : [];
        string[] trackers = tracker is null ? [] : [tracker.Url];
        var target = scenario.Scratch.Folder("target");
        var leecher = scenario.Join(by == By.Magnet
            ? ShoalProcess.Get(torrent.Magnet(trackers, peers), target, [])
            : ShoalProcess.Get(torrent.File, target, peers));
        await leecher.SucceedAsync(scenario.Cancellation);

        Scenario.AssertSame(source, Path.Combine(target, torrent.Name));
        var sent = await seeder.WaitUntilAsync(counters => counters.Uploaded >= torrent.Length, scenario.Cancellation);
        Assert.InRange(sent.Uploaded, torrent.Length, torrent.Length + (torrent.Length / 10) + (64 * 16384));
    }
}
