using Shoal.Engine.Announcing;

namespace Shoal.Engine.Tests.Announcing;

public sealed class AnnounceScheduleTests
{
    private static Instant At(double seconds) => new((long)(seconds * 1e9));

    /// <summary>
    /// Plays a script, a step a line: "second deed", where a deed is <c>start</c>, <c>complete</c>, <c>stop</c>,
    /// <c>peers</c> (more are wanted), <c>anew</c>, <c>x ok [interval [minimum]]</c>, <c>x fails [retry|never]</c>, or
    /// <c>poll</c>; and after "=>" the announces that are due then, as "x kind". Trackers are letters; tiers are words.
    /// </summary>
    private static AnnounceSchedule Play(string tiers, string script, ulong seed = 1)
    {
        var schedule = new AnnounceSchedule(
            [.. tiers.Split(' ').Select(tier => (IReadOnlyList<string>)[.. tier.Select(c => c.ToString())])], new Prng(seed));
        foreach (var line in script.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var parts = line.Split("=>", StringSplitOptions.TrimEntries);
            var words = parts[0].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            var now = At(double.Parse(words[0]));
            Do(schedule, now, words[1..]);
            Assert.Equal($"{words[0]}: {(parts.Length > 1 ? parts[1] : "")}".TrimEnd(), $"{words[0]}: {Poll(schedule, now)}".TrimEnd());
        }

        return schedule;
    }

    private static void Do(AnnounceSchedule schedule, Instant now, string[] words)
    {
        TimeSpan? Seconds(int at) =>
            words.Length <= at ? null : words[at] == "never" ? TimeSpan.MaxValue : TimeSpan.FromSeconds(int.Parse(words[at]));
        switch (words)
        {
            case ["start"]: schedule.Start(now); break;
            case ["complete"]: schedule.Complete(now); break;
            case ["stop"]: schedule.Stop(now); break;
            case ["anew"]: schedule.AnnounceAnew(now); break;
            case ["peers"]: schedule.WantMorePeers(now); break;
            case ["poll"]: break;
            case [var url, "ok", ..]:
                schedule.Handle(now, new AnnounceResult(url, AnnounceKind.Regular, null, Seconds(2), Seconds(3), null, 5, 6));
                break;
            case [var url, "completed"]: schedule.Handle(now, new AnnounceResult(url, AnnounceKind.Completed)); break;
            case [var url, "stopped"]: schedule.Handle(now, new AnnounceResult(url, AnnounceKind.Stopped)); break;
            case [var url, "fails", ..]:
                schedule.Handle(now, new AnnounceResult(url, AnnounceKind.Regular, "no", RetryAfter: Seconds(2)));
                break;
            default: throw new ArgumentException(string.Join(' ', words));
        }
    }

    private static string Poll(AnnounceSchedule schedule, Instant now)
    {
        var due = new List<string>();
        while (schedule.TryPoll(now, out var tracker, out var kind))
        {
            due.Add($"{tracker} {kind}".ToLowerInvariant());
        }

        Assert.True(schedule.Deadline > now, "a deadline that has come must yield something");
        return string.Join(' ', due);
    }

    [Fact]
    public void A_download_announces_started_regularly_completed_once_and_stopped() => Play("a", """
        0 complete
        0 poll
        1 start => a started
        1 start
        2 poll
        3 a ok 600
        500 poll
        664 poll => a regular
        665 a ok 600
        700 complete => a completed
        700 complete
        701 a completed
        702 complete
        703 stop => a stopped
        704 a stopped
        9999 poll
        """);

    [Fact]
    public void Started_is_repeated_with_growing_rests_until_a_tracker_answers()
    {
        Play("a", """
            0 start => a started
            1 a fails
            14 poll
            18 poll => a started
            18 a fails
            44 poll
            52 poll => a started
            52 a fails
            105 poll
            119 poll => a started
            119 a ok 60
            119 stop => a stopped
            """);
    }

    [Fact]
    public void Who_may_have_forgotten_us_is_told_at_once_that_we_started() => Play("a b", """
        0 anew
        0 start => a started
        1 a ok 600
        2 anew => a started
        3 a ok 600
        500 poll
        603 poll => a regular
        604 a fails => b started
        605 b fails never
        606 anew => a started
        607 a fails
        608 anew => a started
        609 a ok 600
        610 stop => a stopped
        611 a stopped
        612 anew
        """);

    [Fact]
    public void Rests_do_not_grow_beyond_half_an_hour()
    {
        var schedule = Play("a", "0 start => a started");
        var now = At(0);
        for (var i = 0; i < 40; i++)
        {
            schedule.Handle(now, new AnnounceResult("a", AnnounceKind.Started, "no"));
            Assert.InRange((schedule.Deadline - now).TotalSeconds, 13, 33 * 60);
            now = schedule.Deadline;
            Assert.Equal("a started", Poll(schedule, now));
        }

        Assert.True(now > At(30 * 27 * 60));
    }

    [Fact]
    public void The_next_tier_is_asked_only_when_all_of_a_tier_fail_and_the_first_again_next_time() => Play("a b c", """
        0 start => a started
        1 a fails => b started
        2 b ok 600
        10 poll
        700 poll => a started
        701 a fails => b regular
        702 b fails => c started
        703 c ok 600
        """);

    [Fact]
    public void Within_a_tier_the_tracker_that_works_moves_to_the_front()
    {
        var schedule = new AnnounceSchedule([["a", "b", "c"], ["d"]], new Prng(4));
        schedule.Start(At(0));
        var order = schedule.Trackers.Select(t => t.Url).ToList();
        Assert.Equal(["a", "b", "c"], order[..3].Order());
        Assert.Equal($"{order[0]} started", Poll(schedule, At(0)));
        Do(schedule, At(1), [order[0], "fails"]);
        Assert.Equal($"{order[1]} started", Poll(schedule, At(1)));
        Do(schedule, At(2), [order[1], "ok", "600"]);
        Assert.Equal([order[1], order[0], order[2], "d"], schedule.Trackers.Select(t => t.Url));
        Assert.Equal($"{order[1]} regular", Poll(schedule, At(700)));
    }

    [Fact]
    public void Each_tier_is_shuffled()
    {
        var orders = Enumerable.Range(1, 100)
            .Select(seed => string.Concat(Play("abc d", "0 poll", (ulong)seed).Trackers.Select(t => t.Url)))
            .Distinct().Order();
        Assert.Equal(["abcd", "acbd", "bacd", "bcad", "cabd", "cbad"], orders);
    }

    [Fact]
    public void More_peers_are_asked_for_as_soon_as_the_minimum_interval_allows() => Play("a", """
        0 start => a started
        0 a ok 1800 100
        10 peers
        99 poll
        100 poll => a regular
        100 a ok 1800
        159 peers
        160 poll => a regular
        160 a ok 1800 3
        161 peers
        164 poll
        165 poll => a regular
        165 a ok 1800
        400 poll
        """);

    [Fact]
    public void An_interval_out_of_all_reason_is_not_believed() => Play("a", """
        0 start => a started
        0 a ok 0
        26 poll
        33 poll => a regular
        33 a ok 999999999 999999999
        7232 poll
        8000 poll => a regular
        """);

    [Fact]
    public void A_tracker_that_says_when_to_retry_is_obeyed() => Play("a b", """
        0 start => a started
        0 a fails 3600 => b started
        0 b fails never
        3599 poll
        3600 poll => a started
        3600 a fails never
        999999 poll
        999999 stop
        1000000 start => a started
        """);

    [Fact]
    public void Completed_goes_to_a_tracker_that_knows_us_and_after_started() => Play("a b", """
        0 start => a started
        1 complete
        2 a fails => b started
        3 b ok 600 => b completed
        4 b fails
        10 poll
        18 poll => a started
        18 a fails
        21 poll => b completed
        22 b completed
        """);

    [Fact]
    public void Only_trackers_that_know_us_hear_that_we_stop()
    {
        var schedule = Play("a b c", """
            0 start => a started
            0 a ok 600
            700 poll => a regular
            700 a fails => b started
            700 b ok 600
            700 stop => a stopped b stopped
            701 a stopped
            701 stop
            """);
        Assert.False(schedule.IsQuiet);
        Do(schedule, At(702), ["b", "stopped"]);
        Assert.True(schedule.IsQuiet);
    }

    [Fact]
    public void A_started_that_is_under_way_when_we_stop_is_followed_by_a_stopped()
    {
        Assert.True(Play("a", """
            0 start => a started
            1 stop
            2 a ok 600 => a stopped
            3 a stopped
            """).IsQuiet);
        Assert.True(Play("a", """
            0 start => a started
            1 stop
            2 a fails
            """).IsQuiet);
    }

    [Fact]
    public void A_run_can_follow_a_run() => Play("a", """
        0 start => a started
        0 a ok 600
        1 stop => a stopped
        2 start
        3 a stopped => a started
        4 a ok 600
        """);

    [Fact]
    public void Results_that_answer_nothing_do_nothing()
    {
        var schedule = Play("a b", """
            0 start => a started
            0 b ok 600
            1 a fails => b started
            1 a fails
            2 b ok 600
            """);
        Assert.Equal(["a", "b"], schedule.Trackers.Select(t => t.Url));
        Assert.Equal([0, 1], schedule.Trackers.Select(t => t.Tier));
        Assert.Equal(["no", null], schedule.Trackers.Select(t => t.Error));
        Assert.Equal(5, schedule.Trackers[1].SeederCount);
        Assert.Equal(schedule.Deadline, schedule.Trackers[1].NextAnnounceAt);
        Assert.Equal([At(1), At(2)], schedule.Trackers.Select(t => t.LastAnsweredAt!.Value));
    }

    [Fact]
    public void A_tracker_that_failed_for_long_is_asked_again_within_the_interval_that_it_named()
    {
        var schedule = Play("a", """
            0 start => a started
            0 a ok 600
            """);
        var now = schedule.Deadline;
        for (var failure = 0; failure < 20; failure++)
        {
            Assert.True(schedule.TryPoll(now, out _, out _));
            schedule.Handle(now, new AnnounceResult("a", AnnounceKind.Regular, "no"));
            Assert.InRange((schedule.Deadline - now).TotalSeconds, 10, 600);
            now = schedule.Deadline;
        }
    }

    [Fact]
    public void Without_trackers_nothing_is_ever_due()
    {
        var schedule = new AnnounceSchedule([], new Prng(1));
        schedule.Start(At(0));
        schedule.WantMorePeers(At(0));
        Assert.Equal("", Poll(schedule, At(1)));
        Assert.Equal(Instant.Never, schedule.Deadline);
        schedule.Stop(At(2));
        Assert.True(schedule.IsQuiet);
    }
}
