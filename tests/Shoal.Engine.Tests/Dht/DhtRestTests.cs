using System.Buffers;
using Shoal.Engine.Dht;
using Shoal.Protocol;
using Shoal.Protocol.Dht;

namespace Shoal.Engine.Tests.Dht;

/// <summary>Nodes that have nothing to do are quiet, and what they know lasts.</summary>
public sealed class DhtRestTests
{
    [Theory]
    [InlineData("one /24")]
    [InlineData("two hosts")]
    [InlineData("one /64")]
    [InlineData("apart")]
    public void Idle_nodes_are_quiet_wherever_they_stand(string crowd)
    {
        var world = DhtWorld.Grown(20, out var nodes, number => AddressIn(crowd, number));
        world.Run(TimeSpan.FromMinutes(2));
        var before = nodes.Sum(node => node.Status.PacketsReceived);
        world.Run(TimeSpan.FromMinutes(2));
        Assert.InRange((nodes.Sum(node => node.Status.PacketsReceived) - before) / 120.0 / nodes.Count, 0, 0.5);
    }

    [Fact]
    public void Thirty_nodes_of_one_neighbourhood_find_what_each_other_announce()
    {
        var world = DhtWorld.Grown(30, out var nodes, number => AddressIn("one /24", number));
        world.Run(TimeSpan.FromMinutes(2));
        for (var i = 0; i < nodes.Count; i++)
        {
            var torrent = new NodeId([.. "torrent number "u8, .. new byte[4], (byte)i]).ToInfoHash();
            var (owner, seeker) = (nodes[i], nodes[(i + 11) % nodes.Count]);
            world.Do(owner, now => owner.TrySearch(now, torrent, 0));
            world.Run(TimeSpan.FromSeconds(10));
            world.Do(seeker, now => seeker.Find(now, NodeId.Of(torrent), findsPeers: true));
            world.Run(TimeSpan.FromSeconds(10));
            Assert.Contains(world.News, news => news.Node == seeker && news.Output.Target == NodeId.Of(torrent) && news.Output.Address == AddressIn("one /24", i));
        }
    }

    [Fact]
    public void Who_asks_too_much_or_as_us_is_not_asked_back()
    {
        var world = DhtWorld.Grown(20, out var nodes);
        var host = DhtWorld.AddressOf(500);
        var before = nodes[1].Status.QueriesSent;
        for (var i = 0; i < new DhtLimits().QueriesPerHostBurst; i++)
        {
            world.Hit(host, DhtWorld.AddressOf(1), Ping(NodeId.Of(DhtWorld.Torrent), isReadOnly: true));
        }

        world.Hit(host, DhtWorld.AddressOf(1), Ping(NodeId.Of(DhtWorld.Torrent)));
        world.Hit(DhtWorld.AddressOf(501), DhtWorld.AddressOf(1), Ping(nodes[1].Id));
        Assert.Equal(before, nodes[1].Status.QueriesSent);
        world.Hit(DhtWorld.AddressOf(502), DhtWorld.AddressOf(1), Ping(NodeId.Of(DhtWorld.Torrent)));
        Assert.Equal(before + 1, nodes[1].Status.QueriesSent);
    }

    [Fact]
    public void A_run_without_network_keeps_what_an_earlier_one_knew()
    {
        DhtWorld.Grown(20, out var nodes);
        var kept = nodes[4].Save();
        var alone = new DhtWorld();
        var node = alone.Add(DhtWorld.AddressOf(90), null, options => options with { KnownNodes = kept.Nodes, Id = kept.Id });
        alone.Run(TimeSpan.FromSeconds(30));
        Assert.Equal(kept.Id, node.Save().Id);
        Assert.Equal(kept.Nodes, node.Save().Nodes);
    }

    [Fact]
    public void What_lives_now_stands_before_what_lived_once()
    {
        var world = DhtWorld.Grown(10, out var nodes);
        DhtContact[] old = [.. Enumerable.Range(0, 500).Select(i => new DhtContact(NodeId.Of(DhtWorld.Torrent), DhtWorld.AddressOf(1000 + i))), .. nodes[0].Save().Nodes];
        var node = world.Add(DhtWorld.AddressOf(90), DhtWorld.AddressOf(0), options => options with { KnownNodes = old });
        world.Run(TimeSpan.FromSeconds(60));
        var saved = node.Save().Nodes;
        Assert.Equal(DhtSnapshot.MaximumNodeCount, saved.Count);
        Assert.Equal(node.Status.NodeCount, saved.Take(node.Status.NodeCount).Count(contact => nodes.Exists(other => other.Id == contact.Id)));
        Assert.Equal(saved.Count, saved.DistinctBy(contact => contact.Address).Count());
    }

    [Fact]
    public void A_search_that_was_ended_announces_nothing()
    {
        var world = DhtWorld.Grown(30, out var nodes);
        world.Do(nodes[3], now => nodes[3].TrySearch(now, DhtWorld.Torrent, 4000));
        world.Run(TimeSpan.FromMilliseconds(10));
        nodes[3].EndSearch(DhtWorld.Torrent);
        Assert.Equal(0, nodes[3].Status.LookupCount);
        world.Run(TimeSpan.FromSeconds(10));
        Assert.Equal(0, nodes.Sum(node => node.Status.PeerCount));
    }

    [Fact]
    public void Who_answers_errors_only_leaves_the_table()
    {
        var world = DhtWorld.Grown(12, out var nodes);
        var broken = DhtWorld.AddressOf(5);
        Assert.Contains(nodes[1].Save().Nodes, contact => contact.Address == broken);
        world.Remove(broken);
        for (var second = 0; second < 45 * 60; second++)
        {
            world.Run(TimeSpan.FromSeconds(1));
            foreach (var (_, packet) in world.Strays.Where(stray => stray.To == broken).ToList())
            {
                if (KrpcReader.TryRead(packet, out var query) && query.Id == nodes[1].Id)
                {
                    var output = new ArrayBufferWriter<byte>();
                    new KrpcWriter().Write(new KrpcMessage { Kind = KrpcKind.Error, Transaction = query.Transaction, ErrorCode = 202, ErrorText = "no"u8 }, output);
                    world.Hit(broken, DhtWorld.AddressOf(1), output.WrittenSpan);
                }
            }

            world.Strays.Clear();
        }

        Assert.DoesNotContain(nodes[1].Save().Nodes, contact => contact.Address == broken);
    }

    private static byte[] Ping(NodeId id, bool isReadOnly = false)
    {
        var output = new ArrayBufferWriter<byte>();
        new KrpcWriter().Write(
            new KrpcMessage { Kind = KrpcKind.Query, Method = KrpcMethod.Ping, Transaction = "ab"u8, Id = id, IsReadOnly = isReadOnly }, output);
        return output.WrittenSpan.ToArray();
    }

    private static PeerAddress AddressIn(string crowd, int number) => crowd switch
    {
        "one /24" => PeerAddress.FromBytes([20, 0, 0, (byte)(number + 1)], 6881),
        "two hosts" => PeerAddress.FromBytes([20, (byte)(number % 2), 0, 1], (ushort)(6881 + number)),
        "one /64" => PeerAddress.FromBytes([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, (byte)(number + 1)], 6881),
        _ => DhtWorld.AddressOf(number),
    };
}
