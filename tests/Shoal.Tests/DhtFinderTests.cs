using System.Net;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Shoal.Discovery;
using Shoal.Engine;
using Shoal.Protocol;
using Shoal.Protocol.Metadata;
using Shoal.Sockets.Dht;

namespace Shoal.Tests;

/// <summary>Which torrents a client looks for in the DHT, and where it hears of nodes: clients and nodes on loopback that know nobody else.</summary>
public sealed class DhtFinderTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task What_is_private_or_not_for_strangers_is_neither_looked_for_nor_announced()
    {
        using var place = new Workplace();
        using var hidden = await MakeAsync(place, "hidden.bin", isPrivate: true);
        using var shared = await MakeAsync(place, "shared.bin");
        await using var node = NewNode();
        await using var client = await StartAsync(place, $"127.0.0.1:{node.Port}");
        await client.AddAsync(TorrentSource.FromMetainfo(hidden.Metainfo), place.Root);
        await client.ShareAsync(shared); // nobody said that it is for all
        await client.AddAsync(TorrentSource.Parse($"magnet:?xt=urn:btih:{new string('b', 40)}&x.dht=off"), place.At("b"));
        using var passedOn = await NewTorrent.HashAsync(place.Write("passed on.bin", 1000), new NewTorrentOptions { MayUseDht = false });
        await File.WriteAllBytesAsync(place.At("x.torrent"), MetainfoWriter.ToArray(passedOn.Metainfo));
        await client.AddAsync(TorrentSource.Parse(place.At("x.torrent")), place.At("d"));
        Assert.Null(client.Dht!.Client); // no port is opened for these

        using var open = await MakeAsync(place, "open.bin");
        await client.AddAsync(TorrentSource.FromMetainfo(open.Metainfo), place.Root);
        await UntilAsync(() => node.Status[0].Status.PeerCount == 1);
        Assert.Equal(1, node.Status[0].Status.TorrentCount);
        Assert.Equal(1, client.Dht.Client!.Status[0].Status.SearchCount);
        Assert.All(await node.GetPeersAsync(hidden.Metainfo.InfoHash), result => Assert.Equal(0, result.PeerCount));
    }

    [Fact]
    public async Task A_magnet_link_is_looked_for_and_is_announced_once_its_metadata_says_that_it_is_not_private()
    {
        using var place = new Workplace();
        using var open = await MakeAsync(place, "open.bin");
        using var made = await MakeAsync(place, "x.bin");
        await using var node = NewNode();
        await using var client = await StartAsync(place, $"127.0.0.1:{node.Port}");
        await client.AddAsync(TorrentSource.FromMetainfo(open.Metainfo), place.Root);
        await UntilAsync(() => node.Status[0].Status.PeerCount == 1); // it has joined
        await client.AddAsync(TorrentSource.Parse($"{made.Metainfo.InfoHash}"), place.At("waits"));
        var looking = client.Dht!.Client!;
        await UntilAsync(() => looking.Status[0].Status is { SearchCount: 2, LookupCount: 0 });
        Assert.All(await looking.GetPeersAsync(made.Metainfo.InfoHash), result => Assert.Equal(0, result.PeerCount));

        var hash = made.Metainfo.InfoHash;
        await using var seeder = await place.StartAsync();
        await seeder.ShareAsync(made);
        await using var friend = NewNode(node);
        friend.Search(hash, seeder.EndPoint.Port, _ => { });
        await UntilAsync(() => node.Status[0].Status.PeerCount >= 2);
        await using var leecher = await StartAsync(place, $"127.0.0.1:{node.Port}");
        await (await leecher.AddAsync(TorrentSource.Parse($"{hash}"), place.At("out"))).Completion.WaitAsync(Patience);
        await UntilAsync(() => node.Status[0].Status.PeerCount >= 3);
    }

    [Fact]
    public async Task Once_the_metadata_says_that_it_is_private_the_search_ends_and_who_was_found_is_left()
    {
        using var place = new Workplace();
        using var made = await MakeAsync(place, "x.bin", isPrivate: true);
        await using var seeder = await place.StartAsync();
        await seeder.ShareAsync(made);
        await using var node = NewNode();
        await using var traitor = NewNode(node);
        traitor.Search(made.Metainfo.InfoHash, seeder.EndPoint.Port, _ => { });
        await UntilAsync(() => node.Status[0].Status.PeerCount == 1);

        await using var leecher = await StartAsync(place, $"127.0.0.1:{node.Port}");
        var torrent = await leecher.AddAsync(TorrentSource.Parse($"{made.Metainfo.InfoHash}"), place.At("out"));
        Assert.True((await torrent.Metadata.WaitAsync(Patience)).IsPrivate);
        Assert.Equal(0, leecher.Dht!.Client!.Status[0].Status.SearchCount);
        var gone = await EventAsync<SwarmEvent.PeerDisconnected>(torrent);
        Assert.Equal("the torrent is private, and no tracker named this peer", gone.Reason);
        Assert.False(torrent.Completion.IsCompleted);
        Assert.Equal(1, node.Status[0].Status.PeerCount); // the seeder: we were not told of
    }

    [Fact]
    public async Task What_has_failed_is_looked_for_no_more()
    {
        using var place = new Workplace();
        using var made = await MakeAsync(place, "x.bin");
        await using var client = await StartAsync(place);
        var torrent = await client.AddAsync(TorrentSource.FromMetainfo(made.Metainfo), place.At("nothing here"), new AddOptions { SeedOnly = true });
        await Assert.ThrowsAsync<ShoalException>(() => torrent.Completion.WaitAsync(Patience));
        Assert.Equal(0, client.Dht!.Client!.Status[0].Status.SearchCount);
    }

    [Fact]
    public async Task A_search_that_has_ended_is_not_begun_again_by_a_port_that_changes()
    {
        using var place = new Workplace();
        var port = 1;
        await using var finder = new DhtFinder(
            new DhtClientOptions { BindAddress = IPAddress.Loopback, Bootstrap = [], StateFile = place.At("dht") }, 0, () => Interlocked.Increment(ref port), _ => { },
            NullLogger.Instance);
        var hashes = Enumerable.Range(0, 500).Select(number => new InfoHash(Encoding.ASCII.GetBytes($"{number:D20}"))).ToArray();
        foreach (var hash in hashes)
        {
            finder.Begin(hash, mayTell: true, _ => { });
        }

        using var ended = new CancellationTokenSource();
        var changing = Task.Run(() =>
        {
            while (!ended.IsCancellationRequested)
            {
                finder.PortChanged();
            }
        });
        Array.ForEach(hashes, finder.End);
        await ended.CancelAsync();
        await changing;
        Assert.Equal(0, finder.Client!.Status[0].Status.SearchCount);
    }

    [Fact]
    public async Task Peers_tell_each_other_of_their_nodes()
    {
        using var place = new Workplace();
        using var made = await MakeAsync(place, "x.bin");
        await using var seeder = await StartAsync(place);
        await seeder.ShareAsync(made, new AddOptions { IsPublic = true });
        await using var leecher = await StartAsync(place);
        var torrent = await leecher.AddAsync(TorrentSource.Parse($"{made.Metainfo.InfoHash}"), place.At("out"), new AddOptions { Peers = [$"{seeder.EndPoint}"] });
        await torrent.Completion.WaitAsync(Patience);
        await UntilAsync(() => seeder.Dht!.Client!.Status[0].Status.NodeCount == 1 && leecher.Dht!.Client!.Status[0].Status.NodeCount == 1);
    }

    [Theory]
    [InlineData(false, null, true)]
    [InlineData(true, null, false)]
    [InlineData(false, false, false)]
    public async Task A_torrent_that_may_be_looked_for_says_where_to_begin(bool isPrivate, bool? isPublic, bool isBegun)
    {
        using var place = new Workplace();
        using var made = await MakeAsync(place, "x.bin", isPrivate);
        await using var node = NewNode();
        byte[] document =
        [
            .. "d4:info"u8, .. made.Metainfo.InfoBytes.Span, .. Encoding.ASCII.GetBytes($"5:nodesll4:a..bi1eel9:127.0.0.1i{node.Port}eeee"),
        ];
        Assert.True(MetainfoReader.TryRead(document, out var metainfo, out var error), error);
        await using var client = await StartAsync(place);
        await client.AddAsync(TorrentSource.FromMetainfo(metainfo), place.At("out"), new AddOptions { IsPublic = isPublic });
        if (isBegun)
        {
            await UntilAsync(() => client.Dht!.Client!.Status[0].Status.NodeCount == 1);
        }
        else
        {
            Assert.Null(client.Dht!.Client);
        }
    }

    private static async Task<NewTorrent> MakeAsync(Workplace place, string name, bool isPrivate = false) =>
        await NewTorrent.HashAsync(place.Write(name, 100_000), new NewTorrentOptions { IsPrivate = isPrivate });

    private static DhtClient NewNode(DhtClient? bootstrap = null) => new(new DhtClientOptions
    {
        BindAddress = IPAddress.Loopback, Bootstrap = bootstrap is null ? [] : [new DnsEndPoint("127.0.0.1", bootstrap.Port)],
    });

    private static Task<ShoalClient> StartAsync(Workplace place, params string[] bootstrap) => ShoalClient.StartAsync(new ShoalOptions
    {
        BindAddress = IPAddress.Loopback, StateDirectory = place.At($"state-{Guid.NewGuid()}"), StopGrace = TimeSpan.FromSeconds(1),
        Discovery = new DiscoveryOptions { LooksAround = false, DhtBootstrap = bootstrap },
    });

    // How a node stands is nobody's event.
    private static async Task UntilAsync(Func<bool> isSo)
    {
        using var limit = new CancellationTokenSource(Patience);
        while (!isSo())
        {
            await Task.Delay(10, limit.Token);
        }
    }

    private static async Task<T> EventAsync<T>(TorrentHandle torrent)
    {
        using var limit = new CancellationTokenSource(Patience);
        await foreach (var happened in torrent.ReadEventsAsync(limit.Token))
        {
            if (happened is T wanted)
            {
                return wanted;
            }
        }

        throw new InvalidOperationException($"no {typeof(T).Name} came");
    }
}
