using System.Net;
using Shoal.Engine.Swarms;
using Shoal.Protocol;
using Shoal.Protocol.Wire;

namespace Shoal.Engine.Tests.Swarms;

/// <summary>Where DHT nodes are, told between peers (BEP 5's message Port).</summary>
public sealed class NodePortTests
{
    private const int PieceLength = 8 * 1024;
    private readonly World _world = new(1, 4 * PieceLength, PieceLength);

    [Fact]
    public void A_peer_that_has_a_node_is_told_of_ours_and_ours_hears_of_its()
    {
        var (stage, _) = Stage.Of(_world, options: WithNode);
        var peer = Join(stage, 1, dht: true);
        Assert.Equal([4000], PortsTold(peer));
        peer.Send(new PeerMessage(PeerMessageKind.Port, Begin: 5000));
        peer.Send(new PeerMessage(PeerMessageKind.Port, Begin: 5001)); // it has one: the first word counts
        Assert.Equal([peer.Address.WithPort(5000)], NodesTold(stage));

        var without = Join(stage, 2, dht: false);
        Assert.Empty(PortsTold(without));
        without.Send(new PeerMessage(PeerMessageKind.Port, Begin: 0));
        Assert.Single(NodesTold(stage));
    }

    [Theory]
    [InlineData("192.0.2.1", true)]
    [InlineData("192.168.1.1", false)]
    [InlineData("127.0.0.1", false)]
    [InlineData("2001:db8::1", false)] // no address of the router's
    [InlineData("fd00::1", false)]
    public void Who_comes_through_a_router_that_gave_other_ports_is_told_those(string from, bool isThrough)
    {
        var (stage, _) = Stage.Of(_world, options: options => WithNode(options) with { ListenPort = 4001 });
        stage.Tell(new Input(InputKind.NodePortChanged, Count: 60_000));
        stage.Tell(new Input(InputKind.PortChanged, Count: 60_001));
        var peer = stage.Come(PeerAddress.From(IPAddress.Parse(from), 6881));
        peer.Shake(1, dht: true);
        Assert.Equal([isThrough ? 60_000 : 4000], PortsTold(peer));
        var hello = peer.Got.Single(message => message.Kind == PeerMessageKind.Extended);
        Assert.Null(ExtensionHandshake.TryRead(hello.Payload.Span, out var handshake));
        Assert.Equal(isThrough ? 60_001 : 4001, handshake.ListenPort);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Nothing_of_it_where_the_torrent_is_private_or_not_for_the_dht(bool isPrivate)
    {
        var (stage, _) = Stage.Of(_world, knowsContent: false, options: isPrivate ? WithNode : options => options);
        stage.KnowContent(isPrivate: isPrivate);
        stage.Tell(new Input(InputKind.NodePortChanged, Count: 60_000));
        var peer = Join(stage, 1, dht: true);
        peer.Send(new PeerMessage(PeerMessageKind.Port, Begin: 5000));
        Assert.Empty(PortsTold(peer));
        Assert.Empty(NodesTold(stage));
    }

    private static SwarmOptions WithNode(SwarmOptions options) => options with { DhtPort = 4000 };

    private static RawPeer Join(Stage stage, int number, bool dht)
    {
        var peer = stage.Come(number);
        peer.Shake(number, dht: dht);
        return peer;
    }

    private static IEnumerable<int> PortsTold(RawPeer peer) => peer.Got.Where(message => message.Kind == PeerMessageKind.Port).Select(message => message.Begin);

    private static IEnumerable<PeerAddress> NodesTold(Stage stage) => stage.Events.OfType<SwarmEvent.DhtNodeTold>().Select(told => told.Address);
}
