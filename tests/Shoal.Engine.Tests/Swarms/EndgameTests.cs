using Shoal.Protocol.Wire;

namespace Shoal.Engine.Tests.Swarms;

/// <summary>When everything is asked for, what is asked for twice.</summary>
public sealed class EndgameTests
{
    private const int BlockLength = 1024;
    private static readonly TimeSpan Tenth = TimeSpan.FromMilliseconds(100);

    [Fact]
    public void A_peer_with_nothing_to_do_is_not_asked_for_what_another_brings_soon()
    {
        var (stage, busy, idle) = OneAskedForAll(blockCount: 4);
        while (busy.Expected.Count > 0)
        {
            stage.Wait(Tenth, () => busy.Deliver(busy.Expected.Keys.First()));
            Assert.Empty(idle.Expected);
        }

        Assert.Contains(stage.Events, e => e is SwarmEvent.Completed);
    }

    [Fact]
    public void A_peer_with_nothing_to_do_takes_over_from_one_that_has_fallen_silent()
    {
        var (stage, silent, idle) = OneAskedForAll(blockCount: 4);
        silent.Deliver(silent.Expected.Keys.First());
        stage.Wait(TimeSpan.FromSeconds(5), idle.DeliverAll);
        Assert.Contains(stage.Events, e => e is SwarmEvent.Completed);
    }

    [Fact]
    public void A_fast_peer_takes_over_the_end_of_what_a_slow_one_was_asked_for()
    {
        var (stage, slow, fast) = OneAskedForAll(blockCount: 12);
        var begin = stage.Now;
        for (var second = 0; stage.Events.Find(e => e is SwarmEvent.Completed) is null; second++)
        {
            slow.Deliver(slow.Expected.Keys.First());
            for (var i = 0; i < 10; i++)
            {
                stage.Wait(Tenth, fast.DeliverAll);
            }
        }

        Assert.InRange((stage.Now - begin).TotalSeconds, 0, 5); // alone the slow one takes twelve
    }

    [Theory]
    [InlineData(500, false)]
    [InlineData(2000, true)]
    public void While_no_buffer_is_free_what_comes_very_late_is_asked_of_another_too(int slowMilliseconds, bool isAsked)
    {
        const int PieceLength = 4 * BlockLength;
        var (stage, _) = Stage.Of(
            new World(1, 12 * PieceLength, PieceLength, BlockLength), options: o => o with { BufferBytes = 2 * PieceLength });
        var slow = stage.Join(1);
        slow.Offer();
        for (var i = 0; i < 8; i++)
        {
            stage.Wait(TimeSpan.FromMilliseconds(slowMilliseconds));
            slow.Deliver(slow.Got.Where(message => message.Kind == PeerMessageKind.Request).Select(message => message.Block).First(slow.Expected.ContainsKey));
        }

        Assert.Equal(8, slow.Expected.Count); // both buffers are its
        var other = stage.Join(2);
        other.Offer();
        Assert.Equal(isAsked, other.Expected.Count > 0);
    }

    // The first of two peers is unchoked first, and is asked for all there is.
    private static (Stage Stage, RawPeer Asked, RawPeer Idle) OneAskedForAll(int blockCount)
    {
        var world = new World(1, blockCount * BlockLength, blockCount * BlockLength, BlockLength);
        var (stage, _) = Stage.Of(world);
        var asked = stage.Join(1);
        asked.Offer();
        Assert.Equal(blockCount, asked.Expected.Count);
        var idle = stage.Join(2);
        idle.Offer();
        return (stage, asked, idle);
    }
}
