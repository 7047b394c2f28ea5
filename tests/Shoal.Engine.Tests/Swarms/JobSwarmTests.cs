using Shoal.Engine.Swarms;
using Shoal.Protocol;
using Shoal.Protocol.Wire;

namespace Shoal.Engine.Tests.Swarms;

/// <summary>What a swarm within one job needs beside the usual: hashes that follow, pieces by other ways, near peers first.</summary>
public sealed class JobSwarmTests
{
    private const int PieceLength = 8 * 1024;
    private const int PieceCount = 10;

    [Fact]
    public void A_piece_is_had_only_when_its_hash_has_followed()
    {
        var (world, stage, swarm) = Begin();
        var peer = Seed(stage, 1);
        stage.Wait(TimeSpan.FromSeconds(5), peer.DeliverAll);
        Assert.Equal(0, swarm.Status().HaveCount);

        for (var piece = 0; piece < PieceCount; piece++)
        {
            stage.Tell(Of(InputKind.PieceHashKnown, piece) with { Hash = HashOf(world, piece) });
        }

        Assert.Equal((SwarmPhase.Seeding, PieceCount), (swarm.Status().Phase, swarm.Status().HaveCount));
    }

    [Fact]
    public void A_piece_that_is_not_what_the_hash_says_that_followed_is_fetched_again()
    {
        var (world, stage, swarm) = Begin();
        var peer = Seed(stage, 1);
        stage.Wait(TimeSpan.FromSeconds(5), peer.DeliverAll);

        stage.Tell(Of(InputKind.PieceHashKnown, 3) with { Hash = HashOf(world, 4) });

        Assert.Equal(new PieceIndex(3), Assert.Single(stage.Events.OfType<SwarmEvent.PieceFailed>()).Piece);
        Assert.Equal(0, swarm.Status().HaveCount);
    }

    [Fact]
    public void A_piece_found_by_another_way_is_told_to_the_peers_and_not_asked_for()
    {
        var (_, stage, swarm) = Begin(wanted: new Bitfield(PieceCount));
        var peer = Seed(stage, 1);
        stage.Wait(TimeSpan.FromSeconds(5));
        Assert.Empty(peer.Expected);

        stage.Verified.Set(7);
        stage.Tell(Of(InputKind.PieceFound, 7));

        Assert.Equal(new PieceIndex(7), Assert.Single(peer.Got, message => message.Kind == PeerMessageKind.Have).Piece);
        Assert.Equal((1, 0L), (swarm.Status().HaveCount, swarm.Status().DownloadedBytes));
        Assert.Equal(0, peer.CountOf(PeerMessageKind.Interested));
        Assert.False(peer.IsClosed);
    }

    [Fact]
    public void A_piece_that_comes_to_be_wanted_is_fetched_and_one_that_is_wanted_no_more_is_not()
    {
        var (world, stage, swarm) = Begin(wanted: new Bitfield(PieceCount));
        var peer = Seed(stage, 1);
        stage.Tell(Of(InputKind.PieceHashKnown, 2) with { Hash = HashOf(world, 2) });
        stage.Tell(Of(InputKind.PieceWanted, 2) with { Count = 1 });
        stage.Wait(TimeSpan.FromSeconds(5), peer.DeliverAll);
        Assert.Equal((SwarmPhase.Seeding, 1), (swarm.Status().Phase, swarm.Status().HaveCount));

        stage.Tell(Of(InputKind.PieceWanted, 5) with { Count = 1 });
        Assert.NotEmpty(peer.Expected);
        Assert.Equal(SwarmPhase.Downloading, swarm.Status().Phase);
    }

    [Fact]
    public void What_a_near_peer_has_is_asked_of_nobody_else_until_it_gives_nothing()
    {
        var near = Stage.AddressOf(1);
        var (_, stage, swarm) = Begin(options: o => o with { IsNear = address => address.WithPort(0) == near.WithPort(0) });
        var neighbor = Seed(stage, 1, pieces: 5);
        var stranger = Seed(stage, 2);

        Assert.NotEmpty(neighbor.Expected);
        Assert.NotEmpty(stranger.Expected);
        Assert.All(stranger.Expected.Keys, block => Assert.InRange(block.Piece.Value, 5, PieceCount - 1));

        neighbor.Send(PeerMessageKind.Choke);
        foreach (var block in neighbor.Expected.Keys.ToArray())
        {
            neighbor.Send(PeerMessage.Reject(block));
        }

        stage.Wait(TimeSpan.FromSeconds(5), stranger.DeliverAll);
        Assert.Equal(PieceCount * PieceLength, swarm.Status().DownloadedBytes);
    }

    [Fact]
    public void Those_of_a_node_share_what_to_fetch_from_afar_until_their_share_leaves_them_idle()
    {
        var near = Stage.AddressOf(1);
        var (_, stage, swarm) = Begin(options: o => o with { IsNear = address => address.WithPort(0) == near.WithPort(0), Self = Stage.AddressOf(9) });
        Seed(stage, 1, pieces: 1);
        var stranger = Seed(stage, 2);

        stage.Wait(TimeSpan.FromMilliseconds(900), stranger.DeliverAll);
        Assert.InRange(swarm.Status().DownloadedBytes, 2 * PieceLength, (PieceCount - 3) * PieceLength);
        Assert.Empty(stranger.Expected);

        stage.Wait(TimeSpan.FromSeconds(5), stranger.DeliverAll);
        Assert.Equal((PieceCount - 1) * PieceLength, swarm.Status().DownloadedBytes);
    }

    [Fact]
    public void A_piece_that_waits_for_one_link_alone_waits_for_none_that_a_near_peer_stands_in_for()
    {
        var near = Stage.AddressOf(1);
        var left = new Bitfield(PieceLength / 1024);
        left.Set(0); // of an earlier run, and not what it should be
        var (world, stage, swarm) = Begin(
            options: o => o with { IsNear = address => address.WithPort(0) == near.WithPort(0) },
            partial: new Dictionary<PieceIndex, Bitfield> { [new PieceIndex(0)] = left });
        for (var piece = 0; piece < PieceCount; piece++)
        {
            stage.Tell(Of(InputKind.PieceHashKnown, piece) with { Hash = HashOf(world, piece) });
        }

        var stranger = Seed(stage, 2);
        while (!stage.Events.OfType<SwarmEvent.PieceFailed>().Any())
        {
            stranger.Deliver(OfPiece(stranger, 0)[0]);
        }

        Assert.Single(stage.Events.OfType<SwarmEvent.PieceFailed>()); // from now on it is the stranger's alone
        var neighbor = Seed(stage, 1, pieces: 1);
        foreach (var block in OfPiece(stranger, 0))
        {
            stranger.Send(PeerMessage.Reject(block));
        }

        stage.Wait(TimeSpan.FromSeconds(30), () =>
        {
            stranger.DeliverAll();
            neighbor.DeliverAll();
        });
        Assert.Equal((SwarmPhase.Seeding, PieceCount), (swarm.Status().Phase, swarm.Status().HaveCount));
    }

    [Fact]
    public void Content_without_pieces_has_peers_like_any_other()
    {
        var world = new World(1, 0, PieceLength);
        var (stage, swarm) = Stage.Of(world, knowsContent: false, options: o => o with { IsTrusted = true }, starts: false);
        stage.Tell(new Input(InputKind.ContentReady, Detail: new ContentState(world.Layout, default, new Bitfield(0))));
        stage.Tell(new Input(InputKind.Start));

        var peer = stage.Join(1);
        peer.Send(PeerMessageKind.HaveNone);
        peer.Send(PeerMessageKind.Interested);
        stage.Wait(TimeSpan.FromSeconds(5));

        Assert.Equal(SwarmPhase.Seeding, swarm.Status().Phase);
        Assert.False(peer.IsClosed);
    }

    [Fact]
    public void Who_asks_for_a_piece_found_by_another_way_is_told_the_next_that_nobody_has()
    {
        var (_, stage, _) = Begin(wanted: new Bitfield(PieceCount));
        var (peer, other) = (stage.Join(1), stage.Join(2));
        other.Send(PeerMessage.Have(new PieceIndex(4)));
        peer.Send(PeerMessageKind.Interested);
        foreach (var piece in (int[])[3, 4, 5])
        {
            stage.Verified.Set(piece);
            stage.Tell(Of(InputKind.PieceFound, piece));
        }

        peer.Send(PeerMessage.Request(new BlockRequest(new PieceIndex(3), 0, PieceLength)));

        Assert.Equal(new PieceIndex(5), Assert.Single(peer.Got, message => message.Kind == PeerMessageKind.SuggestPiece).Piece);
    }

    private static BlockRequest[] OfPiece(RawPeer peer, int piece) => [.. peer.Expected.Keys.Where(block => block.Piece.Value == piece)];

    private static (World World, Stage Stage, Swarm Swarm) Begin(
        Bitfield? wanted = null, Func<SwarmOptions, SwarmOptions>? options = null, IReadOnlyDictionary<PieceIndex, Bitfield>? partial = null)
    {
        var world = new World(1, PieceCount * PieceLength, PieceLength);
        var (stage, swarm) = Stage.Of(
            world, knowsContent: false, options: o => (options ?? (same => same))(o with { IsTrusted = true }), starts: false);
        stage.Tell(new Input(InputKind.ContentReady, Detail: new ContentState(world.Layout, default, new Bitfield(PieceCount), wanted, partial)));
        stage.Tell(new Input(InputKind.Start));
        return (world, stage, swarm);
    }

    private static RawPeer Seed(Stage stage, int number, int pieces = PieceCount)
    {
        var peer = stage.Join(number);
        for (var piece = 0; piece < pieces; piece++)
        {
            peer.Send(PeerMessage.Have(new PieceIndex(piece)));
        }

        peer.Send(PeerMessageKind.Unchoke);
        return peer;
    }

    private static Input Of(InputKind kind, int piece) =>
        new(kind, Message: new PeerMessage(PeerMessageKind.Piece, new PieceIndex(piece)));

    private static PieceHash HashOf(World world, int piece) => new(world.Hashes.AsSpan(piece * 20, 20));
}
