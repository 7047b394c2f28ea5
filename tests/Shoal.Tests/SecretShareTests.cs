using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Shoal.Engine;
using Shoal.Protocol;
using Shoal.Protocol.Metadata;
using Shoal.Protocol.Secrets;
using Shoal.Protocol.Wire;

namespace Shoal.Tests;

/// <summary>Secret shares (docs/secret-shares.md) over real sockets and files.</summary>
public class SecretShareTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);
    private static readonly NewTorrentOptions Secret = new() { IsSecret = true };

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(16_368)]
    [InlineData(16_369)]
    [InlineData(3_000_000)]
    public async Task A_file_of_any_size_arrives_at_who_has_the_link(int length)
    {
        using var place = new Workplace();
        var path = place.Write("a name.bin", length);
        using var made = await NewTorrent.HashAsync(path, Secret);
        await using var seeder = await place.StartAsync();
        await seeder.ShareAsync(made);
        await using var leecher = await place.StartAsync();
        var torrent = await leecher.AddAsync(TorrentSource.FromSecretLink(Link(made, seeder)), place.At("out"));
        await torrent.Completion.WaitAsync(Patience);
        Assert.Equal("a name.bin", torrent.Name);
        Assert.Equal(place.At("out", "a name.bin"), torrent.ContentPath);
        Assert.Equal(await File.ReadAllBytesAsync(path), await File.ReadAllBytesAsync(torrent.ContentPath!));
        Assert.Equal([torrent.ContentPath!], Directory.GetFiles(place.At("out")));
    }

    [Fact]
    public async Task Who_got_it_passes_it_on_to_who_can_read_it_and_to_who_only_carries_it()
    {
        using var place = new Workplace();
        place.Write("d/a", 700_000);
        place.Write("d/sub/b", 600_000, seed: 2);
        place.Write("d/empty", 0);
        using var made = await NewTorrent.HashAsync(place.At("d"), Secret);
        await using var first = await place.StartAsync();
        await using (var seeder = await place.StartAsync())
        {
            await seeder.ShareAsync(made);
            await GetAsync(first, TorrentSource.FromSecretLink(Link(made, seeder)), place.At("first"));
        }

        await using var carrier = await place.StartAsync();
        var carried = await GetAsync(carrier, TorrentSource.FromMagnet(Link(made, first).Magnet), place.At("carried"));
        Assert.True(carried.Metainfo!.IsSealed);
        await first.DisposeAsync();

        await using var second = await place.StartAsync();
        await GetAsync(second, TorrentSource.FromSecretLink(Link(made, carrier)), place.At("second"));
        foreach (var file in (string[])["a", "sub/b", "empty"])
        {
            Assert.Equal(await File.ReadAllBytesAsync(place.At("d", file)), await File.ReadAllBytesAsync(place.At("second", "d", file)));
        }
    }

    [Fact]
    public async Task Who_begins_to_get_it_shows_neither_trackers_nor_peers_where_the_content_ends()
    {
        using var place = new Workplace();
        using var made = await NewTorrent.HashAsync(place.Write("x", 2_100_000), Secret);
        Assert.InRange(made.Content.Files[^1].Length, 2 * made.Metainfo.Layout.PieceLength, long.MaxValue); // pieces of padding alone
        using var tracker = new TcpListener(IPAddress.Loopback, 0);
        tracker.Start();
        await using var leecher = await place.StartAsync();
        await leecher.AddAsync(
            TorrentSource.FromMetainfo(made.Metainfo).With(Link(made)), place.At("out"), new AddOptions { Trackers = [$"http://{tracker.LocalEndpoint}/announce"] });
        using (var announce = await tracker.AcceptTcpClientAsync(Cancel))
        using (var request = new StreamReader(announce.GetStream()))
        {
            Assert.Contains($"&left={made.Metainfo.TotalLength}&", await request.ReadLineAsync(Cancel), StringComparison.Ordinal);
        }

        using var peer = new TcpClient();
        await peer.ConnectAsync(leecher.EndPoint, Cancel);
        var hello = new byte[Handshake.Length];
        new Handshake(made.Metainfo.InfoHash, default, SupportsFast: true, SupportsExtensions: false).WriteTo(hello);
        await peer.GetStream().WriteAsync(hello, Cancel);
        var answer = new byte[Handshake.Length + 5];
        await peer.GetStream().ReadExactlyAsync(answer, Cancel);
        Assert.Equal([0, 0, 0, 1, (byte)PeerMessageKind.HaveNone], answer[Handshake.Length..]);
    }

    [Fact]
    public async Task Each_share_of_the_same_files_has_its_own_key_and_its_own_bytes()
    {
        using var place = new Workplace();
        place.Write("x", 40_000);
        using var one = await NewTorrent.HashAsync(place.At("x"), Secret);
        using var other = await NewTorrent.HashAsync(place.At("x"), Secret);
        Assert.NotEqual(one.Key!.Reveal(), other.Key!.Reveal());
        Assert.NotEqual(one.Metainfo.Name, other.Metainfo.Name);
        Assert.Equal(one.Metainfo.TotalLength, other.Metainfo.TotalLength);
        for (var piece = 0; piece < one.Metainfo.Layout.PieceCount; piece++)
        {
            Assert.NotEqual(one.Metainfo.HashOf(new PieceIndex(piece)), other.Metainfo.HashOf(new PieceIndex(piece)));
        }
    }

    [Fact]
    public async Task The_wrong_key_is_told_before_anything_is_fetched()
    {
        using var place = new Workplace();
        using var made = await NewTorrent.HashAsync(place.Write("x", 400_000), Secret);
        await using var seeder = await place.StartAsync();
        await seeder.ShareAsync(made);
        await using var leecher = await place.StartAsync();
        var link = Link(made, seeder) with { Key = new SecretKey(RandomNumberGenerator.GetBytes(32)) };
        var torrent = await leecher.AddAsync(TorrentSource.FromSecretLink(link), place.At("out"));
        var error = await Assert.ThrowsAsync<ShoalException>(() => torrent.Completion.WaitAsync(Patience));
        Assert.Equal(ShoalErrorKind.BadInput, error.Kind);
        Assert.Equal($"{made.Metainfo.Name}: the link's key does not open it", error.Message);
        Assert.Equal(0, (await torrent.GetProgressAsync()).DownloadedBytes);
        Assert.False(Directory.Exists(place.At("out")) && Directory.EnumerateFileSystemEntries(place.At("out")).Any());
    }

    [Fact]
    public async Task A_get_that_was_stopped_goes_on_and_one_that_was_done_fetches_nothing()
    {
        using var place = new Workplace();
        using var made = await NewTorrent.HashAsync(place.Write("x", 5_000_000), Secret);
        await using var seeder = await ShoalClient.StartAsync(new ShoalOptions
        {
            BindAddress = IPAddress.Loopback, StateDirectory = place.At("state"), MaximumUploadRateBytesPerSecond = 3_000_000,
        });
        await seeder.ShareAsync(made);
        var source = TorrentSource.FromSecretLink(Link(made, seeder));
        await using (var first = await place.StartAsync())
        {
            var torrent = await first.AddAsync(source, place.At("out"));
            await foreach (var progress in torrent.WatchAsync(TimeSpan.FromMilliseconds(20)))
            {
                if (progress.HavePieceCount > 50)
                {
                    break;
                }
            }
        }

        await using (var second = await place.StartAsync())
        {
            var torrent = await GetAsync(second, source, place.At("out"));
            Assert.InRange((await torrent.GetProgressAsync()).DownloadedBytes, 1, 4_500_000);
        }

        Assert.Equal(await File.ReadAllBytesAsync(place.At("x")), await File.ReadAllBytesAsync(place.At("out", "x")));
        await using var third = await place.StartAsync();
        Assert.Equal(0, (await (await GetAsync(third, source, place.At("out"))).GetProgressAsync()).DownloadedBytes);
    }

    [Fact]
    public async Task A_selected_file_arrives_alone()
    {
        using var place = new Workplace();
        place.Write("d/a", 200_000);
        place.Write("d/b", 2_000_000, seed: 2);
        using var made = await NewTorrent.HashAsync(place.At("d"), Secret);
        await using var seeder = await place.StartAsync();
        await seeder.ShareAsync(made);
        await using var leecher = await place.StartAsync();
        var torrent = await leecher.AddAsync(
            TorrentSource.FromSecretLink(Link(made, seeder)), place.At("out"), new AddOptions { Select = ["a"] });
        await torrent.Completion.WaitAsync(Patience);
        Assert.Equal(await File.ReadAllBytesAsync(place.At("d", "a")), await File.ReadAllBytesAsync(place.At("out", "d", "a")));
        Assert.InRange((await torrent.GetProgressAsync()).DownloadedBytes, 200_000, 300_000);
    }

    [Fact]
    public async Task A_share_whose_maker_put_rubbish_under_a_right_hash_ends_with_one_line()
    {
        using var place = new Workplace();
        var key = new SecretKey(RandomNumberGenerator.GetBytes(32));
        var layout = SealedLayout.For(100_000)!;
        var rubbish = place.Write("sealed-bad", (int)layout.TotalLength);
        var header = SecretShare.SealHeader(new SecretHeader("x", false, [new ContentFile("x", 100_000, 0)]), key, layout);
        var builder = new MetainfoBuilder
        {
            Name = "sealed-bad", IsFolder = false, Files = [new NewFile("", layout.TotalLength)], PieceLength = layout.PieceLength,
            PieceHashes = File.ReadAllBytes(rubbish).Chunk(layout.PieceLength).SelectMany(SHA1.HashData).ToArray(), SealedHeader = header,
        };
        Assert.True(builder.TryBuild(out var metainfo, out var wrong), wrong);
        await using var seeder = await place.StartAsync();
        await seeder.AddAsync(TorrentSource.FromMetainfo(metainfo), place.Root, new AddOptions { SeedOnly = true });

        await using var leecher = await place.StartAsync();
        var magnet = new MagnetLink { InfoHash = metainfo.InfoHash, Peers = [new MagnetPeer("127.0.0.1", (ushort)seeder.EndPoint.Port)] };
        var torrent = await leecher.AddAsync(TorrentSource.FromSecretLink(new SecretLink(magnet, key)), place.At("out"));
        var error = await Assert.ThrowsAsync<ShoalException>(() => torrent.Completion.WaitAsync(Patience));
        Assert.Matches("^x: piece [0-9]+ has the hash that the torrent says, and is not what the link's key sealed: whoever made this share made it wrong$", error.Message);
        await foreach (var happened in torrent.ReadEventsAsync())
        {
            Assert.IsNotType<SwarmEvent.Paused>(happened);
            Assert.IsNotType<SwarmEvent.PieceCompleted>(happened);
        }
    }

    [Fact]
    public async Task The_same_link_is_seeded_again_from_the_files_as_long_as_they_are_what_they_were()
    {
        using var place = new Workplace();
        place.Write("d/a", 300_000);
        place.Write("d/b", 300_000, seed: 2);
        using var made = await NewTorrent.HashAsync(place.At("d"), Secret);
        made.Dispose();
        var changed = await File.ReadAllBytesAsync(place.At("d", "b"));
        changed[299_999] ^= 1;
        await File.WriteAllBytesAsync(place.At("d", "b"), changed);

        await using var seeder = await place.StartAsync();
        var source = TorrentSource.FromMetainfo(made.Metainfo).With(Link(made));
        var torrent = await seeder.AddAsync(source, place.Root, new AddOptions { SeedOnly = true });
        await torrent.Completion.WaitAsync(Patience);
        var layout = made.Metainfo.Layout;
        Assert.Equal(layout.PieceCount - 1, (await torrent.GetProgressAsync()).HavePieceCount);

        await using var leecher = await place.StartAsync();
        var got = await leecher.AddAsync(
            TorrentSource.FromSecretLink(Link(made, seeder)), place.At("out"), new AddOptions { Select = ["a"] });
        await got.Completion.WaitAsync(Patience);
        Assert.Equal(await File.ReadAllBytesAsync(place.At("d", "a")), await File.ReadAllBytesAsync(place.At("out", "d", "a")));
    }

    [Fact]
    public async Task Who_seeds_it_again_uses_the_trackers_and_the_peers_of_its_link()
    {
        using var place = new Workplace();
        using var made = await NewTorrent.HashAsync(place.Write("x", 300_000), Secret);
        made.Dispose();
        await using var leecher = await place.StartAsync();
        var got = await leecher.AddAsync(TorrentSource.FromSecretLink(Link(made)), place.At("out"));
        await using var seeder = await place.StartAsync();
        var link = Link(made, leecher);
        link = link with { Magnet = link.Magnet with { Trackers = ["http://127.0.0.1:1/announce"] } };
        var torrent = await seeder.AddAsync(TorrentSource.FromMetainfo(made.Metainfo).With(link), place.Root, new AddOptions { SeedOnly = true });
        await got.Completion.WaitAsync(Patience);
        Assert.Equal(link.Magnet.Trackers, (await torrent.GetProgressAsync()).Trackers.Select(tracker => tracker.Url));
    }

    [Fact]
    public async Task Holes_in_the_files_are_seeded_again_as_the_zeros_that_they_are()
    {
        const int mebibyte = 1 << 20;
        using var place = new Workplace();
        var path = place.Write("sparse", mebibyte);
        using (var file = File.OpenHandle(path, FileMode.Open, FileAccess.Write))
        {
            RandomAccess.Write(file, RandomNumberGenerator.GetBytes(mebibyte), 5 * mebibyte);
        }

        using var made = await NewTorrent.HashAsync(path, Secret);
        made.Dispose();
        await using var seeder = await place.StartAsync();
        var torrent = await seeder.AddAsync(
            TorrentSource.FromMetainfo(made.Metainfo).With(Link(made)), place.Root, new AddOptions { SeedOnly = true });
        await torrent.Completion.WaitAsync(Patience);
        Assert.Equal(made.Metainfo.Layout.PieceCount, (await torrent.GetProgressAsync()).HavePieceCount);
        await using var leecher = await place.StartAsync();
        var got = await GetAsync(leecher, TorrentSource.FromSecretLink(Link(made, seeder)), place.At("out"));
        Assert.Equal(await File.ReadAllBytesAsync(path), await File.ReadAllBytesAsync(got.ContentPath!));
    }

    [Fact]
    public void The_text_of_a_source_has_no_key()
    {
        var key = new SecretKey(new byte[32]);
        var link = new SecretLink(new MagnetLink { InfoHash = new InfoHash(new byte[20]) }, key);
        Assert.Equal(link.Magnet.ToString(), TorrentSource.Parse(link.Reveal()).ToString());
        Assert.DoesNotContain(key.Reveal(), $"{link}{key}{TorrentSource.FromSecretLink(link)}", StringComparison.Ordinal);
    }

    private static async Task<TorrentHandle> GetAsync(ShoalClient client, TorrentSource source, string folder)
    {
        var torrent = await client.AddAsync(source, folder);
        await torrent.Completion.WaitAsync(Patience);
        return torrent;
    }

    private static SecretLink Link(NewTorrent made, params ShoalClient[] seeders) => new(
        new MagnetLink { InfoHash = made.Metainfo.InfoHash, Peers = [.. seeders.Select(seeder => new MagnetPeer("127.0.0.1", (ushort)seeder.EndPoint.Port))] },
        made.Key!);
}
