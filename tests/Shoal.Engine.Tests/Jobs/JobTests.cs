using Shoal.Engine.Jobs;
using Shoal.Engine.Swarms;

namespace Shoal.Engine.Tests.Jobs;

/// <summary>Whole jobs: what comes out of them, under each policy.</summary>
public sealed class JobTests
{
    public static TheoryData<BalancePolicy> Policies => [.. Enum.GetValues<BalancePolicy>()];

    public static TheoryData<BalancePolicy, int> PoliciesAndSeeds =>
        new(from policy in Enum.GetValues<BalancePolicy>() from seed in Enumerable.Range(1, 25) select (policy, seed));

    [Theory]
    [MemberData(nameof(PoliciesAndSeeds))]
    public void Jobs_of_mixed_shapes_deliver_everything(BalancePolicy policy, int seed)
    {
        var world = Mixed(policy, (ulong)seed).Run();
        Assert.Empty(world.Tracker.Outcome!.Failures);
        world.AssertAllArrived();
        Assert.All(world.Ranks, rank => Assert.Equal(world.Tracker.Outcome, rank.Peer.Outcome));
        Assert.DoesNotContain(world.Ranks.SelectMany(rank => rank.Events), e => e.Event is SwarmEvent.PeerBanned or SwarmEvent.PieceFailed);
        // Nothing is downloaded twice: what was asked for was sent or rejected.
        Assert.Equal(
            world.Ranks.Sum(rank => rank.Session.Load.DownloadedCount), world.Ranks.Sum(rank => rank.Session.Load.UploadedCount));
    }

    [Theory]
    [MemberData(nameof(Policies))]
    public void The_same_seed_gives_the_same_job(BalancePolicy policy)
    {
        var runs = Enumerable.Range(0, 2).Select(_ => Mixed(policy, 7).Run()).ToArray();
        Assert.Equal(runs[0].Now, runs[1].Now);
        Assert.Equal(runs[0].Ranks.Select(rank => rank.Session.Load), runs[1].Ranks.Select(rank => rank.Session.Load));
    }

    [Theory]
    [MemberData(nameof(Policies))]
    public void A_job_is_done_long_before_any_timer_would_help_it(BalancePolicy policy)
    {
        var world = Mixed(policy, 3).Run();
        Assert.True(world.Now < Instant.Zero + TimeSpan.FromSeconds(1), $"took {world.Now}");
    }

    [Theory]
    [MemberData(nameof(Policies))]
    public void One_owner_serves_all(BalancePolicy policy)
    {
        var world = new JobWorld(policy);
        world.Peer([world.File("a", 100)]);
        for (var i = 0; i < 7; i++)
        {
            world.Peer(wanted: ["a"]);
        }

        world.Run().AssertAllArrived();
        Assert.Empty(world.Tracker.Outcome!.Failures);
        Assert.All(world.Ranks.Skip(1), rank => Assert.Equal(100, rank.Session.Load.DownloadedCount));
    }

    [Theory]
    [MemberData(nameof(Policies))]
    public void A_rank_that_wants_its_own_file_has_it(BalancePolicy policy)
    {
        var world = new JobWorld(policy);
        var file = world.File("a", 20);
        world.Peer([file], ["a"]).Peer(wanted: ["a"]).Run().AssertAllArrived();
        Assert.Empty(world.Tracker.Outcome!.Failures);
        Assert.Equal(0, world.Ranks[0].Session.Load.DownloadedCount);
    }

    [Theory]
    [MemberData(nameof(Policies))]
    public void A_file_that_nobody_has_is_named_and_all_others_arrive(BalancePolicy policy)
    {
        var world = new JobWorld(policy);
        world.Peer([world.File("a", 50)]).Peer(wanted: ["lost", "a"]).Peer(wanted: ["a", "also lost"]).Run();
        world.AssertAllArrived("lost", "also lost");
        Assert.Equal(
            ["rank 2 wants 'lost', which no rank has", "rank 3 wants 'also lost', which no rank has"], world.Ranks[0].Peer.Outcome!.Failures);
        Assert.False(world.Tracker.Outcome!.IsRefused);
    }

    [Fact]
    public void Owners_that_disagree_end_the_job_before_any_transfer()
    {
        var world = new JobWorld(BalancePolicy.Swarm);
        var other = world.File("a", 5, "other");
        world.Peer([world.File("a", 5)]).Peer([world.File("b", 5)]).Peer([other], ["b"]).Run();
        Assert.All(world.Ranks, rank => Assert.Equal(
            ["ranks 1 and 3 both own 'a', but with different hashes of segment 1"], rank.Peer.Outcome!.Failures));
        Assert.True(world.Tracker.Outcome!.IsRefused);
        Assert.All(world.Ranks, rank => Assert.Equal(0, rank.MostLinks));
    }

    [Fact]
    public void A_rank_whose_input_is_wrong_ends_the_job_everywhere()
    {
        var world = new JobWorld(BalancePolicy.Swarm);
        world.Peer([world.File("a", 5)]).Peer(inputError: "in2.txt:3: no number").Peer(wanted: ["a"]).Run();
        Assert.All(world.Ranks, rank => Assert.Equal(["in2.txt:3: no number"], rank.Peer.Outcome!.Failures));
        Assert.True(world.Ranks[2].Peer.Outcome!.IsRefused);
    }

    [Theory]
    [MemberData(nameof(Policies))]
    public void Files_without_segments_and_with_one_are_files_too(BalancePolicy policy)
    {
        var world = new JobWorld(policy);
        var empty = world.File("empty", 0);
        world.Peer([empty, world.File("one", 1)]).Peer([empty]).Peer(wanted: ["empty", "one"]).Run().AssertAllArrived();
        Assert.Empty(world.Tracker.Outcome!.Failures);
    }

    [Fact]
    public void The_same_segments_in_two_files_are_two_files()
    {
        var world = new JobWorld(BalancePolicy.Swarm);
        world.Peer([world.File("a", 5, "same"), world.File("b", 5, "same")]).Peer(wanted: ["a", "b"]).Run().AssertAllArrived();
        Assert.Equal(10, world.Ranks[1].Session.Load.DownloadedCount);
    }

    [Fact]
    public void Ranks_without_anything_to_do_stay_to_the_end()
    {
        var world = new JobWorld(BalancePolicy.Swarm);
        world.Peer([world.File("a", 50)]).Peer().Peer([world.File("unwanted", 5)]).Peer(wanted: ["a"]).Run().AssertAllArrived();
        Assert.All(world.Ranks, rank => Assert.Empty(rank.Peer.Outcome!.Failures));
    }

    [Fact]
    public void A_tracker_without_peers_is_done()
    {
        var tracker = new JobTracker(0, BalancePolicy.Swarm, 1);
        Assert.True(tracker.IsOver);
        Assert.Empty(tracker.Outcome!.Failures);
        Assert.False(tracker.TryPoll(out _));
    }

    [Theory]
    [MemberData(nameof(Policies))]
    public void A_full_disk_fails_one_file_of_one_rank(BalancePolicy policy)
    {
        var world = new JobWorld(policy);
        world.Peer([world.File("a", 100), world.File("b", 100)]).Peer(wanted: ["a", "b"]).Peer(wanted: ["a", "b"]).Start();
        world.Ranks[1].DiskError = name => name == "a" ? "no space left on device" : null;
        world.Run();
        Assert.Equal(["rank 2 cannot write 'a': no space left on device"], world.Tracker.Outcome!.Failures);
        Assert.Equal(world.ContentOf("b"), world.Ranks[1].DiskOf("b"));
        Assert.Equal(world.ContentOf("a"), world.Ranks[2].DiskOf("a"));
        Assert.Equal(world.ContentOf("b"), world.Ranks[2].DiskOf("b"));
    }

    [Theory]
    [MemberData(nameof(Policies))]
    public void An_only_owner_that_cannot_read_its_file_ends_the_wait_for_it(BalancePolicy policy)
    {
        var world = new JobWorld(policy);
        world.Peer([world.File("a", 100), world.File("b", 20)]).Peer(wanted: ["a", "b"]).Peer(wanted: ["a"]).Start();
        world.Ranks[0].ReadError = name => name == "a" ? "'a' has changed" : null;
        world.Run();
        world.AssertAllArrived("a");
        Assert.Equal(
            [
                "rank 1 can no longer serve 'a': 'a' has changed",
                "rank 2 wants 'a', which no rank has any more",
                "rank 3 wants 'a', which no rank has any more",
            ],
            world.Tracker.Outcome!.Failures);
    }

    [Theory]
    [MemberData(nameof(Policies))]
    public void An_owner_that_serves_it_wrong_is_left_for_another(BalancePolicy policy)
    {
        var world = new JobWorld(policy);
        var file = world.File("a", 100);
        world.Peer([file]).Peer([file]).Peer(wanted: ["a"]).Start();
        world.Ranks[0].Corrupts = _ => true;
        world.Run().AssertAllArrived();
        Assert.All(world.Tracker.Outcome!.Failures, failure => Assert.StartsWith("rank 1 was found by rank 3 to serve 'a' wrong", failure, StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Policies))]
    public void Segments_of_an_earlier_run_are_not_fetched_again(BalancePolicy policy)
    {
        var world = new JobWorld(policy);
        world.Peer([world.File("a", 100), world.File("b", 30)]).Peer(wanted: ["a", "b"]).Start();
        world.Ranks[1].HasAlready = (name, segment) => name == "b" || segment % 3 == 0;
        world.Run().AssertAllArrived();
        Assert.Equal(66, world.Ranks[1].Session.Load.DownloadedCount);
    }

    [Theory]
    [MemberData(nameof(Policies))]
    public void A_hundred_files_on_seven_peers_open_one_link_each(BalancePolicy policy)
    {
        var world = new JobWorld(policy);
        var files = Enumerable.Range(0, 100).Select(i => world.File($"file{i}", 12)).ToArray();
        for (var rank = 0; rank < 7; rank++)
        {
            var owned = files.Where((_, i) => i % 7 == rank).ToArray();
            world.Peer(owned, [.. files.Except(owned).Select(file => file.Name)]);
        }

        world.Run().AssertAllArrived();
        Assert.Empty(world.Tracker.Outcome!.Failures);
        Assert.All(world.Ranks, rank => Assert.InRange(rank.MostLinks, 1, 600)); // 100 files, 6 others
        Assert.DoesNotContain(
            world.Ranks.SelectMany(rank => rank.Events), e => e.Event is SwarmEvent.PeerDisconnected { Reason: "connected twice" });
    }

    private static JobWorld Mixed(BalancePolicy policy, ulong seed)
    {
        var world = new JobWorld(policy, seed);
        var prng = new Prng(seed);
        var files = Enumerable.Range(0, 1 + prng.Next(8)).Select(i => world.File($"f{i}", prng.Next(4) == 0 ? prng.Next(3) : prng.Next(120))).ToArray();
        var peerCount = 1 + prng.Next(8);
        var owners = files.Select(_ => prng.Next(peerCount)).ToArray();
        for (var rank = 0; rank < peerCount; rank++)
        {
            world.Peer(
                [.. files.Where((_, i) => owners[i] == rank || prng.Next(6) == 0)],
                [.. files.Where(_ => prng.Next(2) == 0).Select(file => file.Name)]);
        }

        return world;
    }
}
