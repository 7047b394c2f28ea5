using Shoal.Engine.Swarms;
using Shoal.Protocol;
using Shoal.Protocol.Wire;

namespace Shoal.Engine.Tests.Swarms;

/// <summary>The ways in which a swarm ends, and what comes after the end.</summary>
public sealed class StopTests
{
    private const int PieceLength = 8 * 1024;
    private const string Tracker = "http://tracker/announce";

    [Fact]
    public void A_swarm_that_has_stopped_says_nothing_more_whatever_comes_late()
    {
        var (stage, swarm) = Stage.Of(
            new World(1, 10 * PieceLength, PieceLength), haveCount: 10, options: o => o with { Trackers = [[Tracker]] });
        var peer = stage.Join();
        peer.Send(PeerMessageKind.Interested);
        peer.Ask(0, 0, 1024);
        stage.Tell(new Input(InputKind.Stop));
        stage.Wait(TimeSpan.FromMinutes(1));
        Assert.Equal(SwarmPhase.Stopped, swarm.Phase);
        Assert.IsType<SwarmEvent.Stopped>(stage.Events[^1]);

        stage.Tell(new Input(InputKind.Announced, Detail: new AnnounceResult(Tracker, AnnounceKind.Started)));
        stage.Tell(new Input(
            InputKind.ReadFailed, Link: peer.Link, Message: PeerMessage.Request(new BlockRequest(default, 0, 1024)), Detail: ReadFailure.Of(default, "closed")));
        stage.Tell(new Input(InputKind.Start));
        Assert.IsType<SwarmEvent.Stopped>(stage.Events[^1]);
        Assert.Equal(Instant.Never, swarm.Deadline);
    }

    [Fact]
    public void A_start_does_not_undo_a_stop()
    {
        var (stage, swarm) = Stage.Of(
            new World(1, 10 * PieceLength, PieceLength), knowsContent: false, options: o => o with { Trackers = [[Tracker]] });
        stage.Tell(new Input(InputKind.Stop));
        stage.KnowContent(); // was under way
        stage.Tell(new Input(InputKind.Start));
        stage.Wait(TimeSpan.FromSeconds(20));
        Assert.Equal(SwarmPhase.Stopped, swarm.Phase);
    }

    [Fact]
    public void A_stop_while_the_disk_is_full_tries_it_once_more_so_that_nothing_is_lost()
    {
        var (stage, swarm) = Stage.Of(new World(1, 10 * PieceLength, PieceLength), options: o => o with { BufferBytes = 4 * PieceLength });
        stage.DiskError = "disk full";
        var peer = stage.Join();
        peer.Offer();
        peer.DeliverAll();
        Assert.Equal(SwarmPhase.Paused, swarm.Phase);
        stage.DiskError = null;
        stage.Tell(new Input(InputKind.Stop));
        stage.Wait(TimeSpan.FromSeconds(1));
        Assert.Equal(SwarmPhase.Stopped, swarm.Phase);
        Assert.Equal(0, stage.SlotCount);
        Assert.InRange(stage.Verified.Count, 1, 4);
    }

    [Fact]
    public void A_stop_while_the_disk_stays_full_ends_all_the_same()
    {
        var (stage, swarm) = Stage.Of(new World(1, 10 * PieceLength, PieceLength));
        stage.DiskError = "disk full";
        var peer = stage.Join();
        peer.Offer();
        foreach (var block in peer.Expected.Keys.Take(12).ToArray())
        {
            peer.Deliver(block);
        }

        stage.Tell(new Input(InputKind.Stop));
        stage.Tell(new Input(InputKind.Stop));
        stage.Wait(TimeSpan.FromSeconds(1));
        Assert.Equal(SwarmPhase.Stopped, swarm.Phase);
        Assert.Equal(0, stage.SlotCount);
        Assert.Single(stage.Events.OfType<SwarmEvent.Stopped>());
    }

    [Fact]
    public void A_leecher_that_has_lost_its_last_peer_asks_the_tracker_before_the_next_regular_time()
    {
        var (stage, _) = Stage.Of(
            new World(1, 10 * PieceLength, PieceLength), knowsContent: false, options: o => o with { Trackers = [[Tracker]] });
        stage.Tell(new Input(InputKind.Announced, Detail: new AnnounceResult(Tracker, AnnounceKind.Started, Interval: TimeSpan.FromMinutes(30))));
        stage.Join().HangUp();
        stage.Wait(TimeSpan.FromMinutes(2));
        Assert.Equal(2, stage.Announces.Count);
    }

    [Fact]
    public void Two_seeders_do_not_meet_again_and_again()
    {
        var (stage, _) = Stage.Of(new World(1, 10 * PieceLength, PieceLength), haveCount: 10);
        stage.Tell(new Input(InputKind.PeerFound, Address: Stage.AddressOf(5)));
        var count = 0;
        stage.Wait(TimeSpan.FromMinutes(5), () =>
        {
            foreach (var peer in stage.Connecting.ToArray())
            {
                count++;
                peer.Accept();
                peer.Shake(5);
                peer.Send(PeerMessageKind.HaveAll);
            }
        });
        Assert.Equal(1, count);
    }

    [Fact]
    public void Our_own_address_is_found_out_from_the_incoming_side()
    {
        var (stage, _) = Stage.Of(new World(1, 10 * PieceLength, PieceLength));
        var peer = stage.Come();
        peer.Shake(100); // our own id
        Assert.True(peer.IsClosed);
        Assert.Equal(1, peer.CountOf(PeerMessageKind.Handshake)); // so that the other end, which knows the address, learns it
    }
}
