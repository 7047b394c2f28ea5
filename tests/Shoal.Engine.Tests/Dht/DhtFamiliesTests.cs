using System.Buffers;
using System.Net;
using Shoal.Engine.Dht;
using Shoal.Protocol;
using Shoal.Protocol.Dht;

namespace Shoal.Engine.Tests.Dht;

/// <summary>Hosts with a node of each family (BEP 32): two DHTs, which help each other to nodes and keep apart in all else.</summary>
public sealed class DhtFamiliesTests
{
    private const int HostCount = 12;
    private static readonly InfoHash Torrent = new("aaaaaaaaaaaaaaaaaaaa"u8);
    private readonly DhtWorld _world = new();
    private readonly List<DhtNode> _ipv4 = [];
    private readonly List<DhtNode> _ipv6 = [];

    public DhtFamiliesTests()
    {
        for (var i = 0; i < HostCount; i++)
        {
            _ipv4.Add(_world.Add(DhtWorld.AddressOf(i), i == 0 ? null : DhtWorld.AddressOf(0)));
            // Of IPv6 only the second is told where to begin: the others learn of these two from IPv4 nodes.
            _ipv6.Add(_world.Add(AddressOf(i), i == 1 ? AddressOf(0) : null));
            _world.Pair(DhtWorld.AddressOf(i), AddressOf(i));
            _world.Run(TimeSpan.FromSeconds(1));
        }

        _world.Run(TimeSpan.FromSeconds(60));
    }

    [Fact]
    public void Nodes_of_the_one_family_are_found_by_way_of_the_other_and_no_table_mixes_them()
    {
        Assert.All(_ipv4, node => Assert.InRange(node.Status.NodeCount, 8, HostCount));
        Assert.All(_ipv6, node => Assert.InRange(node.Status.NodeCount, 8, HostCount));
        Assert.All(_ipv4, node => Assert.All(node.Save().Nodes, contact => Assert.Equal(PeerAddressKind.IPv4, contact.Address.Kind)));
        Assert.All(_ipv6, node => Assert.All(node.Save().Nodes, contact => Assert.Equal(PeerAddressKind.IPv6, contact.Address.Kind)));
    }

    [Theory]
    [InlineData(PeerAddressKind.IPv4, KrpcWant.Unsaid, true, false)]
    [InlineData(PeerAddressKind.IPv4, KrpcWant.IPv4, true, false)]
    [InlineData(PeerAddressKind.IPv4, KrpcWant.IPv6, false, true)]
    [InlineData(PeerAddressKind.IPv4, KrpcWant.IPv4 | KrpcWant.IPv6, true, true)]
    [InlineData(PeerAddressKind.IPv6, KrpcWant.Unsaid, false, true)]
    [InlineData(PeerAddressKind.IPv6, KrpcWant.IPv4, true, false)]
    [InlineData(PeerAddressKind.IPv6, KrpcWant.IPv4 | KrpcWant.IPv6, true, true)]
    public void Nodes_of_the_family_that_was_asked_are_named_unless_others_are_wanted(PeerAddressKind family, KrpcWant want, bool hasIPv4, bool hasIPv6)
    {
        foreach (var method in new[] { KrpcMethod.FindNode, KrpcMethod.GetPeers })
        {
            var (to, from) = family == PeerAddressKind.IPv4 ? (DhtWorld.AddressOf(3), DhtWorld.AddressOf(700)) : (AddressOf(3), AddressOf(700));
            var (nodes, nodes6) = Ask(method, want, from, to);
            Assert.Equal(hasIPv4, nodes.Count > 0);
            Assert.Equal(hasIPv6, nodes6.Count > 0);
            Assert.Subset(Enumerable.Range(0, HostCount).Select(number => DhtWorld.AddressOf(number)).ToHashSet(), nodes.ToHashSet());
            Assert.Subset(Enumerable.Range(0, HostCount).Select(AddressOf).ToHashSet(), nodes6.ToHashSet());
        }
    }

    [Fact]
    public void A_node_without_a_partner_knows_nobody_of_the_other_family()
    {
        var alone = DhtWorld.AddressOf(50);
        _world.Add(alone, DhtWorld.AddressOf(0));
        _world.Run(TimeSpan.FromSeconds(10));
        var (nodes, nodes6) = Ask(KrpcMethod.FindNode, KrpcWant.IPv4 | KrpcWant.IPv6, DhtWorld.AddressOf(700), alone);
        Assert.NotEmpty(nodes);
        Assert.Empty(nodes6);
    }

    [Fact]
    public void Peers_are_of_the_family_in_which_they_announced()
    {
        _world.Do(_ipv4[2], now => _ipv4[2].TrySearch(now, Torrent, 4000));
        _world.Run(TimeSpan.FromSeconds(10));
        _world.Do(_ipv6[9], now => _ipv6[9].Find(now, NodeId.Of(Torrent), findsPeers: true));
        _world.Do(_ipv4[9], now => _ipv4[9].Find(now, NodeId.Of(Torrent), findsPeers: true));
        _world.Run(TimeSpan.FromSeconds(10));
        var found = _world.News.Where(news => news.Output is { Kind: DhtOutputKind.PeerFound, Lookup: > 0 }).Select(news => (news.Node, news.Output.Address));
        Assert.Equal([(_ipv4[9], DhtWorld.AddressOf(2, 4000))], found);
    }

    [Fact]
    public void A_packet_of_the_other_family_is_dropped()
    {
        var before = _ipv6[0].Status;
        _world.Hit(DhtWorld.AddressOf(700), AddressOf(0), Query(KrpcMethod.Ping, KrpcWant.Unsaid));
        Assert.Equal((before.PacketsDropped + 1, before.QueriesReceived), (_ipv6[0].Status.PacketsDropped, _ipv6[0].Status.QueriesReceived));
    }

    private static PeerAddress AddressOf(int number) =>
        PeerAddress.From(IPAddress.Parse($"2a00:{number + 1:x}::1"), 6881);

    private (List<PeerAddress> Nodes, List<PeerAddress> Nodes6) Ask(KrpcMethod method, KrpcWant want, PeerAddress from, PeerAddress to)
    {
        _world.Strays.Clear();
        _world.Hit(from, to, Query(method, want));
        _world.Run(TimeSpan.FromSeconds(1));
        foreach (var (receiver, packet) in _world.Strays)
        {
            if (receiver == from && KrpcReader.TryRead(packet, out var message) && message.Kind == KrpcKind.Reply)
            {
                return (AddressesOf(message.Nodes, DhtContact.CompactLengthIPv4), AddressesOf(message.Nodes6, DhtContact.CompactLengthIPv6));
            }
        }

        throw new InvalidOperationException($"{to} did not answer");
    }

    private static List<PeerAddress> AddressesOf(ReadOnlySpan<byte> compact, int length)
    {
        List<PeerAddress> addresses = [];
        while (DhtContact.TryTake(ref compact, length, out var contact))
        {
            addresses.Add(contact.Address);
        }

        return addresses;
    }

    private static byte[] Query(KrpcMethod method, KrpcWant want)
    {
        var output = new ArrayBufferWriter<byte>();
        new KrpcWriter().Write(
            new KrpcMessage { Kind = KrpcKind.Query, Method = method, Transaction = "ab"u8, Id = NodeId.Of(Torrent), Target = NodeId.Of(Torrent), Want = want, IsReadOnly = true }, output);
        return output.WrittenSpan.ToArray();
    }
}
