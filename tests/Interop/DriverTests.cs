using Shoal.Interop.Foreign;

namespace Shoal.Interop;

/// <summary>
/// The drivers of foreign programs against each other, without Shoal: when one of these fails, the machine or
/// a driver is at fault, and the other tests of this project tell nothing.
/// </summary>
public sealed class DriverTests
{
    [Theory]
    [InlineData(Client.Aria2)]
    [InlineData(Client.Transmission)]
    public async Task A_folder_goes_from_libtorrent_to(Client client)
    {
        Need.Installed(Client.Libtorrent);
        Need.Installed(client);
        await using var scenario = new Scenario();
        await scenario.RunAsync(async () =>
        {
            var source = Payload.WriteFolder(Path.Combine(scenario.Source, "odd things"), 4 * Payload.MiB);
            var torrent = TestTorrent.Create(source, scenario.Scratch.File("x.torrent"));
            var seeder = await scenario.LibtorrentAsync();
            var leecher = await scenario.StartAsync(client);
            await seeder.SeedAsync(torrent.File, scenario.Source, scenario.Cancellation);
            var target = scenario.Scratch.Folder("target");
            await leecher.LeechAsync(TorrentGiven.OfFile(torrent.File), target, scenario.Cancellation);
            await seeder.ConnectAsync(leecher.Port, scenario.Cancellation);

            var got = await leecher.WaitUntilCompleteAsync(scenario.Cancellation);
            var sent = await seeder.WaitUntilAsync(counters => counters.Uploaded >= torrent.Length, scenario.Cancellation);

            Assert.InRange(got.Downloaded, torrent.Length, long.MaxValue);
            Assert.InRange(sent.Uploaded, torrent.Length, long.MaxValue);
            Scenario.AssertSame(source, Path.Combine(target, torrent.Name), withEmptyFiles: false);
        });
    }

    [Theory]
    [InlineData(Client.Aria2)]
    [InlineData(Client.Transmission)]
    public async Task A_file_goes_by_magnet_to_libtorrent_from(Client client)
    {
        Need.Installed(Client.Libtorrent);
        Need.Installed(client);
        await using var scenario = new Scenario();
        await scenario.RunAsync(async () =>
        {
            var source = Payload.Write(Path.Combine(scenario.Source, "one file.bin"), 4 * Payload.MiB + 1);
            var torrent = TestTorrent.Create(source, scenario.Scratch.File("x.torrent"));
            var seeder = await scenario.StartAsync(client);
            var leecher = await scenario.LibtorrentAsync();
            await seeder.SeedAsync(torrent.File, scenario.Source, scenario.Cancellation);
            var target = scenario.Scratch.Folder("target");
            var link = torrent.Magnet(peerPorts: [seeder.Port]);
            await leecher.LeechAsync(TorrentGiven.OfMagnet(link), target, scenario.Cancellation);

            var got = await leecher.WaitUntilCompleteAsync(scenario.Cancellation);
            var sent = await seeder.WaitUntilAsync(counters => counters.Uploaded >= torrent.Length, scenario.Cancellation);

            Assert.InRange(got.Downloaded, torrent.Length, long.MaxValue);
            Assert.InRange(sent.Uploaded, torrent.Length, long.MaxValue);
            Scenario.AssertSame(source, Path.Combine(target, torrent.Name));
        });
    }

    [Theory]
    [InlineData("http", Client.Aria2)]
    [InlineData("udp", Client.Libtorrent)]
    public async Task opentracker_brings_libtorrent_together_with(string scheme, Client client)
    {
        Need.Installed(Client.Libtorrent);
        Need.Installed(client);
        Need.Installed(ForeignPrograms.WhyNoOpentracker);
        await using var scenario = new Scenario();
        await scenario.RunAsync(async () =>
        {
            var source = Payload.Write(Path.Combine(scenario.Source, "file"), 4 * Payload.MiB);
            var torrent = TestTorrent.Create(source, scenario.Scratch.File("x.torrent"));
            var tracker = await scenario.OpentrackerAsync(torrent.InfoHash);
            var url = scheme == "http" ? tracker.HttpUrl : tracker.UdpUrl;
            torrent = TestTorrent.Create(source, torrent.File, trackers: url);
            var seeder = await scenario.LibtorrentAsync();
            await seeder.SeedAsync(torrent.File, scenario.Source, scenario.Cancellation);
            await TrackerProbe.WaitForSeedersAsync(tracker.Port, torrent.InfoHash, 1, scenario.Cancellation);
            var leecher = await scenario.StartAsync(client);
            var target = scenario.Scratch.Folder("target");
            await leecher.LeechAsync(TorrentGiven.OfFile(torrent.File), target, scenario.Cancellation);

            await leecher.WaitUntilCompleteAsync(scenario.Cancellation);

            Scenario.AssertSame(source, Path.Combine(target, torrent.Name));
        });
    }
}
