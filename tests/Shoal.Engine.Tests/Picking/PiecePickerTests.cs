using Shoal.Engine.Picking;
using Shoal.Protocol;
using static Shoal.Engine.Tests.Picking.PickerPicture;

namespace Shoal.Engine.Tests.Picking;

public sealed class PiecePickerTests
{
    [Theory]
    // The rarest piece first, its blocks in ascending order, then the next rarest.
    [InlineData("4213", "", "xxxx", "a", true, 9, 9, "2.0 2.1 2.2 2.3 1.0 1.1 1.2 1.3 3.0")]
    // Only what the peer has.
    [InlineData("4213", "", "xx..", "a", true, 9, 5, "1.0 1.1 1.2 1.3 0.0")]
    // No slot, no new piece.
    [InlineData("4213", "", "xxxx", "a", true, 0, 9, "")]
    [InlineData("4213", "", "xxxx", "a", true, 1, 9, "2.0 2.1 2.2 2.3")]
    // Its own piece before a rarer new one, for fast and slow alike.
    [InlineData("4213", "Aa..", "xxxx", "a", true, 9, 3, "0.2 0.3 2.0")]
    [InlineData("4213", "Aa..", "xxxx", "a", false, 9, 3, "0.2 0.3 2.0")]
    // A piece that nobody is asked for, before a new one.
    [InlineData("4213", "BC..", "xxxx", "a", true, 9, 3, "0.2 0.3 2.0")]
    // A fast peer opens a new piece before it joins another's; a slow one joins first.
    [InlineData("4213", "Bb..", "xxxx", "a", true, 1, 9, "2.0 2.1 2.2 2.3 0.2 0.3")]
    [InlineData("4213", "Bb..", "xxxx", "a", false, 1, 9, "0.2 0.3 2.0 2.1 2.2 2.3")]
    // Of others' pieces the oldest first.
    [InlineData("4213", "bb.. .b..", "xxxx", "a", true, 0, 9, "0.2 0.3 1.0 1.2 1.3")]
    // Own, then orphaned, then new, then others'.
    [InlineData("4213", "b... BBB. aa..", "xxxx", "a", true, 1, 99, "2.2 2.3 1.3 3.0 3.1 3.2 3.3 0.1 0.2 0.3")]
    // A spilled piece takes a slot; one that lies in its slot goes first.
    [InlineData("4213", "s:B... BB..", "xxxx", "a", true, 1, 99, "1.2 1.3 0.1 0.2 0.3")]
    [InlineData("4213", "s:B... BB..", "xxxx", "a", true, 0, 99, "1.2 1.3")]
    [InlineData("4213", "s:++..", "xxxx", "a", true, 1, 3, "0.2 0.3")]
    // A piece whose stage is neither is not offered.
    [InlineData("4213", "h:A...", "xxxx", "a", true, 0, 9, "")]
    // An exclusive piece goes to its link, before everything else, and to no other.
    [InlineData("4213", "....!b", "xxxx", "a", true, 0, 9, "")]
    [InlineData("4213", "....!b Bbb.", "xxxx", "b", true, 0, 9, "0.0 0.1 0.2 0.3 1.3")]
    public void Blocks_are_offered_in_order_of_what_serves_best(
        string availability, string partial, string peerHas, string link, bool fast, int slots, int count, string expected)
    {
        // One more piece, which is had, so that the random first piece is behind us.
        var words = partial.Split(' ', StringSplitOptions.RemoveEmptyEntries).Concat(Enumerable.Repeat("-", 5)).Take(4);
        var picker = Draw(availability + "1", have: "....*", partial: string.Join(' ', words));

        Assert.Equal(expected, Pick(picker, peerHas + ".", link[0], fast, slots, count));
    }

    [Fact]
    public void Unwanted_and_had_pieces_are_never_offered()
    {
        var picker = Draw("11111", have: "*..*.", wanted: "x.x.x", partial: "- Aa.. - - -");
        Assert.Equal("2.0 2.1 2.2 2.3", Pick(picker, "xxxx."));
        Assert.Equal(2, picker.WantedMissingCount);
        Assert.Equal(80, picker.MissingBytes);
        Assert.False(picker.IsInteresting(BitsOf("xx.x.")));
        Assert.True(picker.IsInteresting(BitsOf("xx.xx")));
        Assert.False(picker.IsInteresting(new PieceIndex(1)));

        picker.SetWanted(new PieceIndex(1), wanted: true);
        Assert.True(picker.IsInteresting(new PieceIndex(1)));
        Assert.Equal("1.2 1.3", Pick(picker, "xxxx."));
    }

    [Fact]
    public void While_choked_only_the_allowed_pieces_are_offered()
    {
        var picker = Draw("1234.", have: "....*", partial: "- .b.. - - -");
        Assert.Equal("1.0 1.2 1.3 3.0 3.1 3.2 3.3", Pick(picker, "xxxx.", only: ".x.x.", fast: false));
    }

    [Fact]
    public void The_first_piece_is_a_random_one_and_the_second_the_rarest()
    {
        var firsts = Enumerable.Range(1, 200)
            .Select(seed => Pick(Draw("9876543212", seed: (ulong)seed), "xxxxxxxxxx", count: 1))
            .ToHashSet();
        Assert.Equal(10, firsts.Count);

        var picker = Draw("9876543212");
        var first = Pick(picker, "xxxxxxxxxx", slots: 1);
        var piece = new PieceIndex(first[0] - '0');
        picker.MarkHave(piece);
        Assert.Equal(piece.Value == 8 ? "7.0" : "8.0", Pick(picker, "xxxxxxxxxx", count: 1));
    }

    [Fact]
    public void Among_equally_rare_pieces_the_lot_decides_evenly()
    {
        var counts = new int[8];
        for (var seed = 1UL; seed <= 4000; seed++)
        {
            var picker = Draw("22111192*", have: "........*", seed: seed);
            counts[Pick(picker, "xxxx.xxx.", count: 1)[0] - '0']++;
        }

        Assert.Equal(4000, counts[2] + counts[3] + counts[5]);
        Assert.All(new[] { counts[2], counts[3], counts[5] }, count => Assert.InRange(count, 1100, 1600));
    }

    [Fact]
    public void Rarity_is_exact_when_the_peer_has_few_of_very_many_pieces()
    {
        var picker = new PiecePicker(new PieceLayout(100_000 * 10, 10, 10), new Prng(3));
        picker.Adopt(new PieceIndex(0), new Bitfield(1));
        picker.MarkHave(new PieceIndex(0));
        var common = new Bitfield(100_000);
        common.SetAll();
        common.Clear(77_777);
        picker.AddAvailability(common);
        var peer = new Bitfield(100_000);
        foreach (var piece in new[] { 11, 50_000, 77_777, 99_999 })
        {
            peer.Set(piece);
        }

        picker.AddAvailability(peer);
        var block = new BlockRequest[4];
        Assert.Equal(4, picker.Pick(new PickRequest(LinkOf('a'), peer, true, 4), block));
        Assert.Equal(77_777, block[0].Piece.Value);
        Assert.Equal([11, 50_000, 99_999], block[1..].Select(b => b.Piece.Value).Order());
    }

    [Fact]
    public void In_the_endgame_blocks_are_asked_for_again_of_other_links_at_most_thrice()
    {
        var picker = Draw("33", partial: "AAbb h:AAAA");
        Assert.True(picker.IsEndgame);
        Assert.Equal("", Pick(picker, "xx", 'b'));
        Assert.Equal("0.3", Pick(picker, "xx", 'a', count: 1)); // what comes last is first
        Assert.Equal("0.2 0.3", Pick(picker, "xx", 'c'));
        Assert.Equal("0.2", Pick(picker, "xx", 'd')); // block 3 has three holders
        Assert.Equal("", Pick(picker, "xx", 'e'));
        Assert.Equal(6, picker.Find(new PieceIndex(0))!.OutstandingCount);

        var block = LayoutOf(2).BlockAt(new PieceIndex(0), 2);
        Assert.Equal(BlockOutcome.Accepted, picker.Receive(LinkOf('c'), block));
        var holders = new LinkId[3];
        Assert.Equal(2, picker.DuplicateHolders(block, holders));
        Assert.Equal([LinkOf('b'), LinkOf('d')], holders[..2]);
        Assert.Equal(BlockOutcome.Duplicate, picker.Receive(LinkOf('d'), block));
        picker.Release(LinkOf('b'), block);
        Assert.Equal(0, picker.DuplicateHolders(block, holders));
        Assert.Equal([LinkOf('a'), LinkOf('c')], picker.Find(new PieceIndex(0))!.Contributors);
        Assert.Equal(LinkOf('c'), picker.Find(new PieceIndex(0))!.ContributorOf(2));
    }

    [Theory]
    [InlineData("", "")]
    [InlineData("b", "0.1 0.0")]
    [InlineData("c", "0.3 0.2")]
    [InlineData("bc", "0.3 0.2")]
    public void In_the_endgame_only_what_is_late_is_asked_for_again(string late, string expected) =>
        Assert.Equal(expected, Pick(Draw("2", partial: "bbcc"), "x", 'd', late: late));

    [Fact]
    public void In_the_endgame_a_block_is_late_if_all_are_that_were_asked_for_it()
    {
        var picker = Draw("2", partial: "bbbb");
        Assert.Equal("0.3", Pick(picker, "x", 'c', count: 1));
        Assert.Equal("0.2 0.1", Pick(picker, "x", 'd', late: "b"));
        Assert.Equal("0.0", Pick(picker, "x", 'e', count: 1, late: "b"));
        Assert.Equal("", Pick(picker, "x", 'f', late: "b"));
        Assert.Equal("0.3", Pick(picker, "x", 'f', late: "bc", count: 1));
    }

    [Theory]
    [InlineData("11", "bbbb -", false)] // a piece waits to be opened
    [InlineData("11", "bbbb bb.b", false)] // a block waits to be asked for
    [InlineData("11", "bbbb ....!c", false)]
    [InlineData("10", "bbbb -", true)] // what nobody has does not hold up the rest
    [InlineData("10", "bbbb AA..", true)]
    public void The_endgame_waits_until_everything_that_is_to_be_had_is_asked_for(string availability, string partial, bool expected)
    {
        var picker = Draw(availability, partial: partial);
        Assert.Equal(expected, picker.IsEndgame);
        Assert.Equal(expected ? "0.3 0.2" : "", Pick(picker, "x.")); // a few at a time
    }

    [Fact]
    public void A_piece_that_failed_is_fetched_again_from_the_one_link()
    {
        var picker = Draw("11", partial: "AABB");
        var partial = picker.Find(new PieceIndex(0))!;
        Assert.True(partial.IsComplete);
        partial.Slot = new BufferSlot(1);
        partial.Stage = PieceStage.Hashing;

        picker.Reset(partial.Piece, LinkOf('b'));
        Assert.Equal(PieceStage.Downloading, partial.Stage);
        Assert.Empty(partial.Contributors);
        Assert.Equal("", Pick(picker, "x.", 'a'));
        Assert.Equal("0.0 0.1", Pick(picker, "x.", 'b', count: 2));
        var block = LayoutOf(2).BlockAt(partial.Piece, 0);
        Assert.Equal(BlockOutcome.Unwanted, picker.Receive(LinkOf('a'), block));
        Assert.Equal(BlockOutcome.Accepted, picker.Receive(LinkOf('b'), block));

        partial.Exclusive = null;
        Assert.Equal("0.2 0.3", Pick(picker, "x.", 'a'));
    }

    [Fact]
    public void A_released_block_is_offered_again_and_an_abandoned_piece_is_opened_again()
    {
        var picker = Draw("19", have: ".*");
        Assert.Equal("0.0 0.1 0.2 0.3", Pick(picker, "x.", 'a'));
        var layout = LayoutOf(2);
        picker.Release(LinkOf('a'), layout.BlockAt(new PieceIndex(0), 2));
        picker.Release(LinkOf('a'), layout.BlockAt(new PieceIndex(0), 2));
        picker.Release(LinkOf('b'), layout.BlockAt(new PieceIndex(0), 0));
        Assert.Equal("0.2", Pick(picker, "x.", 'b'));
        Assert.Throws<InvalidOperationException>(() => picker.Abandon(new PieceIndex(0)));

        foreach (var block in Enumerable.Range(0, 4))
        {
            picker.Release(block == 2 ? LinkOf('b') : LinkOf('a'), layout.BlockAt(new PieceIndex(0), block));
        }

        picker.Abandon(new PieceIndex(0));
        Assert.Empty(picker.Partials);
        Assert.Equal("0.0 0.1 0.2 0.3", Pick(picker, "x.", 'c'));
    }

    [Fact]
    public void Blocks_that_are_none_or_belong_to_no_open_piece_are_unwanted()
    {
        var picker = Draw("111", have: "*..", partial: "- A... -");
        BlockOutcome Receive(int piece, int begin, int length) =>
            picker.Receive(LinkOf('a'), new BlockRequest(new PieceIndex(piece), begin, length));

        Assert.Equal(BlockOutcome.Duplicate, Receive(0, 0, 10));
        Assert.Equal(BlockOutcome.Duplicate, Receive(1, 0, 10));
        Assert.Equal(BlockOutcome.Accepted, Receive(1, 10, 10));
        Assert.Equal(BlockOutcome.Unwanted, Receive(1, 15, 10));
        Assert.Equal(BlockOutcome.Unwanted, Receive(1, 20, 11));
        Assert.Equal(BlockOutcome.Unwanted, Receive(2, 0, 10));
        Assert.Equal(BlockOutcome.Unwanted, Receive(3, 0, 10));
        Assert.Equal(BlockOutcome.Unwanted, Receive(-1, 0, 10));
    }

    [Fact]
    public void A_piece_that_was_lost_is_fetched_again()
    {
        var picker = Draw("11", have: "**");
        Assert.True(picker.IsComplete);
        picker.MarkLost(new PieceIndex(1));
        Assert.Equal(40, picker.MissingBytes);
        Assert.Equal("1.0 1.1 1.2 1.3", Pick(picker, "xx"));
    }

    [Fact]
    public void A_peer_that_became_a_seed_piece_by_piece_leaves_no_trace()
    {
        var picker = Draw("000");
        picker.AddAvailability(BitsOf("x.."));
        picker.AddAvailability(new PieceIndex(1));
        picker.AddAvailability(new PieceIndex(2));
        picker.AddAvailability(BitsOf("xxx"));
        picker.AddAvailability(BitsOf("..x"));
        Assert.Equal([2, 2, 3], Enumerable.Range(0, 3).Select(i => picker.AvailabilityOf(new PieceIndex(i))));

        picker.RemoveAvailability(BitsOf("xxx"));
        picker.RemoveAvailability(BitsOf("xxx"));
        Assert.Equal([0, 0, 1], Enumerable.Range(0, 3).Select(i => picker.AvailabilityOf(new PieceIndex(i))));
    }

    [Fact]
    public void An_empty_torrent_is_complete()
    {
        var picker = new PiecePicker(new PieceLayout(0, 10), new Prng(1));
        picker.AddAvailability(new Bitfield(0));
        Assert.True(picker.IsComplete);
        Assert.False(picker.IsEndgame);
        Assert.False(picker.IsInteresting(new Bitfield(0)));
        Assert.Equal("", Pick(picker, ""));
    }
}
