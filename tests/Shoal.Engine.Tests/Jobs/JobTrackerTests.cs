using Shoal.Engine.Jobs;
using Shoal.Engine.Swarms;

namespace Shoal.Engine.Tests.Jobs;

/// <summary>The tracker by itself: what it answers to each message, and when.</summary>
public sealed class JobTrackerTests
{
    private readonly JobWorld _files = new(BalancePolicy.Swarm); // only for its files

    [Fact]
    public void Nobody_is_acknowledged_before_all_have_registered()
    {
        var tracker = new JobTracker(3, BalancePolicy.Swarm, 1);
        Assert.Empty(Tell(tracker, 2, new JobMessage.Register([])));
        Assert.Empty(Tell(tracker, 3, new JobMessage.Register([_files.File("a", 3)])));
        Assert.Equal(
            [new JobMail(1, new JobMessage.Registered()), new JobMail(2, new JobMessage.Registered()), new JobMail(3, new JobMessage.Registered())],
            Tell(tracker, 1, new JobMessage.Register([])));
    }

    [Fact]
    public void Hashes_come_as_they_were_registered_in_order()
    {
        var file = _files.File("a", 200);
        var tracker = Registered(BalancePolicy.Swarm, [file], [file], []);
        var mail = Assert.Single(Tell(tracker, 3, new JobMessage.HashesRequest("a")));
        Assert.Equal(new JobMail(3, new JobMessage.Hashes(file)), mail);
        Assert.Equal(file.Hashes.ToArray(), ((JobMessage.Hashes)mail.Message).File.Hashes.ToArray());
    }

    [Theory]
    [InlineData(5, 6, "five", "ranks 1 and 2 both own 'a', but with 5 and 6 segments")]
    [InlineData(5, 5, "other", "ranks 1 and 2 both own 'a', but with different hashes of segment 1")]
    [InlineData(0, 1, "five", "ranks 1 and 2 both own 'a', but with 0 and 1 segments")]
    public void Owners_that_disagree_are_both_named(int left, int right, string text, string expected)
    {
        var tracker = new JobTracker(2, BalancePolicy.Swarm, 1);
        Tell(tracker, 2, new JobMessage.Register([_files.File("a", right, text)]));
        var mail = Tell(tracker, 1, new JobMessage.Register([_files.File("a", left, "five")]));
        Assert.Equal([1, 2], mail.Select(m => m.Rank));
        Assert.All(mail, m => Assert.Equal([expected], Assert.IsType<JobMessage.Stop>(m.Message).Failures));
        Assert.True(tracker.Outcome!.IsRefused);
    }

    [Fact]
    public void Lengths_that_differ_are_a_conflict_though_the_hashes_are_the_same()
    {
        var file = _files.File("a", 2);
        var tracker = new JobTracker(2, BalancePolicy.Swarm, 1);
        Tell(tracker, 1, new JobMessage.Register([file]));
        Tell(tracker, 2, new JobMessage.Register([file with { Length = file.Length - 1 }]));
        Assert.Equal(
            ["ranks 1 and 2 both own 'a', but with different lengths: 64 bytes in segments of 32, and 63 in segments of 32"],
            tracker.Outcome!.Failures);
    }

    [Fact]
    public void Wrong_input_stops_all_once_all_are_there_and_every_reason_is_told()
    {
        var tracker = new JobTracker(3, BalancePolicy.Swarm, 1);
        Assert.Empty(Tell(tracker, 3, new JobMessage.Refuse("in3.txt: missing")));
        Assert.Empty(Tell(tracker, 1, new JobMessage.Refuse("in1.txt: missing")));
        var mail = Tell(tracker, 2, new JobMessage.Register([]));
        Assert.Equal([1, 2, 3], mail.Select(m => m.Rank));
        Assert.Equal(["in1.txt: missing", "in3.txt: missing"], tracker.Outcome!.Failures);
    }

    [Fact]
    public void A_file_that_nobody_has_is_said_to_be_so_at_once()
    {
        var tracker = Registered(BalancePolicy.Swarm, [], []);
        Assert.Equal(
            [new JobMail(2, new JobMessage.Unavailable("a", "rank 2 wants 'a', which no rank has"))],
            Tell(tracker, 2, new JobMessage.HashesRequest("a")));
    }

    [Fact]
    public void A_swarm_names_its_owners_and_who_joined_before_but_never_the_asker()
    {
        var file = _files.File("a", 3);
        var tracker = Registered(BalancePolicy.Swarm, [file], [file], [], []);
        Tell(tracker, 3, new JobMessage.HashesRequest("a"));
        Tell(tracker, 4, new JobMessage.HashesRequest("a"));
        Assert.Equal([1, 2], Holders(Tell(tracker, 3, new JobMessage.SwarmRequest("a"))).Order());
        Assert.Equal([1, 2, 3], Holders(Tell(tracker, 4, new JobMessage.SwarmRequest("a"))).Order());
        Assert.Equal([1, 2, 4], Holders(Tell(tracker, 3, new JobMessage.SwarmRequest("a"))).Order());
    }

    [Fact]
    public void Hundreds_of_holders_are_all_named()
    {
        var tracker = Registered(BalancePolicy.Swarm, [.. Enumerable.Repeat<JobFile[]>([_files.File("a", 1)], 599), []]);
        Tell(tracker, 600, new JobMessage.HashesRequest("a"));
        Assert.Equal(Enumerable.Range(1, 599), Holders(Tell(tracker, 600, new JobMessage.SwarmRequest("a"))).Order());
    }

    [Fact]
    public void Whoever_was_asked_least_comes_first()
    {
        var file = _files.File("a", 3);
        var tracker = Registered(BalancePolicy.LeastRequested, [file], [file], [file], []);
        Tell(tracker, 4, new JobMessage.HashesRequest("a"));
        Tell(tracker, 4, new JobMessage.Requested([new RankCount(1, 7), new RankCount(3, 2)]));
        Assert.Equal([2, 3, 1], Holders(Tell(tracker, 4, new JobMessage.SwarmRequest("a"))));
        Tell(tracker, 4, new JobMessage.Requested([new RankCount(2, 8), new RankCount(3, 2)]));
        Assert.Equal([3, 1, 2], Holders(Tell(tracker, 4, new JobMessage.SwarmRequest("a"))));
    }

    [Fact]
    public void All_peers_are_polled_at_a_swarm_request_and_whoever_uploaded_least_comes_first()
    {
        var file = _files.File("a", 3);
        var tracker = Registered(BalancePolicy.TrackerPolled, [file], [file], []);
        Tell(tracker, 3, new JobMessage.HashesRequest("a"));
        var polls = Tell(tracker, 3, new JobMessage.SwarmRequest("a"));
        Assert.Equal([1, 2, 3], polls.Select(mail => mail.Rank));
        var round = ((JobMessage.LoadRequest)polls[0].Message).Round;
        Assert.Empty(Tell(tracker, 3, new JobMessage.Load(round, 0)));
        Assert.Empty(Tell(tracker, 1, new JobMessage.Load(round, 9)));
        Assert.Equal([2, 1], Holders(Tell(tracker, 2, new JobMessage.Load(round, 8))));
    }

    [Fact]
    public void Requests_during_many_polls_share_the_next_one()
    {
        var file = _files.File("a", 3);
        var tracker = Registered(BalancePolicy.TrackerPolled, [file], [], []);
        Tell(tracker, 2, new JobMessage.HashesRequest("a"));
        Tell(tracker, 3, new JobMessage.HashesRequest("a"));
        for (var round = 1; round <= 4; round++)
        {
            Assert.Equal(3, Tell(tracker, 2, new JobMessage.SwarmRequest("a")).Count);
        }

        Assert.Empty(Tell(tracker, 3, new JobMessage.SwarmRequest("a")));
        Assert.Empty(Tell(tracker, 2, new JobMessage.SwarmRequest("a")));
        Tell(tracker, 1, new JobMessage.Load(3, 0));
        Tell(tracker, 2, new JobMessage.Load(3, 0));
        var mail = Tell(tracker, 3, new JobMessage.Load(3, 0));
        Assert.Equal([2, 1, 2, 3], mail.Select(m => m.Rank)); // one answer, and the next poll
        Assert.Equal(5, ((JobMessage.LoadRequest)mail[1].Message).Round);
        Tell(tracker, 1, new JobMessage.Load(5, 0));
        Tell(tracker, 2, new JobMessage.Load(5, 0));
        Assert.Equal([3, 2], Tell(tracker, 3, new JobMessage.Load(5, 0)).Select(m => m.Rank));
    }

    [Fact]
    public void The_last_to_be_done_stops_all()
    {
        var tracker = Registered(BalancePolicy.Swarm, [], []);
        Assert.Empty(Tell(tracker, 2, new JobMessage.AllComplete()));
        Assert.False(tracker.IsOver);
        var mail = Tell(tracker, 1, new JobMessage.AllComplete());
        Assert.Equal([1, 2], mail.Select(m => m.Rank));
        Assert.All(mail, m => Assert.Empty(((JobMessage.Stop)m.Message).Failures));
        Assert.Empty(Tell(tracker, 1, new JobMessage.SwarmRequest("a")));
    }

    [Fact]
    public void Who_has_completed_a_file_keeps_it_available_when_its_owner_fails()
    {
        var file = _files.File("a", 3);
        var tracker = Registered(BalancePolicy.Swarm, [file], [], []);
        foreach (var rank in new[] { 2, 3 })
        {
            Tell(tracker, rank, new JobMessage.HashesRequest("a"));
            Tell(tracker, rank, new JobMessage.SwarmRequest("a"));
        }

        Tell(tracker, 2, new JobMessage.FileComplete("a"));
        Assert.Empty(Tell(tracker, 1, new JobMessage.FileFailed("a", 1, "rank 1 lost it")));
        Assert.Equal([2], Holders(Tell(tracker, 3, new JobMessage.SwarmRequest("a"))));
        Assert.Equal(
            [new JobMail(3, new JobMessage.Unavailable("a", "rank 3 wants 'a', which no rank has any more"))],
            Tell(tracker, 2, new JobMessage.FileFailed("a", 2, "rank 2 lost it")));
    }

    [Fact]
    public void What_only_a_tracker_may_say_is_refused()
    {
        var tracker = new JobTracker(1, BalancePolicy.Swarm, 1);
        Assert.Throws<InvalidOperationException>(() => tracker.Handle(1, new JobMessage.Registered()));
    }

    private static JobTracker Registered(BalancePolicy balance, params JobFile[][] owned)
    {
        var tracker = new JobTracker(owned.Length, balance, 1);
        for (var i = 0; i < owned.Length; i++)
        {
            Tell(tracker, i + 1, new JobMessage.Register(owned[i]));
        }

        return tracker;
    }

    private static List<JobMail> Tell(JobTracker tracker, int rank, JobMessage message)
    {
        tracker.Handle(rank, message);
        List<JobMail> mails = [];
        while (tracker.TryPoll(out var mail))
        {
            mails.Add(mail);
        }

        return mails;
    }

    private static IReadOnlyList<int> Holders(List<JobMail> mails) => Assert.IsType<JobMessage.Swarm>(mails[0].Message).Holders;
}
