namespace Shoal.Mpi.Copying;

/// <summary>What the first rank makes of what the others tell: when a copy is over, and how far it is.</summary>
public sealed class CopyBoardTests
{
    private readonly ManualClock _clock = new();
    private readonly CopyBoard _board;

    public CopyBoardTests() => _board = new CopyBoard([0, 2], 1000, ["node a", "node a", "node b"], _clock);

    [Fact]
    public void It_is_over_when_every_copy_is_whole_or_has_failed()
    {
        _board.Update(0, new RankNews(RankState.Done, 1000));
        _board.Update(1, new RankNews(RankState.Done, 0)); // takes no part
        Assert.False(_board.IsOver);
        _board.Update(2, new RankNews(RankState.Finishing, 1000));
        Assert.False(_board.IsOver);
        _board.Update(2, new RankNews(RankState.Failed, 1000, "the disk is full"));
        Assert.True(_board.IsOver);
        Assert.Equal((1, 1), (_board.Progress().DoneCount, _board.Progress().FailedCount));
    }

    [Fact]
    public void It_is_over_when_anybody_interrupts_even_a_rank_that_takes_no_part()
    {
        _board.Update(1, new RankNews(RankState.Interrupted, 0));
        Assert.True(_board.IsOver);
    }

    [Fact]
    public void It_is_given_up_when_nothing_has_moved_anywhere_for_minutes()
    {
        _clock.Pass(CopyBoard.StallTime);
        _board.Update(2, new RankNews(RankState.Copying, 10));
        _clock.Pass(CopyBoard.StallTime);
        Assert.False(_board.IsOver);
        _clock.Pass(TimeSpan.FromMilliseconds(1));
        Assert.True(_board.IsStalled);
        Assert.True(_board.IsOver);
    }

    [Fact]
    public void A_rank_that_flushes_to_its_disk_is_waited_for_but_not_for_ever()
    {
        _board.Update(2, new RankNews(RankState.Finishing, 1000));
        _clock.Pass(CopyBoard.FlushTime);
        Assert.False(_board.IsOver);
        _clock.Pass(TimeSpan.FromMilliseconds(1));
        Assert.True(_board.IsStalled);
    }

    [Fact]
    public void Progress_names_the_slowest_and_the_fastest_and_how_long_it_will_take()
    {
        _board.Update(0, new RankNews(RankState.Copying, 100));
        Assert.Null(_board.Progress().EtaSeconds);
        _clock.Pass(TimeSpan.FromSeconds(2));
        _board.Update(0, new RankNews(RankState.Copying, 800));
        _board.Update(2, new RankNews(RankState.Copying, 200));
        var progress = _board.Progress();
        Assert.Equal((1000, 2000), (progress.Bytes, progress.TotalBytes));
        Assert.Equal(new RankProgress(2, "node b", 0.2), progress.Slowest);
        Assert.Equal(new RankProgress(0, "node a", 0.8), progress.Fastest);
        Assert.Equal(2.0 * 1000 / 900, progress.EtaSeconds!.Value, 6);
    }
}
