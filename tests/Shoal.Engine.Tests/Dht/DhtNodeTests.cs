using Shoal.Engine.Dht;
using Shoal.Protocol;
using Shoal.Protocol.Dht;

namespace Shoal.Engine.Tests.Dht;

public sealed class DhtNodeTests
{
    private static readonly InfoHash Torrent = DhtWorld.Torrent;

    [Fact]
    public void What_one_announces_another_finds()
    {
        var world = DhtWorld.Grown(60, out var nodes);
        world.Do(nodes[7], now => Assert.True(nodes[7].TrySearch(now, Torrent, 4000)));
        world.Run(TimeSpan.FromSeconds(10));
        world.Do(nodes[42], now => Assert.NotEqual(0, nodes[42].Find(now, NodeId.Of(Torrent), findsPeers: true)));
        world.Run(TimeSpan.FromSeconds(10));
        var found = world.News.Single(news => news.Node == nodes[42] && news.Output.Kind == DhtOutputKind.PeerFound);
        Assert.Equal(DhtWorld.AddressOf(7, 4000), found.Output.Address);
        var result = world.News.Last(news => news.Node == nodes[42] && news.Output.Lookup != 0 && news.Output.Result is not null).Output.Result!;
        Assert.Equal(1, result.PeerCount);
        Assert.InRange(result.Hops, 1, 6);
    }

    [Fact]
    public void Who_came_first_hears_soon_of_those_that_came_later()
    {
        var world = new DhtWorld();
        List<DhtNode> nodes = [];
        for (var i = 0; i < 20; i++)
        {
            nodes.Add(world.Add(DhtWorld.AddressOf(i), i == 0 ? null : DhtWorld.AddressOf(0))); // all begin at one, all at once
        }

        world.Run(TimeSpan.FromSeconds(60));
        Assert.All(nodes, node => Assert.InRange(node.Status.NodeCount, 8, 20));
    }

    [Fact]
    public void A_lookup_ends_at_the_nodes_that_are_nearest_of_all()
    {
        var world = DhtWorld.Grown(120, out var nodes);
        world.Do(nodes[3], now => nodes[3].Find(now, NodeId.Of(Torrent), findsPeers: false));
        world.Run(TimeSpan.FromSeconds(20));
        var result = world.News.Last(news => news.Node == nodes[3] && news.Output.Lookup == 1 && news.Output.Result is not null).Output.Result!;
        var nearest = nodes.Where(node => node != nodes[3]).Select(node => node.Id).OrderBy(id => id.DistanceTo(NodeId.Of(Torrent))).Take(8);
        Assert.Equal(nearest, result.Nearest.Select(contact => contact.Id));
    }

    [Fact]
    public void Ids_follow_from_the_address_that_others_see()
    {
        var world = DhtWorld.Grown(30, out var nodes);
        for (var i = 1; i < nodes.Count; i++)
        {
            Assert.True(SecureNodeId.Fits(nodes[i].Id, DhtWorld.AddressOf(i)), $"node {i}");
            Assert.Equal(DhtWorld.AddressOf(i, 0), nodes[i].Status.ExternalAddress);
        }
    }

    [Fact]
    public void Nodes_that_are_gone_leave_the_table_and_lookups_still_end()
    {
        var world = DhtWorld.Grown(80, out var nodes);
        for (var i = 40; i < 80; i++)
        {
            world.Remove(DhtWorld.AddressOf(i));
        }

        world.Run(TimeSpan.FromMinutes(45));
        Assert.InRange(nodes[1].Status.NodeCount, 10, 45);
        world.Do(nodes[5], now => nodes[5].TrySearch(now, Torrent, 0));
        world.Run(TimeSpan.FromSeconds(30));
        world.Do(nodes[30], now => nodes[30].Find(now, NodeId.Of(Torrent), findsPeers: true));
        world.Run(TimeSpan.FromSeconds(30));
        Assert.Contains(world.News, news => news.Node == nodes[30] && news.Output.Address == DhtWorld.AddressOf(5));
    }

    [Fact]
    public void A_hostile_flood_leaves_it_bounded_and_answering()
    {
        var world = DhtWorld.Grown(40, out var nodes);
        var victim = DhtWorld.AddressOf(1);
        var limits = new DhtLimits();
        var random = new Random(5);
        var honest = DhtWorld.Query(KrpcMethod.GetPeers);
        var answered = 0;
        for (var second = 0; second < 5; second++)
        {
            var honestAt = random.Next(50);
            for (var part = 0; part < 50; part++)
            {
                for (var i = 0; i < 200; i++)
                {
                    world.Hit(DhtWorld.AddressOf(random.Next(9000) + 200, (ushort)random.Next(1, 65536)), victim, Hostile(random));
                }

                if (part == honestAt)
                {
                    world.Hit(DhtWorld.AddressOf(9999), victim, honest);
                }

                world.Run(TimeSpan.FromMilliseconds(20));
            }

            answered += world.Strays.Exists(stray => stray.To == DhtWorld.AddressOf(9999)) ? 1 : 0;
            world.Strays.Clear();
        }

        var status = nodes[1].Status;
        Assert.InRange(status.NodeCount, 10, 45); // nobody got in by a made-up source
        Assert.InRange(status.PeerCount, 0, limits.MaximumPeerCount);
        Assert.InRange(status.PendingCount, 0, limits.MaximumPendingCount);
        Assert.True(answered >= 4, $"{answered} of 5 honest queries were answered");
    }

    [Fact]
    public void Two_nodes_that_have_only_each_other_find_what_they_announce()
    {
        var world = DhtWorld.Grown(2, out var nodes);
        world.Do(nodes[0], now => nodes[0].Find(now, NodeId.Of(Torrent), findsPeers: true, announcePort: 4000));
        world.Run(TimeSpan.FromSeconds(5));
        world.Do(nodes[1], now => nodes[1].Find(now, NodeId.Of(Torrent), findsPeers: true)); // who keeps it is who looks for it
        world.Run(TimeSpan.FromSeconds(5));
        Assert.Equal(DhtWorld.AddressOf(0, 4000), Assert.Single(world.News, news => news.Output.Kind == DhtOutputKind.PeerFound && news.Node == nodes[1]).Output.Address);
    }

    [Fact]
    public void A_node_that_is_named_to_itself_does_not_ask_itself_on_and_on()
    {
        var world = DhtWorld.Grown(2, out var nodes);
        var sent = nodes[1].Status.QueriesSent;
        world.Hit(DhtWorld.AddressOf(1), DhtWorld.AddressOf(1), DhtWorld.Query(KrpcMethod.Ping, id: nodes[1].Id));
        Assert.Equal(sent, nodes[1].Status.QueriesSent);
    }

    [Fact]
    public void A_lookup_that_is_led_to_its_own_node_does_not_end_there()
    {
        var world = new DhtWorld();
        var node = world.Add(DhtWorld.AddressOf(0), DhtWorld.AddressOf(0)); // it is told to begin at itself
        world.Do(node, now => Assert.True(node.TrySearch(now, Torrent, 0)));
        world.Run(TimeSpan.FromMinutes(1));
        Assert.Equal((0, 0), (node.Status.NodeCount, node.Status.PeerCount));
        Assert.All(world.News.Where(news => news.Output.Result is not null), news => Assert.Empty(news.Output.Result!.Nearest));
    }

    [Fact]
    public void An_announce_without_a_token_of_its_own_is_refused()
    {
        var world = DhtWorld.Grown(2, out var nodes);
        world.Hit(DhtWorld.AddressOf(500), DhtWorld.AddressOf(0), DhtWorld.Query(KrpcMethod.AnnouncePeer));
        world.Run(TimeSpan.FromSeconds(1));
        Assert.Equal(0, nodes[0].Status.PeerCount);
        Assert.Contains(world.Strays, stray => KrpcReader.TryRead(stray.Packet, out var message) && message.ErrorCode == 203);
    }

    [Fact]
    public void A_read_only_node_asks_and_is_not_asked()
    {
        var world = DhtWorld.Grown(20, out var nodes);
        var address = DhtWorld.AddressOf(77);
        var reader = world.Add(address, DhtWorld.AddressOf(0), options => options with { IsReadOnly = true });
        world.Do(nodes[3], now => nodes[3].TrySearch(now, Torrent, 0));
        world.Run(TimeSpan.FromSeconds(20));
        world.Do(reader, now => reader.Find(now, NodeId.Of(Torrent), findsPeers: true));
        world.Run(TimeSpan.FromSeconds(20));
        Assert.Contains(world.News, news => news.Node == reader && news.Output.Address == DhtWorld.AddressOf(3));
        Assert.DoesNotContain(nodes, node => node.Save().Nodes.Any(contact => contact.Address == address));
    }

    [Fact]
    public void A_snapshot_brings_a_node_back_without_bootstrap()
    {
        var world = DhtWorld.Grown(20, out var nodes);
        Assert.True(DhtSnapshot.TryRead(DhtSnapshot.Write(nodes[4].Save(), null), out var snapshot, out var none));
        Assert.Null(none);
        var back = world.Add(DhtWorld.AddressOf(90), null, options => options with { KnownNodes = snapshot!.Nodes });
        world.Run(TimeSpan.FromSeconds(20));
        Assert.InRange(back.Status.NodeCount, 8, 20);
        var bytes = DhtSnapshot.Write(nodes[4].Save(), null);
        for (var i = 0; i < bytes.Length; i++)
        {
            Assert.False(DhtSnapshot.TryRead(bytes.AsSpan(0, i), out _, out _));
        }
    }

    // Queries from made-up sources, answers that nobody asked for, noise, packets too long.
    private static byte[] Hostile(Random random)
    {
        var bytes = DhtWorld.Query((KrpcMethod)random.Next(1, 6));
        switch (random.Next(4))
        {
            case 0:
                random.NextBytes(bytes);
                break;
            case 1:
                bytes[random.Next(bytes.Length)] ^= (byte)random.Next(256);
                break;
            case 2:
                bytes = [.. bytes, .. new byte[5000]];
                break;
            default:
                random.NextBytes(bytes.AsSpan(12, 20));
                break;
        }

        return bytes;
    }
}
