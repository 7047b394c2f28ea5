using Shoal.Engine.Swarms;
using Shoal.Protocol;
using Shoal.Protocol.Wire;

namespace Shoal.Engine.Tests.Swarms;

/// <summary>Pieces that were had and no longer are: a file changed under a seeder, or the disk lost them.</summary>
public sealed class LostPieceTests
{
    private const int PieceLength = 8 * 1024;

    [Fact]
    public void A_seeder_whose_file_changed_goes_on_seeding_the_rest_and_never_fetches_what_it_lost()
    {
        var (stage, swarm) = Stage.Of(new World(1, 20 * PieceLength, PieceLength), haveCount: 20);
        var peer = stage.Join();
        peer.Send(PeerMessageKind.Interested);
        for (var piece = 0; piece < 20; piece++)
        {
            peer.Send(piece == 19 ? new PeerMessage(PeerMessageKind.Unchoke) : PeerMessage.Have(new PieceIndex(piece)));
        }

        Fail(stage, peer, piece: 7, first: 5, count: 10);
        Assert.True(peer.IsClosed, "its view of us is wrong and cannot be mended");
        peer = stage.Join(2);
        Assert.Equal(PeerMessageKind.Bitfield, peer.Got.First(message => message.Kind is PeerMessageKind.Bitfield or PeerMessageKind.HaveAll).Kind);
        peer.Send(PeerMessageKind.Interested);
        peer.Send(PeerMessage.Have(new PieceIndex(7)));
        peer.Send(PeerMessageKind.Unchoke);
        Fail(stage, peer, piece: 6, first: 5, count: 10); // of the same file: no news

        var status = swarm.Status();
        Assert.Equal((SwarmPhase.Seeding, 10, 10, 10L * PieceLength, 0L), (status.Phase, status.HaveCount, status.LostCount, status.LostBytes, status.MissingBytes));
        var lost = Assert.Single(stage.Events.OfType<SwarmEvent.PiecesLost>());
        Assert.Equal((10, 10, 20, "changed"), (lost.Pieces.Count, lost.LostCount, lost.PieceCount, lost.Reason));
        Assert.Single(stage.Events.OfType<SwarmEvent.Completed>());

        stage.Wait(TimeSpan.FromMinutes(1));
        Assert.Empty(peer.Expected);
        Assert.Equal(0, peer.CountOf(PeerMessageKind.Interested));
        Assert.Equal(0, stage.DiskJobCount);
        peer.Ask(5, 0, 1024);
        Assert.Equal(5, peer.Got[^1].Piece.Value);
        Assert.Equal(PeerMessageKind.RejectRequest, peer.Got[^1].Kind);
        peer.Ask(4, 0, 1024);
        Assert.Equal(4, Assert.Single(peer.Uploads).Piece.Value);
    }

    [Fact]
    public void A_downloader_fetches_a_piece_again_that_it_lost()
    {
        var (stage, swarm) = Stage.Of(new World(1, 20 * PieceLength, PieceLength), haveCount: 10);
        var peer = stage.Join();
        peer.Send(PeerMessageKind.Interested);
        Fail(stage, peer, piece: 3, first: 3, count: 1);
        Assert.Equal((SwarmPhase.Downloading, 9, 0), (swarm.Status().Phase, swarm.Status().HaveCount, swarm.Status().LostCount));

        peer.Offer();
        stage.Wait(TimeSpan.FromMinutes(1), peer.DeliverAll);
        Assert.Equal((SwarmPhase.Seeding, 20), (swarm.Status().Phase, swarm.Status().HaveCount));
    }

    private static void Fail(Stage stage, RawPeer peer, int piece, int first, int count) => stage.Tell(new Input(
        InputKind.ReadFailed, Link: peer.Link, Message: PeerMessage.Request(new BlockRequest(new PieceIndex(piece), 0, 1024)),
        Detail: new ReadFailure("changed", new PieceRange(new PieceIndex(first), count))));
}
