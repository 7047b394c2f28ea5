using Shoal.Engine.Sessions;
using Shoal.Engine.Swarms;
using Shoal.Protocol;
using Shoal.Protocol.Wire;

namespace Shoal.Engine.Tests.Swarms;

/// <summary>The door of a session: who is let in, to which swarm, and who is not.</summary>
public sealed class SessionTests
{
    private const int PieceLength = 8 * 1024;

    private readonly World _first = new(1, 10 * PieceLength, PieceLength);
    private readonly World _second = new(2, 10 * PieceLength, PieceLength);

    [Fact]
    public void The_handshake_says_which_swarm_a_link_is_for()
    {
        var (stage, session, ids) = Start();
        var toFirst = stage.Come(1);
        Greet(toFirst, _first.InfoHash, 1);
        var toSecond = stage.Come(2);
        Greet(toSecond, _second.InfoHash, 2);

        Assert.Equal(toFirst.Address, Assert.Single(session.StatusOf(ids[0])!.Peers).Address);
        Assert.Equal(toSecond.Address, Assert.Single(session.StatusOf(ids[1])!.Peers).Address);
        Assert.True(Handshake.TryRead(toSecond.Got[0].Payload.Span, out var answer));
        Assert.Equal(_second.InfoHash, answer.InfoHash);
    }

    [Fact]
    public void Who_asks_for_what_is_not_shared_here_is_refused_and_told_nothing()
    {
        var (stage, _, _) = Start();
        var peer = stage.Come();
        Greet(peer, new World(3, PieceLength, PieceLength).InfoHash, 1);
        Assert.Contains("not shared here", peer.Reason, StringComparison.Ordinal);
        Assert.Empty(peer.Got);
    }

    [Fact]
    public void Who_sends_anything_but_a_handshake_first_is_refused()
    {
        var (stage, _, _) = Start();
        var peer = stage.Come();
        peer.Send(PeerMessageKind.Interested);
        Assert.Equal("sent no handshake", peer.Reason);
    }

    [Fact]
    public void A_link_that_says_nothing_is_dropped_and_makes_room()
    {
        var (stage, _, _) = Start(o => o with { MaximumHalfOpenCount = 2 });
        var silent = new[] { stage.Come(1), stage.Come(2) };
        Assert.Equal("we have enough peers", stage.Come(3).Reason);
        stage.Wait(TimeSpan.FromSeconds(11));
        Assert.All(silent, peer => Assert.Equal("no handshake in time", peer.Reason));
        Assert.Equal(Instant.Never, stage.Machine.Deadline);
        var late = stage.Come(4);
        Greet(late, _first.InfoHash, 4);
        Assert.False(late.IsClosed);
    }

    [Fact]
    public void All_swarms_together_have_no_more_links_than_the_session_may()
    {
        var (stage, session, ids) = Start(o => o with { MaximumConnectionCount = 3 });
        var peers = Enumerable.Range(1, 5).Select(i =>
        {
            var peer = stage.Come(i);
            Greet(peer, i % 2 == 0 ? _first.InfoHash : _second.InfoHash, i);
            return peer;
        }).ToArray();
        Assert.Equal([false, false, false, true, true], peers.Select(peer => peer.IsClosed));

        peers[0].HangUp();
        var next = stage.Come(6);
        Greet(next, _first.InfoHash, 6);
        Assert.False(next.IsClosed);
        Assert.Equal(3, ids.Sum(id => session.StatusOf(id)!.Peers.Count));
    }

    [Fact]
    public void One_swarm_may_stop_and_come_again_while_the_other_goes_on()
    {
        var (stage, session, ids) = Start();
        var staying = stage.Come(1);
        Greet(staying, _second.InfoHash, 1);
        var leaving = stage.Come(2);
        Greet(leaving, _first.InfoHash, 2);

        stage.Tell(new Input(InputKind.Stop, ids[0]));
        stage.Wait(TimeSpan.FromSeconds(10));
        Assert.Equal(SwarmPhase.Stopped, session.StatusOf(ids[0])!.Phase);
        Assert.True(leaving.IsClosed);
        Assert.False(staying.IsClosed);
        var refused = stage.Come(3);
        Greet(refused, _first.InfoHash, 3);
        Assert.True(refused.IsClosed);

        var again = session.Add(new SwarmOptions { InfoHash = _first.InfoHash });
        stage.KnowContent(10, again);
        stage.Tell(new Input(InputKind.Start, again));
        var back = stage.Come(4);
        Greet(back, _first.InfoHash, 4);
        Assert.False(back.IsClosed);
        session.Forget(ids[0]);
        stage.Tell(new Input(InputKind.Announced, ids[0], Detail: new AnnounceResult("http://late", AnnounceKind.Stopped)));
        Assert.False(back.IsClosed);
    }

    [Fact]
    public void The_same_torrent_twice_is_an_error()
    {
        var (_, session, _) = Start();
        Assert.Throws<InvalidOperationException>(() => session.Add(new SwarmOptions { InfoHash = _first.InfoHash }));
    }

    private (Stage Stage, Session Session, SwarmId[] Ids) Start(Func<SessionOptions, SessionOptions>? options = null)
    {
        var self = new byte[20];
        self[0] = 200;
        var session = new Session((options ?? (o => o))(new SessionOptions(new PeerId(self), 1)));
        var stage = new Stage(_first, session);
        var ids = new[] { _first, _second }.Select(world => session.Add(new SwarmOptions { InfoHash = world.InfoHash })).ToArray();
        foreach (var id in ids)
        {
            stage.KnowContent(10, id);
            stage.Tell(new Input(InputKind.Start, id));
        }

        return (stage, session, ids);
    }

    private static void Greet(RawPeer peer, InfoHash infoHash, int number)
    {
        var id = new byte[20];
        id[0] = (byte)number;
        peer.Send(new Handshake(infoHash, new PeerId(id), true, true).ToMessage());
    }
}
