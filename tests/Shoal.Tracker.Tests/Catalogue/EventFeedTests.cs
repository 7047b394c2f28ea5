using Shoal.Tracker.Catalogue;

namespace Shoal.Tracker.Tests.Catalogue;

public sealed class EventFeedTests
{
    private const int Capacity = 8192;

    [Theory]
    [InlineData(0, 0)]
    [InlineData(0, 1)]
    [InlineData(0, 10)]
    [InlineData(0, Capacity - 1)]
    [InlineData(0, Capacity)]
    [InlineData(0, Capacity + 1)]
    [InlineData(0, (2 * Capacity) + 100)]
    [InlineData(1000, 0)]
    [InlineData(1000, 1)]
    [InlineData(1000, Capacity + 1)]
    public void From_each_number_on_it_gives_all_that_follow_or_says_that_it_has_not_all(int before, int count)
    {
        var feed = new EventFeed();
        feed.SkipTo(before);
        CatalogueChange[] all = [.. Enumerable.Range(before + 1, count).Select(i => Samples.Published($"name {i}", 1, i))];
        foreach (var some in all.Chunk(999))
        {
            feed.Publish(some);
        }

        Assert.Equal(before + count, feed.LastSequence);
        var kept = Math.Min(count, Capacity);
        for (long after = -1; after <= before + count + 2; after++)
        {
            var changes = new List<CatalogueChange>();
            Assert.Equal(after >= before + count - kept, feed.TryRead(after, int.MaxValue, changes, out var more));
            Assert.False(more.IsCompleted);
            var missing = (int)Math.Clamp(before + count - after, 0, kept);
            Assert.Equal(after >= before + count - kept ? missing : 0, changes.Count);
            for (var i = 0; i < changes.Count; i++)
            {
                Assert.Same(all[count - missing + i], changes[i]);
            }
        }
    }

    [Fact]
    public void What_it_gives_to_wait_for_ends_with_the_next_change()
    {
        var feed = new EventFeed();
        Assert.True(feed.TryRead(0, 10, [], out var more));
        Assert.False(more.IsCompleted);
        feed.Publish([Samples.Published("a", 1, 1)]);
        Assert.True(more.IsCompletedSuccessfully);
        var changes = new List<CatalogueChange>();
        Assert.True(feed.TryRead(0, 10, changes, out more));
        Assert.Single(changes);
        Assert.False(more.IsCompleted);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(512)]
    public void Slices_make_up_all_that_is_kept(int limit)
    {
        var feed = new EventFeed();
        feed.Publish([.. Enumerable.Range(1, Capacity + 10).Select(i => Samples.Published("a", i, i))]);
        var found = new List<long>();
        var slice = new List<CatalogueChange>();
        for (var after = 10L; after < feed.LastSequence; after = found[^1])
        {
            slice.Clear();
            Assert.True(feed.TryRead(after, limit, slice, out _));
            Assert.InRange(slice.Count, 1, limit);
            found.AddRange(slice.Select(change => change.Sequence));
        }

        Assert.Equal(Enumerable.Range(11, Capacity).Select(i => (long)i), found);
    }
}
