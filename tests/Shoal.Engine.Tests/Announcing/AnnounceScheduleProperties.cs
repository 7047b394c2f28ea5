using FsCheck;
using FsCheck.Fluent;
using Shoal.Engine.Announcing;

namespace Shoal.Engine.Tests.Announcing;

/// <summary>Random lives of a schedule whose trackers answer, fail and dawdle as they like.</summary>
public sealed class AnnounceScheduleProperties
{
    [Fact]
    public void Announces_never_overlap_or_come_too_early_and_never_dry_up() => Check.One(
        Config.QuickThrowOnFailure.WithMaxTest(500).WithEndSize(200),
        Prop.ForAll(Gen.Choose(0, int.MaxValue).ArrayOf().ToArbitrary(), steps => Live(steps)));

    private static void Live(int[] steps)
    {
        var schedule = new AnnounceSchedule([["a", "b", "c"], ["d", "e"]], new Prng(3));
        var underWay = new Dictionary<string, AnnounceKind>();
        var regularFrom = new Dictionary<string, Instant>();
        var known = new HashSet<string>();
        var now = Instant.Zero;
        var isRunning = true;
        schedule.Start(now);
        foreach (var step in steps)
        {
            now += TimeSpan.FromMilliseconds(step / 64 % 100_000);
            switch (step % 16)
            {
                case 0:
                    schedule.WantMorePeers(now);
                    break;
                case 1:
                    schedule.Complete(now);
                    break;
                case 2 when step / 16 % 4 == 0:
                    schedule.Stop(now);
                    isRunning = false;
                    break;
                case 3 or 4 when !isRunning:
                    schedule.Start(now);
                    isRunning = true;
                    known.Clear();
                    break;
                case 5 or 6 or 7 when schedule.Deadline != Instant.Never:
                    now = schedule.Deadline > now ? schedule.Deadline : now;
                    break;
                case > 7 when underWay.Count > 0:
                    var (tracker, kind) = underWay.OrderBy(pair => pair.Key, StringComparer.Ordinal).First();
                    underWay.Remove(tracker);
                    var fails = step / 16 % 3 == 0;
                    schedule.Handle(now, new AnnounceResult(
                        tracker, kind, fails ? "no" : null, TimeSpan.FromSeconds(step / 8 % 2000), TimeSpan.FromSeconds(90)));
                    if (!fails && kind != AnnounceKind.Stopped)
                    {
                        known.Add(tracker);
                        regularFrom[tracker] = now + TimeSpan.FromSeconds(90);
                    }
                    else if (kind == AnnounceKind.Stopped)
                    {
                        known.Remove(tracker);
                    }

                    break;
            }

            while (schedule.TryPoll(now, out var next, out var what))
            {
                Assert.True(underWay.TryAdd(next, what), "two announces under way to one tracker");
                Assert.True(isRunning == (what != AnnounceKind.Stopped), "stopped when we stop, and only then");
                Assert.True(what == AnnounceKind.Started != known.Contains(next), "started until it was answered, and only then");
                Assert.True(what != AnnounceKind.Regular || regularFrom[next] <= now, "before the minimum interval");
            }

            Assert.True(schedule.Deadline > now, "a deadline in the past");
            Assert.True(schedule.Deadline != Instant.Never || underWay.Count > 0 || !isRunning, "the announces have dried up");
            Assert.True(schedule.Deadline == Instant.Never || schedule.Deadline <= now + TimeSpan.FromHours(3), "a deadline beyond all reason");
            Assert.True(isRunning || schedule.IsQuiet == (underWay.Count == 0), "quiet when all is answered");
        }
    }
}
