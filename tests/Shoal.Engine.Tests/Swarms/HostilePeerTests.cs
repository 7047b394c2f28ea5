using Shoal.Engine.Swarms;
using Shoal.Protocol;
using Shoal.Protocol.Wire;

namespace Shoal.Engine.Tests.Swarms;

/// <summary>Peers that do what no peer should: the rest goes on, nothing grows without bound, nothing spins.</summary>
public sealed class HostilePeerTests
{
    private const int PieceLength = 8 * 1024;
    private const int BlockLength = 1024;

    [Fact]
    public void A_peer_that_takes_nothing_of_what_it_asked_for_is_let_go()
    {
        var (stage, _) = Stage.Of(new World(1, 10 * PieceLength, PieceLength), haveCount: 10);
        var peer = stage.Join();
        peer.Send(PeerMessageKind.Interested);
        peer.Ask(0, 0, BlockLength);
        stage.Wait(TimeSpan.FromSeconds(115), () => peer.Send(PeerMessageKind.KeepAlive));
        Assert.False(peer.IsClosed);
        stage.Wait(TimeSpan.FromSeconds(10), () => peer.Send(PeerMessageKind.KeepAlive));
        Assert.Contains("takes nothing", peer.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_peer_that_takes_little_by_little_is_kept()
    {
        var (stage, _) = Stage.Of(new World(1, 100 * PieceLength, PieceLength), haveCount: 100);
        var peer = stage.Join();
        peer.Send(PeerMessageKind.Interested);
        for (var i = 0; i < 100; i++)
        {
            peer.Ask(i, 0, BlockLength);
        }

        for (var i = 0; i < 10; i++)
        {
            stage.Wait(TimeSpan.FromSeconds(40), () => peer.Send(PeerMessageKind.KeepAlive));
            peer.Take(1);
        }

        Assert.False(peer.IsClosed);
    }

    [Fact]
    public void Requests_of_one_byte_do_not_pile_up_in_the_driver()
    {
        var (stage, _) = Stage.Of(new World(1, 10 * PieceLength, PieceLength), haveCount: 10);
        var peer = stage.Join();
        peer.Send(PeerMessageKind.Interested);
        for (var i = 0; i < 5000; i++)
        {
            peer.Ask(i % 10, i % PieceLength, 1);
        }

        Assert.InRange(peer.Uploads.Count, 1, 1000);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_suspect_that_gets_a_piece_alone_and_does_not_give_it_holds_nobody_up(bool byShrinking)
    {
        var world = new World(1, PieceLength, PieceLength);
        var (stage, _) = Stage.Of(world);
        var liar = stage.Join(1);
        var good = stage.Join(2);
        good.Send(PeerMessageKind.HaveAll);
        liar.Offer();
        var first = liar.Expected.Keys.First();
        liar.Deliver(first, corrupt: true);
        liar.Send(PeerMessageKind.Choke);
        foreach (var block in liar.Expected.Keys.ToArray())
        {
            liar.Send(PeerMessage.Reject(block));
        }

        good.Send(PeerMessageKind.Unchoke);
        liar.Send(PeerMessageKind.Unchoke);
        good.DeliverAll();
        Assert.Contains(stage.Events, e => e is SwarmEvent.PieceFailed);

        // The one who gets it alone is the liar, being first; it gives nothing any more.
        void Sabotage()
        {
            if (byShrinking)
            {
                liar.Send(PeerMessageKind.HaveNone);
            }

            foreach (var block in liar.Expected.Keys.ToArray())
            {
                liar.Send(PeerMessage.Reject(block));
            }

            good.DeliverAll();
        }

        stage.Wait(TimeSpan.FromMinutes(2), Sabotage);
        Assert.Contains(stage.Events, e => e is SwarmEvent.Completed);
    }

    [Fact]
    public void A_peer_whose_block_another_may_have_overwritten_is_not_convicted()
    {
        var world = new World(1, PieceLength / 2, PieceLength / 2); // no more blocks than one peer is asked for at once
        var (stage, _) = Stage.Of(world);
        var good = stage.Join(1);
        good.Offer();
        var liar = stage.Join(2);
        liar.Offer();
        stage.Wait(TimeSpan.FromSeconds(4));
        var contested = good.Expected.Keys.Intersect(liar.Expected.Keys).ToArray();
        Assert.NotEmpty(contested); // the endgame
        good.Deliver(contested[0]);
        foreach (var block in good.Expected.Keys.ToArray())
        {
            // While the good one's block waits to be handled, the liar's half-sent one goes to the same place.
            good.Deliver(block, corrupt: liar.Expected.ContainsKey(block));
        }

        Assert.Contains(stage.Events, e => e is SwarmEvent.PieceFailed);
        Assert.DoesNotContain(stage.Events, e => e is SwarmEvent.PeerBanned);
        stage.Wait(TimeSpan.FromSeconds(60), () =>
        {
            good.DeliverAll();
            liar.DeliverAll();
        });
        Assert.Contains(stage.Events, e => e is SwarmEvent.Completed);
    }

    [Fact]
    public void Peers_that_drip_do_not_hold_all_buffers()
    {
        var world = new World(1, 400 * PieceLength, PieceLength);
        var (stage, swarm) = Stage.Of(world, options: o => o with { BufferBytes = 8 * PieceLength });
        var drips = Enumerable.Range(1, 16).Select(i => stage.Join(i)).ToArray();
        foreach (var drip in drips)
        {
            drip.Offer();
        }

        var good = stage.Join(99);
        good.Offer();
        var second = 0;
        stage.Wait(TimeSpan.FromMinutes(5), () =>
        {
            good.DeliverAll();
            if (++second % 18 == 0)
            {
                foreach (var drip in drips.Where(d => d.Expected.Count > 0))
                {
                    drip.Deliver(drip.Expected.Keys.First());
                }
            }
        });
        Assert.True(swarm.Phase == SwarmPhase.Seeding, $"{swarm.Status().HaveCount} pieces");
    }

    [Theory]
    [InlineData(PeerMessageKind.HaveAll, PeerMessageKind.HaveNone)]
    [InlineData(PeerMessageKind.Choke, PeerMessageKind.Unchoke)]
    [InlineData(PeerMessageKind.Interested, PeerMessageKind.NotInterested)]
    public void A_flood_of_messages_that_cost_us_much_ends_the_link(PeerMessageKind one, PeerMessageKind other)
    {
        var (stage, _) = Stage.Of(new World(1, 10 * PieceLength, PieceLength), haveCount: 5);
        var peer = stage.Join();
        for (var i = 0; i < 20_000 && !peer.IsClosed; i++)
        {
            peer.Send(i % 2 == 0 ? one : other);
        }

        Assert.Contains("flood", peer.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_choked_peer_gets_its_allowed_fast_pieces_but_not_for_ever()
    {
        var (stage, _) = Stage.Of(
            new World(1, 20 * PieceLength, PieceLength), haveCount: 20, options: o => o with { UploadSlotCount = 0 });
        var peer = stage.Join();
        var granted = peer.Got.Where(m => m.Kind == PeerMessageKind.AllowedFast).Select(m => m.Piece.Value).ToArray();
        Assert.Equal(10, granted.Length);
        var served = 0;
        for (var round = 0; round < 5; round++)
        {
            foreach (var piece in granted)
            {
                for (var begin = 0; begin < PieceLength; begin += BlockLength)
                {
                    peer.Ask(piece, begin, BlockLength);
                    served += peer.Uploads.Count;
                    peer.Take(1);
                }
            }
        }

        Assert.Equal(10 * PieceLength / BlockLength, served);
    }

    [Fact]
    public void A_peer_that_rejects_all_requests_for_metadata_is_not_asked_at_the_speed_of_its_rejects()
    {
        var (stage, _) = Stage.Of(new World(1, 10 * PieceLength, PieceLength), knowsContent: false);
        var peer = stage.Join();
        peer.Send(new ExtensionHandshake { MetadataId = 3, MetadataSize = 16 * 1024 * 1024 }.ToMessage());
        var asked = peer.CountOf(PeerMessageKind.Extended);
        for (var i = 0; i < 100; i++)
        {
            peer.Send(new MetadataMessage(MetadataMessageKind.Reject, 0).ToMessage(2));
        }

        Assert.Equal(asked, peer.CountOf(PeerMessageKind.Extended));
    }

    [Fact]
    public void A_peer_that_drips_metadata_gives_way_to_another()
    {
        var (stage, _) = Stage.Of(new World(1, 10 * PieceLength, PieceLength), knowsContent: false);
        var drip = stage.Join(1);
        drip.Send(new ExtensionHandshake { MetadataId = 3, MetadataSize = 16 * 1024 * 1024 }.ToMessage());
        var good = stage.Join(2);
        good.Send(new ExtensionHandshake { MetadataId = 3, MetadataSize = stage.World.Info.Length }.ToMessage());
        var piece = 0;
        var second = 0;
        stage.Wait(TimeSpan.FromMinutes(3), () =>
        {
            if (++second % 4 == 0)
            {
                drip.Send(new MetadataMessage(MetadataMessageKind.Data, piece++, 16 << 20, new byte[16 * 1024]).ToMessage(2));
            }

            if (good.CountOf(PeerMessageKind.Extended) > 1)
            {
                for (var i = 0; i < 3; i++)
                {
                    var range = stage.World.Info.AsMemory(i * 16 * 1024, Math.Min(16 * 1024, stage.World.Info.Length - (i * 16 * 1024)));
                    good.Send(new MetadataMessage(MetadataMessageKind.Data, i, stage.World.Info.Length, range).ToMessage(2));
                }
            }
        });
        Assert.Contains(stage.Events, e => e is SwarmEvent.MetadataReceived);
    }

    [Fact]
    public void A_piece_that_is_lost_is_no_longer_served_from_the_queue()
    {
        var large = 256 * 1024;
        var (stage, _) = Stage.Of(new World(1, 21 * large, large, 16 * 1024), haveCount: 20);
        var peer = stage.Join();
        peer.Send(PeerMessageKind.Interested);
        for (var piece = 0; piece < 20; piece++)
        {
            for (var begin = 0; begin < large; begin += 16 * 1024)
            {
                peer.Ask(piece, begin, 16 * 1024);
            }
        }

        foreach (var block in (BlockRequest[])[peer.Uploads[0], new BlockRequest(new PieceIndex(19), 0, 16 * 1024)])
        {
            stage.Tell(new Input(
                InputKind.ReadFailed, Link: peer.Link, Message: PeerMessage.Request(block), Detail: ReadFailure.Of(block.Piece, "changed")));
        }

        while (peer.Uploads.Count > 0)
        {
            peer.Take(1); // the stage asserts what is handed over
        }

        Assert.Contains(peer.Got, m => m.Kind == PeerMessageKind.RejectRequest && m.Piece.Value == 19);
    }
}
