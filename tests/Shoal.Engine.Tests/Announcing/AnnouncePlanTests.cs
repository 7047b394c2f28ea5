using Shoal.Engine.Announcing;

namespace Shoal.Engine.Tests.Announcing;

public sealed class AnnouncePlanTests
{
    private static Instant At(double seconds) => new((long)(seconds * 1e9));

    private static readonly IReadOnlyList<IReadOnlyList<string>> Tiers = [["a", "b"], ["c"], ["a"]];

    private static string Poll(AnnouncePlan plan, Instant now)
    {
        var due = new List<string>();
        while (plan.TryPoll(now, out var tracker, out var kind))
        {
            due.Add($"{tracker} {kind}");
        }

        return string.Join(", ", due.Order(StringComparer.Ordinal));
    }

    private static void Answer(AnnouncePlan plan, Instant now, string tracker, AnnounceKind kind, string? failure = null) =>
        plan.Handle(now, new AnnounceResult(tracker, kind, failure, Interval: TimeSpan.FromSeconds(600)));

    [Fact]
    public void One_tracker_is_asked_at_a_time_unless_all_are_wanted()
    {
        var one = new AnnouncePlan(Tiers, toAll: false, new Prng(1));
        one.Start(At(0));
        Assert.Single(Poll(one, At(0)).Split(", "));
        var all = new AnnouncePlan(Tiers, toAll: true, new Prng(1));
        all.Start(At(0));
        Assert.Equal("a Started, b Started, c Started", Poll(all, At(0)));
        Assert.Equal([("a", 0), ("b", 0), ("c", 1)], all.Trackers.Select(tracker => (tracker.Url, tracker.Tier)).Order());
    }

    [Fact]
    public void Each_of_all_goes_its_own_way_and_each_that_knows_us_hears_the_end()
    {
        var plan = new AnnouncePlan(Tiers, toAll: true, new Prng(1));
        plan.Start(At(0));
        Poll(plan, At(0));
        Answer(plan, At(1), "a", AnnounceKind.Started);
        Answer(plan, At(1), "b", AnnounceKind.Started, "no");
        Answer(plan, At(1), "c", AnnounceKind.Started);
        Assert.Equal("", Poll(plan, At(2)));
        Assert.InRange(plan.Deadline.Nanoseconds, At(1).Nanoseconds, At(20).Nanoseconds);
        Assert.Equal("b Started", Poll(plan, At(20)));
        Answer(plan, At(20), "b", AnnounceKind.Started, "no");
        plan.Complete(At(21));
        Assert.Equal("a Completed, c Completed", Poll(plan, At(21)));
        Answer(plan, At(22), "a", AnnounceKind.Completed);
        Answer(plan, At(22), "c", AnnounceKind.Completed);
        plan.Stop(At(23));
        Assert.Equal("a Stopped, c Stopped", Poll(plan, At(23)));
        Assert.False(plan.IsQuiet);
        Answer(plan, At(24), "a", AnnounceKind.Stopped);
        Answer(plan, At(24), "c", AnnounceKind.Stopped, "no");
        Assert.True(plan.IsQuiet);
    }
}
