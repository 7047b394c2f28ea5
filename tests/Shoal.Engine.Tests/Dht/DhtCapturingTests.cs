using Shoal.Engine.Dht;
using Shoal.Protocol;
using Shoal.Protocol.Dht;

namespace Shoal.Engine.Tests.Dht;

/// <summary>One host, or one network, does not get hold of a torrent or of a table.</summary>
public sealed class DhtCapturingTests
{
    [Fact]
    public void One_host_does_not_take_a_torrent_from_others()
    {
        var world = DhtWorld.Grown(3, out var nodes);
        for (var i = 0; i < 100; i++)
        {
            world.Announce(DhtWorld.AddressOf(300 + i), DhtWorld.AddressOf(1), 1000);
        }

        var evil = DhtWorld.AddressOf(999);
        world.Announce(evil, DhtWorld.AddressOf(1), [.. Enumerable.Range(2000, 110).Select(port => (ushort)port)]);
        Assert.Equal(100, nodes[1].Status.PeerCount);
        world.Run(TimeSpan.FromSeconds(5));
        world.Hit(DhtWorld.AddressOf(8000), DhtWorld.AddressOf(1), DhtWorld.Query(KrpcMethod.GetPeers));
        world.Run(TimeSpan.FromSeconds(1));
        var peers = Assert.Single(world.Answers(DhtWorld.AddressOf(8000), DhtWorld.PeersOf));
        Assert.Equal(50, peers.Count);
        Assert.InRange(peers.Count(peer => peer.WithPort(0) == evil.WithPort(0)), 0, new DhtLimits().MaximumPeersPerHostAndTorrent);
    }

    [Fact]
    public void Of_a_host_with_many_peers_of_a_torrent_the_latest_are_kept()
    {
        var store = new PeerStore(new DhtLimits(), new Prng(1));
        for (var i = 0; i < 20; i++)
        {
            store.Add(DhtWorld.Torrent, DhtWorld.AddressOf(1, (ushort)(1000 + i)), default, Instant.Zero);
        }

        Span<PeerAddress> peers = new PeerAddress[50];
        Assert.Equal(Enumerable.Range(1012, 8), peers[..store.Choose(DhtWorld.Torrent, peers)].ToArray().Select(peer => (int)peer.Port));
    }

    [Fact]
    public void The_torrents_kept_are_those_nearest_to_us_also_under_a_new_id()
    {
        var random = new Random(1);
        var store = new PeerStore(new DhtLimits { MaximumTorrentCount = 50 }, new Prng(1));
        List<NodeId> kept = [];
        for (var i = 0; i < 600; i++)
        {
            var self = NodeId.Of(DhtWorld.Torrent).Beside(i / 200, default);
            var bytes = new byte[NodeId.Length];
            random.NextBytes(bytes);
            var torrent = new NodeId(bytes);
            store.Add(torrent.ToInfoHash(), DhtWorld.AddressOf(i), self, Instant.Zero);
            kept = [.. kept.Append(torrent).OrderBy(one => one.DistanceTo(self)).Take(50)];
            Assert.Equal(kept.Count, store.TorrentCount);
            Assert.All(kept, one => Assert.Equal(1, store.Choose(one.ToInfoHash(), new PeerAddress[1])));
        }

        store.Expire(Instant.Zero + TimeSpan.FromHours(1));
        Assert.Equal((0, 0), (store.TorrentCount, store.PeerCount));
    }

    [Fact]
    public void Announces_go_to_those_whose_ids_follow_from_their_addresses()
    {
        var target = NodeId.Of(DhtWorld.Torrent);
        var lookup = new Lookup(1, target, findsPeers: true, announcePort: 0, Instant.Zero);
        for (var i = 8; i < 13; i++)
        {
            lookup.Add(new DhtContact(SecureNodeId.For(DhtWorld.AddressOf(i), target), DhtWorld.AddressOf(i)), 1);
        }

        lookup.Add(new DhtContact(target.Beside(9, default), PeerAddress.FromBytes([10, 0, 0, 1], 6881)), 1);
        LetAllAnswer(lookup);
        for (var i = 0; i < 8; i++)
        {
            lookup.Add(new DhtContact(target.Beside(60 + i, default), DhtWorld.AddressOf(i)), 2); // as near as they like
        }

        LetAllAnswer(lookup);
        var chosen = lookup.Trusted().Select(candidate => candidate.Contact).ToList();
        Assert.Equal(8, chosen.Count);
        Assert.All(chosen.Take(6), contact => Assert.True(SecureNodeId.Fits(contact.Id, contact.Address)));
    }

    [Fact]
    public void A_customer_with_many_networks_of_IPv6_is_one_neighbourhood()
    {
        static PeerAddress At(int network, int subnet) =>
            PeerAddress.FromBytes([0x20, 1, 0xd, 0xb8, 0, (byte)network, 0, (byte)subnet, 0, 0, 0, 0, 0, 0, 0, 1], 6881);
        var table = new RoutingTable(default, Instant.Zero);
        var votes = new AddressVotes();
        for (var i = 1; i <= 6; i++)
        {
            table.Answered(new DhtContact(NodeId.Greatest.Beside(10 + i, default), At(1, i)), Instant.Zero);
            votes.Count(At(1, i), At(9, 9));
        }

        Assert.Equal(RoutingTable.PlacesPerNeighbourhood, table.Count);
        Assert.Equal(default, votes.Winner);
        for (var i = 2; i <= 5; i++)
        {
            table.Answered(new DhtContact(NodeId.Greatest.Beside(20 + i, default), At(i, 1)), Instant.Zero);
            votes.Count(At(i, 1), At(9, 9));
        }

        Assert.Equal(RoutingTable.PlacesPerNeighbourhood + 4, table.Count);
        Assert.Equal(At(9, 9).WithPort(0), votes.Winner);
    }

    private static void LetAllAnswer(Lookup lookup)
    {
        while (lookup.TryNext(out var candidate))
        {
            lookup.Asked(candidate);
            lookup.Answered(candidate, candidate.Contact.Id, "token"u8);
        }
    }
}
