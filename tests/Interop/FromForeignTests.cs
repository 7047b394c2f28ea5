using Shoal.Interop.Foreign;

namespace Shoal.Interop;

/// <summary>A client that nobody here wrote seeds, and <c>shoal get</c> fetches from it.</summary>
public sealed class FromForeignTests
{
    [Theory]
    [InlineData(Client.Libtorrent, By.Torrent, Way.Direct)]
    [InlineData(Client.Libtorrent, By.Magnet, Way.Direct)]
    [InlineData(Client.Libtorrent, By.Magnet, Way.OurUdp)]
    [InlineData(Client.Libtorrent, By.Torrent, Way.OpentrackerUdp)]
    [InlineData(Client.Aria2, By.Torrent, Way.Direct)]
    [InlineData(Client.Aria2, By.Magnet, Way.OurHttp)]
    [InlineData(Client.Aria2, By.Torrent, Way.OpentrackerHttp)]
    [InlineData(Client.Transmission, By.Magnet, Way.Direct)]
    [InlineData(Client.Transmission, By.Torrent, Way.OurUdp)]
    [InlineData(Client.Transmission, By.Magnet, Way.OpentrackerHttp)]
    public async Task Shoal_gets_a_file_from(Client client, By by, Way way)
    {
        Need.Installed(client);
        Need.Installed(way);
        await using var scenario = new Scenario();
        await scenario.RunAsync(() => FetchAsync(
            scenario, client, by, way, Payload.Write(Path.Combine(scenario.Source, "a file.bin"), client.PayloadLength())));
    }

    [Theory]
    [InlineData(Client.Libtorrent)]
    [InlineData(Client.Aria2)]
    [InlineData(Client.Transmission)]
    public async Task Shoal_gets_a_folder_with_nested_empty_and_odd_named_files_from(Client client)
    {
        Need.Installed(client);
        await using var scenario = new Scenario();
        await scenario.RunAsync(() => FetchAsync(
            scenario, client, By.Torrent, Way.Direct,
            Payload.WriteFolder(Path.Combine(scenario.Source, "odd things"), client.PayloadLength())));
    }

    [Theory]
    [InlineData(1)]
    [InlineData((256 * 1024) - 1)]
    [InlineData(256 * 1024)]
    [InlineData((256 * 1024) + 1)]
    public async Task Shoal_gets_from_libtorrent_a_file_of_bytes(long length)
    {
        Need.Installed(Client.Libtorrent);
        await using var scenario = new Scenario(60);
        await scenario.RunAsync(() => FetchAsync(
            scenario, Client.Libtorrent, By.Torrent, Way.Direct, Payload.Write(Path.Combine(scenario.Source, "file"), length)));
    }

    [Fact]
    public async Task Shoal_gets_from_libtorrent_a_file_of_over_4_GiB()
    {
        Need.Installed(Client.Libtorrent);
        await using var scenario = new Scenario(240);
        const long length = (4L << 30) + (64 * 1024) + 1;
        await scenario.RunAsync(() => FetchAsync(
            scenario, Client.Libtorrent, By.Torrent, Way.Direct,
            Payload.WriteSparse(Path.Combine(scenario.Source, "huge"), length, 12345, (2L << 30) - 9, (4L << 30) - 20_000, length - 11),
            pieceLength: 4 * Payload.MiB));
    }

    private static async Task FetchAsync(
        Scenario scenario, Client client, By by, Way way, string source, int pieceLength = 256 * 1024)
    {
        var torrent = TestTorrent.Create(source, scenario.Scratch.File("x.torrent"), pieceLength);
        var tracker = await scenario.TrackerAsync(way, torrent);
        torrent.AnnouncedTo(tracker is null ? [] : [tracker.Url]);
        var seeder = await scenario.StartAsync(client);
        await seeder.SeedAsync(torrent.File, scenario.Source, scenario.Cancellation);
        if (tracker is not null)
        {
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
