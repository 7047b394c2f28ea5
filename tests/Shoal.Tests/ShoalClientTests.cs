using System.Net;
using Shoal.Engine;
using Shoal.Protocol;
using Shoal.Protocol.Metadata;
using Shoal.Tracker;

namespace Shoal.Tests;

/// <summary>The public library over real sockets and files.</summary>
public class ShoalClientTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(65_535)]
    [InlineData(65_536)]
    [InlineData(65_537)]
    [InlineData(5_000_000)]
    public async Task A_file_of_any_size_goes_from_one_client_to_another(int length)
    {
        using var place = new Workplace();
        var path = place.Write("x.bin", length);
        using var made = await NewTorrent.HashAsync(path, new NewTorrentOptions { PieceLength = 65_536 });
        await using var seeder = await place.StartAsync();
        await seeder.ShareAsync(made);
        await using var leecher = await place.StartAsync();
        var torrent = await leecher.AddAsync(
            TorrentSource.FromMagnet(Link(made, seeder)), place.At("out"));
        TorrentProgress? last = null;
        await foreach (var progress in torrent.WatchAsync(TimeSpan.FromMilliseconds(50)))
        {
            last = progress;
        }

        await torrent.Completion.WaitAsync(Patience);
        Assert.Equal(TorrentState.Seeding, last!.State);
        Assert.Equal(1, last.Fraction);
        Assert.Equal(length, last.HaveBytes);
        Assert.Equal(made.Metainfo.InfoHash, torrent.Metainfo!.InfoHash);
        Assert.Equal(place.At("out", "x.bin"), torrent.ContentPath);
        Assert.Equal(await File.ReadAllBytesAsync(path), await File.ReadAllBytesAsync(torrent.ContentPath!));
    }

    [Fact]
    public async Task Every_tracker_hears_of_it_if_the_user_wants_and_each_is_shown()
    {
        using var place = new Workplace();
        using var made = await NewTorrent.HashAsync(place.Write("x.bin", 1000));
        var options = new TrackerOptions { BindAddress = IPAddress.Loopback, Port = 0 };
        await using var first = await TrackerServer.StartAsync(options);
        await using var second = await TrackerServer.StartAsync(options);
        await using var seeder = await place.StartAsync();
        var torrent = await seeder.ShareAsync(
            made, new AddOptions { Trackers = [$"{first.AnnounceUrl}", $"{second.UdpAnnounceUrl}", "http://127.0.0.1:1/announce"], AllTrackers = true });
        var progress = await torrent.GetProgressAsync();
        await foreach (var now in torrent.WatchAsync(TimeSpan.FromMilliseconds(50), whileSeeding: true).WithCancellation(Cancel))
        {
            progress = now;
            if (now.Trackers.All(tracker => tracker.SinceLastAnswer is not null))
            {
                break;
            }
        }

        Assert.Equal((1, 1), (first.Stats.Seeders, second.Stats.Seeders));
        Assert.Equal([1, 1, null], progress.Trackers.Select(tracker => tracker.SeederCount));
        Assert.Equal([null, null, "tracker http://127.0.0.1:1/announce: connection refused"], progress.Trackers.Select(tracker => tracker.Error));
        Assert.All(progress.Trackers, tracker => Assert.InRange(tracker.UntilNextAnnounce!.Value.TotalSeconds, 5, 700));
        await torrent.StopAsync();
        Assert.Equal((0, 0), (first.Stats.Seeders, second.Stats.Seeders));
    }

    [Fact]
    public async Task A_link_with_more_trackers_than_are_looked_at_does_not_keep_out_the_user_s()
    {
        using var place = new Workplace();
        await using var client = await place.StartAsync();
        var link = new MagnetLink { InfoHash = new InfoHash(new byte[20]), Trackers = [.. Enumerable.Range(0, 300).Select(i => $"http://127.0.0.1:1/{i}")] };
        var torrent = await client.AddAsync(
            TorrentSource.FromMagnet(link), place.At("out"), new AddOptions { Trackers = ["http://127.0.0.1:1/mine"] });
        var trackers = (await torrent.GetProgressAsync()).Trackers;
        Assert.Equal((256, "http://127.0.0.1:1/mine"), (trackers.Count, trackers[0].Url));
    }

    [Fact]
    public async Task What_was_verified_once_is_not_fetched_again()
    {
        using var place = new Workplace();
        using var made = await NewTorrent.HashAsync(place.Write("x.bin", 1_000_000));
        await using (var seeder = await place.StartAsync())
        {
            await seeder.ShareAsync(made);
            await using var first = await place.StartAsync();
            await (await first.AddAsync(TorrentSource.FromMagnet(Link(made, seeder)), place.At("out"))).Completion.WaitAsync(Patience);
        }

        await using var second = await place.StartAsync();
        var again = await second.AddAsync(TorrentSource.FromMetainfo(made.Metainfo), place.At("out"));
        await again.Completion.WaitAsync(Patience);
        Assert.Equal(0, (await again.GetProgressAsync()).DownloadedBytes);
    }

    [Fact]
    public async Task A_file_that_changes_while_it_is_shared_is_noticed_not_served_and_left_alone()
    {
        using var place = new Workplace();
        var path = place.Write("d/x.bin", 3 * 65_536);
        place.Write("d/y.bin", 65_536, seed: 2);
        using var made = await NewTorrent.HashAsync(place.At("d"), new NewTorrentOptions { PieceLength = 65_536 });
        await using var seeder = await place.StartAsync();
        var shared = await seeder.ShareAsync(made);
        await shared.Completion.WaitAsync(Patience);
        await File.WriteAllBytesAsync(path, new byte[3 * 65_536]);

        await using var leecher = await place.StartAsync();
        var torrent = await leecher.AddAsync(TorrentSource.FromMagnet(Link(made, seeder)), place.At("out"));
        var lost = await LossAsync(shared);
        Assert.Equal((3, 3, 4), (lost.Pieces.Count, lost.LostCount, lost.PieceCount));
        Assert.Equal($"'{path}' changed since it was checked", lost.Reason);
        await foreach (var progress in torrent.WatchAsync(TimeSpan.FromMilliseconds(50)))
        {
            if (progress.HavePieceCount == 1)
            {
                break;
            }
        }

        var stands = await shared.GetProgressAsync();
        Assert.Equal((TorrentState.Seeding, 1, 3, 65_536L), (stands.State, stands.HavePieceCount, stands.LostPieceCount, stands.HaveBytes));
        Assert.False(torrent.Completion.IsCompleted);
        Assert.Equal(new byte[3 * 65_536], await File.ReadAllBytesAsync(path));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_file_that_changes_while_a_download_is_seeded_is_mended_by_the_next_run_only(bool isNoticed)
    {
        using var place = new Workplace();
        using var made = await NewTorrent.HashAsync(place.Write("x.bin", 4 * 65_536), new NewTorrentOptions { PieceLength = 65_536 });
        await using var seeder = await place.StartAsync();
        await seeder.ShareAsync(made);
        var copy = place.At("out", "x.bin");
        await using (var second = await place.StartAsync())
        {
            var torrent = await second.AddAsync(TorrentSource.FromMagnet(Link(made, seeder)), place.At("out"));
            await torrent.Completion.WaitAsync(Patience);
            await using (var file = File.OpenWrite(copy))
            {
                file.WriteByte((byte)(File.ReadAllBytes(place.At("x.bin"))[0] ^ 1));
            }

            if (isNoticed)
            {
                await using var third = await place.StartAsync();
                await third.AddAsync(TorrentSource.FromMagnet(Link(made, second)), place.At("out3"));
                Assert.Equal(4, (await LossAsync(torrent)).LostCount);
            }
        }

        Assert.NotEqual(await File.ReadAllBytesAsync(place.At("x.bin")), await File.ReadAllBytesAsync(copy));
        await using var next = await place.StartAsync();
        var again = await next.AddAsync(TorrentSource.FromMagnet(Link(made, seeder)), place.At("out"));
        await again.Completion.WaitAsync(Patience);
        Assert.Equal(await File.ReadAllBytesAsync(place.At("x.bin")), await File.ReadAllBytesAsync(copy));
        Assert.Equal(65_536, (await again.GetProgressAsync()).DownloadedBytes);
    }

    [Fact]
    public async Task The_same_torrent_is_not_added_twice()
    {
        using var place = new Workplace();
        await using var client = await place.StartAsync();
        var source = TorrentSource.Parse(new string('a', 40));
        await client.AddAsync(source, place.Root);
        var error = await Assert.ThrowsAsync<ShoalException>(() => client.AddAsync(source, place.Root));
        Assert.Equal($"torrent {new string('a', 40)} is being shared already", error.Message);
    }

    [Fact]
    public async Task Seeding_nothing_fails_and_says_where_it_looked()
    {
        using var place = new Workplace();
        using var made = await NewTorrent.HashAsync(place.Write("x.bin", 1000));
        Directory.CreateDirectory(place.At("elsewhere"));
        await using var client = await place.StartAsync();
        var torrent = await client.AddAsync(TorrentSource.FromMetainfo(made.Metainfo), place.At("elsewhere"), new AddOptions { SeedOnly = true });
        var error = await Assert.ThrowsAsync<ShoalException>(() => torrent.Completion.WaitAsync(Patience));
        Assert.Equal($"nothing of 'x.bin' is in '{place.At("elsewhere")}'", error.Message);
    }

    [Fact]
    public async Task A_port_in_use_is_told_in_one_line()
    {
        using var place = new Workplace();
        await using var first = await place.StartAsync();
        var error = await Assert.ThrowsAsync<ShoalException>(() =>
            ShoalClient.StartAsync(new ShoalOptions { BindAddress = IPAddress.Loopback, Port = first.EndPoint.Port }));
        Assert.Equal(ShoalErrorKind.Environment, error.Kind);
        Assert.Equal($"port {first.EndPoint.Port} on 127.0.0.1 is in use", error.Message);
    }

    [Fact]
    public async Task A_stop_ends_what_waits()
    {
        using var place = new Workplace();
        await using var client = await place.StartAsync();
        var torrent = await client.AddAsync(TorrentSource.Parse(new string('b', 40)), place.Root);
        await torrent.StopAsync().WaitAsync(Patience);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => torrent.Completion);
        Assert.Equal(TorrentState.Stopped, (await torrent.GetProgressAsync()).State);
        await foreach (var unused in torrent.ReadEventsAsync())
        {
            // Only that it ends is of interest.
        }

        var again = await client.AddAsync(TorrentSource.Parse(new string('b', 40)), place.Root);
        Assert.NotSame(torrent, again);
    }

    private static async Task<SwarmEvent.PiecesLost> LossAsync(TorrentHandle torrent)
    {
        using var timeout = new CancellationTokenSource(Patience);
        await foreach (var happened in torrent.ReadEventsAsync(timeout.Token))
        {
            if (happened is SwarmEvent.PiecesLost lost)
            {
                return lost;
            }
        }

        throw new InvalidOperationException("nothing was lost");
    }

    private static MagnetLink Link(NewTorrent made, ShoalClient seeder) => new()
    {
        InfoHash = made.Metainfo.InfoHash,
        Name = made.Metainfo.Name,
        Peers = [new MagnetPeer("127.0.0.1", (ushort)seeder.EndPoint.Port)],
    };
}
