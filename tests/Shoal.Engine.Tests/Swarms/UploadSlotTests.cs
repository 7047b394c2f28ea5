using Shoal.Engine.Choking;
using Shoal.Protocol;
using Shoal.Protocol.Wire;

namespace Shoal.Engine.Tests.Swarms;

/// <summary>An upload slot belongs to whoever wants something, and none is left over or given twice.</summary>
public sealed class UploadSlotTests
{
    private const int PieceLength = 8 * 1024;
    private const int BlockLength = 16 * 1024;
    private const int LargePieceLength = 512 * 1024;
    private const int LargeCount = 4;

    [Fact]
    public void A_slot_that_becomes_free_goes_to_who_waits_at_once_and_never_to_more_than_there_are()
    {
        var (stage, _) = Stage.Of(
            new World(1, 10 * PieceLength, PieceLength), haveCount: 10, options: o => o with { UploadSlotCount = 1 });
        var first = stage.Join(1);
        var second = stage.Join(2);
        var third = stage.Join(3);
        foreach (var peer in new[] { first, second, third })
        {
            peer.Send(PeerMessageKind.Interested);
        }

        Assert.Equal([1, 0, 0], Unchoked(first, second, third));
        first.HangUp();
        Assert.Equal([1, 0], Unchoked(second, third));
        second.Send(PeerMessageKind.NotInterested);
        Assert.Equal([0, 1], Unchoked(second, third));
        second.Send(PeerMessageKind.Interested);
        Assert.Equal([0, 1], Unchoked(second, third));
    }

    [Fact]
    public void An_unchoked_peer_with_no_wants_makes_room_for_one_that_has_some()
    {
        var (stage, _) = Stage.Of(
            new World(1, 10 * PieceLength, PieceLength), haveCount: 10, options: o => o with { UploadSlotCount = 1 });
        var first = stage.Join(1);
        first.Send(PeerMessageKind.Interested);
        first.Send(PeerMessageKind.NotInterested);
        var second = stage.Join(2);
        second.Send(PeerMessageKind.Interested);
        first.Send(PeerMessageKind.Interested);
        Assert.Equal([0, 1], Unchoked(first, second));
    }

    [Fact]
    public void A_peer_that_asks_again_as_soon_as_it_can_keeps_its_slot_until_its_turn_is_over()
    {
        var (stage, _) = Stage.Of(
            new World(1, 10 * PieceLength, PieceLength), haveCount: 10, options: o => o with { UploadSlotCount = 1 });
        var first = stage.Join(1);
        first.Send(PeerMessageKind.Interested);
        var second = stage.Join(2);
        second.Send(PeerMessageKind.Interested);

        // One request at a time, and a way of 300 ms there and back: nothing is queued for it most of the time.
        for (var i = 0; i < 20; i++)
        {
            stage.Wait(TimeSpan.FromMilliseconds(300));
            first.Ask(i % 10, 0, PieceLength);
            Assert.Single(first.Uploads);
            first.Take(1);
            Assert.Equal([1, 0], Unchoked(first, second));
        }

        // It has nothing more to ask for, and the other has.
        stage.Wait(TimeSpan.FromSeconds(3), each: () => second.Ask(0, 0, PieceLength));
        Assert.Equal([0, 1], Unchoked(first, second));
    }

    [Fact]
    public void What_nobody_has_goes_to_one_after_the_other()
    {
        var (stage, first, second) = TwoBeforeASeeder(out _);

        Fetch(first, 0);
        Assert.Equal([1, 0], Unchoked(first, second)); // in no time: the way to and fro would be most of it
        stage.Wait(TimeSpan.FromMilliseconds(200));
        Fetch(first, 1, count: 1);
        Assert.Equal([0, 1], Unchoked(first, second));

        Fetch(second, 2, count: (LargePieceLength / BlockLength) - 1);
        stage.Wait(TimeSpan.FromMilliseconds(200));
        Assert.Equal([0, 1], Unchoked(first, second)); // of little use until it has a piece
        second.Ask(2, LargePieceLength - BlockLength, BlockLength);
        second.Take(1);
        Assert.Equal([1, 0], Unchoked(first, second));
    }

    [Fact]
    public void The_turn_of_who_is_far_is_longer()
    {
        var (stage, first, second) = TwoBeforeASeeder(out _);
        stage.Wait(TimeSpan.FromMilliseconds(300));
        Fetch(first, 0, count: 1);
        stage.Wait(TimeSpan.FromSeconds(5), each: () => Fetch(first, 1, count: 1)); // so little that there is no further slot
        Fetch(first, 1);
        Assert.Equal([1, 0], Unchoked(first, second));
    }

    [Fact]
    public void While_the_fastest_are_served_nobody_has_turns()
    {
        var (stage, first, second) = TwoBeforeASeeder(out _, SeedingPolicy.FastestUpload);
        Fetch(first, 0); // at once: the turn of who asks late would be longer anyway
        stage.Wait(TimeSpan.FromMilliseconds(200));
        Fetch(first, 1);
        Assert.Equal([1, 0], Unchoked(first, second));
    }

    [Fact]
    public void What_others_have_too_may_go_to_one_for_long()
    {
        var (stage, first, second) = TwoBeforeASeeder(out var other);
        for (var piece = 0; piece < LargeCount - 1; piece++)
        {
            other.Send(PeerMessage.Have(new PieceIndex(piece)));
        }

        for (var piece = 0; piece < LargeCount - 1; piece++)
        {
            Fetch(first, piece);
            stage.Wait(TimeSpan.FromMilliseconds(200));
        }

        Assert.Equal([1, 0], Unchoked(first, second));
    }

    [Theory]
    [InlineData(LargePieceLength / BlockLength, 0, 4, 6)] // what nobody has
    [InlineData(LargePieceLength / BlockLength, 10, 3, 6)] // and what others have too
    [InlineData(1, 0, 1, 1)]
    [InlineData(1, 10, 1, 1)]
    public void A_seeder_serves_more_at_once_while_each_gets_plenty(int blocksAtATime, int othersHave, int least, int most)
    {
        var (_, peers) = SixBeforeASeeder(blocksAtATime, othersHave);
        Assert.InRange(Unchoked(peers).Sum(), least, most);
    }

    [Theory]
    [InlineData(0, 0, 1)]
    [InlineData(2, 1, 0)] // nearly as poor
    public void Before_anybody_can_have_earned_a_slot_it_goes_on_to_who_has_much_less(int secondHas, int firstKeeps, int secondGets)
    {
        var (_, first, second) = TwoBeforeALeecher(secondHas);
        Fetch(first, 0, count: (LargePieceLength / BlockLength) - 1);
        Assert.Equal([1, 0], Unchoked(first, second)); // a piece each
        Fetch(first, 0, count: 1);
        Assert.Equal([firstKeeps, secondGets], Unchoked(first, second));
    }

    [Fact]
    public void Who_has_given_something_keeps_its_slot()
    {
        var (_, first, second) = TwoBeforeALeecher(secondHas: 0);
        first.Send(PeerMessageKind.Unchoke);
        first.Deliver(first.Expected.Keys.First());
        Fetch(first, 0);
        Assert.Equal([1, 0], Unchoked(first, second));
    }

    [Fact]
    public void Who_says_that_it_has_nothing_is_not_poor_for_ever()
    {
        var (stage, first, second) = TwoBeforeALeecher(secondHas: 0);
        Fetch(first, 0);
        Assert.Equal([0, 1], Unchoked(first, second));
        first.HangUp();
        var third = stage.Join(3);
        third.Send(PeerMessageKind.Interested);
        Fetch(second, 0);
        Assert.Equal([0, 1], Unchoked(second, third));
    }

    [Fact]
    public void A_seeder_without_bounds_stays_without()
    {
        var (stage, _) = Stage.Of(
            new World(1, 4 * LargePieceLength, LargePieceLength), haveCount: 4, options: o => o with { UploadSlotCount = int.MaxValue });
        var peer = stage.Join(1);
        peer.Send(PeerMessageKind.Interested);
        for (var piece = 0; piece < 4; piece++)
        {
            Fetch(peer, piece);
            stage.Wait(TimeSpan.FromSeconds(1));
        }

        Assert.Equal([1], Unchoked(peer));
    }

    [Fact]
    public void A_round_gives_no_more_slots_than_the_peers_of_now_are_worth()
    {
        var (stage, peers) = SixBeforeASeeder(blocksAtATime: LargePieceLength / BlockLength);
        Assert.InRange(Unchoked(peers).Sum(), 2, 6);
        Array.ForEach(peers, peer => peer.Send(PeerMessageKind.NotInterested));
        stage.Wait(TimeSpan.FromSeconds(30));
        var late = Enumerable.Range(11, 4).Select(number => stage.Join(number)).ToArray();
        Array.ForEach(late, peer => peer.Send(PeerMessageKind.Interested));
        stage.Wait(TimeSpan.FromSeconds(1));
        Assert.Equal(1, Unchoked(late).Sum());
    }

    [Fact]
    public void Later_a_leechers_slots_are_earned()
    {
        var (stage, first, second) = TwoBeforeALeecher(secondHas: 0);
        Fetch(first, 0, count: 1);
        stage.Wait(TimeSpan.FromSeconds(10), each: () => first.Ask(0, 0, BlockLength));
        first.Take(10);
        Fetch(first, 1);
        Assert.Equal([1, 0], Unchoked(first, second));
    }

    // One slot to begin with, and six that want it; for two seconds whoever is served fetches so much each half second.
    private static (Stage Stage, RawPeer[] Peers) SixBeforeASeeder(int blocksAtATime, int othersHave = 0)
    {
        var (stage, _) = Stage.Of(
            new World(1, 20 * LargePieceLength, LargePieceLength), haveCount: 20, options: o => o with { UploadSlotCount = 1 });
        var peers = Enumerable.Range(1, 6).Select(number => stage.Join(number)).ToArray();
        var other = stage.Join(7);
        for (var piece = 0; piece < othersHave; piece++)
        {
            other.Send(PeerMessage.Have(new PieceIndex(piece)));
        }

        Array.ForEach(peers, peer => peer.Send(PeerMessageKind.Interested));
        for (var turn = 0; turn < 4; turn++)
        {
            foreach (var peer in peers.Where(peer => Unchoked(peer)[0] == 1))
            {
                Fetch(peer, turn, blocksAtATime);
            }

            stage.Wait(TimeSpan.FromMilliseconds(500));
        }

        return (stage, peers);
    }

    // A leecher with one slot, and two that want it; the first has two pieces more.
    private static (Stage Stage, RawPeer First, RawPeer Second) TwoBeforeALeecher(int secondHas)
    {
        var (stage, _) = Stage.Of(
            new World(1, (LargeCount + 2) * LargePieceLength, LargePieceLength), haveCount: LargeCount, options: o => o with { UploadSlotCount = 1 });
        var (first, second) = (stage.Join(1), stage.Join(2));
        foreach (var (peer, count) in new[] { (first, 2), (second, secondHas) })
        {
            for (var piece = 0; piece < count; piece++)
            {
                peer.Send(PeerMessage.Have(new PieceIndex(LargeCount + piece)));
            }

            peer.Send(PeerMessageKind.Interested);
        }

        Assert.Equal([1, 0], Unchoked(first, second));
        return (stage, first, second);
    }

    // One slot, and two that want it.
    private static (Stage Stage, RawPeer First, RawPeer Second) TwoBeforeASeeder(out RawPeer other, SeedingPolicy policy = SeedingPolicy.RoundRobin)
    {
        var (stage, _) = Stage.Of(
            new World(1, LargeCount * LargePieceLength, LargePieceLength), haveCount: LargeCount, options: o => o with { UploadSlotCount = 1, SeedingPolicy = policy });
        var (first, second) = (stage.Join(1), stage.Join(2));
        other = stage.Join(3);
        stage.Wait(TimeSpan.FromSeconds(1)); // the first round is over
        first.Send(PeerMessageKind.Interested);
        second.Send(PeerMessageKind.Interested);
        Assert.Equal([1, 0], Unchoked(first, second));
        return (stage, first, second);
    }

    private static void Fetch(RawPeer peer, int piece, int count = LargePieceLength / BlockLength)
    {
        for (var i = 0; i < count; i++)
        {
            peer.Ask(piece, i * BlockLength, BlockLength);
            peer.Take(1);
        }
    }

    private static int[] Unchoked(params RawPeer[] peers) =>
        [.. peers.Select(peer => peer.CountOf(PeerMessageKind.Unchoke) - peer.CountOf(PeerMessageKind.Choke))];
}
