using Shoal.Engine.Swarms;
using Shoal.Protocol.Wire;

namespace Shoal.Engine.Tests.Swarms;

/// <summary>A magnet link, of which nobody knows whether its torrent is private (BEP 27) before its metadata has come.</summary>
public sealed class PrivateTorrentTests
{
    private const int PieceLength = 8 * 1024;
    private const byte TheirId = 7;

    [Theory]
    [InlineData("d4:name1:n7:privatei1ee", true)]
    [InlineData("d4:name1:n7:privatei0ee", false)]
    [InlineData("d4:name1:ne", false)]
    public void Once_the_metadata_says_that_it_is_those_that_were_found_are_dropped_and_those_that_were_named_are_not(string info, bool isPrivate)
    {
        var (stage, swarm) = Stage.Of(new World(1, 4 * PieceLength, PieceLength, info: info), options: Open, knowsContent: false);
        var incoming = stage.Join(1);
        incoming.Send(new ExtensionHandshake { PexId = TheirId, ListenPort = 6881 }.ToMessage());
        var found = Meet(stage, 2, isHearsay: true);
        Tell(incoming, 3);
        var told = Accept(stage, 3);
        var named = Meet(stage, 4, isHearsay: false);
        var both = Meet(stage, 5, isHearsay: true);
        stage.Tell(new Input(InputKind.PeerFound, Address: both.Address)); // and now a tracker names it, too
        stage.Tell(new Input(InputKind.PeerFound, Address: Stage.AddressOf(6), Count: 1));
        var half = Assert.Single(stage.Connecting);

        GiveMetadata(stage, found);
        Assert.Contains(stage.Events, happened => happened is SwarmEvent.MetadataReceived);
        Assert.Equal([isPrivate, isPrivate, isPrivate], [found.IsClosed, told.IsClosed, half.IsClosed]);
        Assert.Equal([false, false, false], [incoming.IsClosed, named.IsClosed, both.IsClosed]);
        Assert.Equal(isPrivate ? "the torrent is private, and no tracker named this peer" : null, found.Reason);
        Assert.Equal(0, swarm.Status().CandidateCount);

        // It takes a while until what is on disk is checked; nothing that is heard counts meanwhile, nor after it.
        stage.Tell(new Input(InputKind.PeerFound, Address: Stage.AddressOf(8), Count: 1));
        Assert.Equal(!isPrivate, stage.Connecting.Exists(coming => coming.Address == Stage.AddressOf(8)));
        stage.KnowContent(isPrivate: isPrivate);
        stage.Tell(new Input(InputKind.PeerFound, Address: Stage.AddressOf(9), Count: 1));
        Assert.Equal(!isPrivate, stage.Connecting.Exists(coming => coming.Address == Stage.AddressOf(9)));
        Assert.Equal([false, false, false], [incoming.IsClosed, named.IsClosed, both.IsClosed]);
        stage.Tell(new Input(InputKind.PeerFound, Address: found.Address)); // a tracker may name it yet
        Assert.Equal(isPrivate, stage.Connecting.Exists(coming => coming.Address == found.Address));
    }

    private static SwarmOptions Open(SwarmOptions options) => options with { ExchangesPeers = true };

    private static RawPeer Meet(Stage stage, int number, bool isHearsay)
    {
        stage.Tell(new Input(InputKind.PeerFound, Address: Stage.AddressOf(number), Count: isHearsay ? 1 : 0));
        return Accept(stage, number);
    }

    private static RawPeer Accept(Stage stage, int number)
    {
        var peer = stage.Connecting.Single(coming => coming.Address == Stage.AddressOf(number));
        peer.Accept();
        peer.Shake(number);
        return peer;
    }

    private static void Tell(RawPeer peer, int number) =>
        peer.Send(new PexMessage([new PexPeer(Stage.AddressOf(number), PexFlags.None)], []).ToMessage(PeerExchange.ExtensionId));

    private static void GiveMetadata(Stage stage, RawPeer peer)
    {
        var info = stage.World.Info;
        peer.Send(new ExtensionHandshake { MetadataId = 3, MetadataSize = info.Length }.ToMessage());
        peer.Send(new MetadataMessage(MetadataMessageKind.Data, 0, info.Length, info).ToMessage(MetadataExchange.ExtensionId));
    }
}
