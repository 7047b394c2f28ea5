using Shoal.Engine.Swarms;
using Shoal.Protocol;

namespace Shoal.Engine.Tests.Swarms;

/// <summary>What a link's requests tell of when they will be answered.</summary>
public sealed class RequestPipelineTests
{
    private readonly RequestPipeline _pipeline = new(maximumDepth: 250);
    private Instant _now = Instant.Zero + TimeSpan.FromSeconds(100);

    [Fact]
    public void Of_a_link_that_has_brought_nothing_a_block_takes_half_a_second()
    {
        Ask(2);
        Assert.Equal(500, _pipeline.BlockTime.TotalMilliseconds);
        Assert.False(IsLate(0, milliseconds: 600));
        Assert.True(IsLate(1, milliseconds: 600));
    }

    [Fact]
    public void A_block_is_late_if_those_before_it_take_too_long()
    {
        Ask(6);
        Bring(milliseconds: 100);
        Bring(milliseconds: 100);
        Assert.Equal(100, _pipeline.BlockTime.TotalMilliseconds);
        Assert.Equal([false, false, true, true], Enumerable.Range(2, 4).Select(block => IsLate(block, milliseconds: 250)));
    }

    [Fact]
    public void A_pause_in_which_nothing_was_asked_for_does_not_make_a_link_slow()
    {
        Ask(1);
        Bring(milliseconds: 100);
        _now += TimeSpan.FromSeconds(60);
        _pipeline.Add(BlockOf(1), _now);
        Bring(milliseconds: 100);
        Assert.Equal(100, _pipeline.BlockTime.TotalMilliseconds);
    }

    [Fact]
    public void A_link_that_has_fallen_silent_is_late_with_all()
    {
        Ask(2);
        Bring(milliseconds: 100);
        _now += TimeSpan.FromMilliseconds(200);
        Assert.False(IsLate(1, milliseconds: 150)); // it may be a moment more than usual
        _now += TimeSpan.FromMilliseconds(1);
        Assert.True(IsLate(1, milliseconds: 150));
        Assert.False(IsLate(1, milliseconds: 250)); // who asks would take longer
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(32)]
    public void Blocks_that_are_told_of_together_share_the_time_that_they_took(int together)
    {
        Ask(96);
        for (var block = 0; block < 96; block += together)
        {
            Bring(milliseconds: 10 * together);
            for (var i = 1; i < together; i++)
            {
                Bring(milliseconds: 0);
            }
        }

        Assert.Equal(10, _pipeline.BlockTime.TotalMilliseconds);
    }

    [Fact]
    public void A_block_is_late_if_a_later_one_came_first()
    {
        Ask(4);
        Bring(milliseconds: 10);
        Assert.False(_pipeline.HasLate(_now, TimeSpan.FromMilliseconds(50)));
        Assert.True(_pipeline.Complete(BlockOf(2), _now));
        Assert.Equal([true, false, false], new[] { 1, 2, 3 }.Select(block => IsLate(block, milliseconds: 50)));
        Assert.True(_pipeline.HasLate(_now, TimeSpan.FromMilliseconds(50)));
        Bring(milliseconds: 10);
        Assert.False(IsLate(3, milliseconds: 50));
        Assert.False(_pipeline.HasLate(_now, TimeSpan.FromMilliseconds(50)));
    }

    private static BlockRequest BlockOf(int piece) => new(new PieceIndex(piece), 0, PieceLayout.DefaultBlockLength);

    private void Ask(int count)
    {
        for (var i = 0; i < count; i++)
        {
            _pipeline.Add(BlockOf(i), _now);
        }
    }

    private void Bring(int milliseconds)
    {
        _now += TimeSpan.FromMilliseconds(milliseconds);
        Assert.True(_pipeline.Complete(_pipeline.Oldest.Block, _now));
    }

    private bool IsLate(int piece, int milliseconds) => _pipeline.IsLate(BlockOf(piece), _now, TimeSpan.FromMilliseconds(milliseconds));
}
