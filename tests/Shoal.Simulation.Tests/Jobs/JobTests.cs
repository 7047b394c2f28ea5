using Shoal.Engine;
using Shoal.Engine.Swarms;
using Shoal.Simulation.Results;
using Shoal.Simulation.Scenarios;

namespace Shoal.Simulation.Tests.Jobs;

/// <summary>Jobs in the simulated world do, under each policy, what the systems that they come from did.</summary>
public class JobTests
{
    public static TheoryData<BalancePolicy> Policies => [.. Enum.GetValues<BalancePolicy>()];

    [Theory]
    [MemberData(nameof(Policies))]
    public void Every_peer_gets_everything_and_the_tracker_nothing_but_messages(BalancePolicy policy)
    {
        var scenario = Job(policy);
        var result = Simulator.Run(scenario);
        Assert.True(result.IsComplete);
        Assert.Empty(result.Job!.Failures);
        Assert.All(result.Peers, peer => Assert.True(peer.IsSeeder || peer.CompletedAt <= Instant.Zero + result.EndedAt));
        Assert.All(result.Peers, peer => Assert.Equal(peer.IsSeeder ? 0 : scenario.ContentLength, peer.DownloadedBytes - peer.WastedBytes));
        // All that came was sent by a peer, and rank 0 is none.
        Assert.True(result.Peers.Sum(peer => peer.DownloadedBytes) <= result.Peers.Sum(peer => peer.UploadedBytes));
        Assert.Equal(9, result.Peers.Count);
        Assert.True(result.AnnounceCount >= 8 * 3, "every leecher asks for hashes and swarm, and tells that it is complete");
    }

    [Theory]
    [MemberData(nameof(Policies))]
    public void The_seed_decides_everything(BalancePolicy policy)
    {
        var result = Simulator.Run(Job(policy));
        Assert.Equal(result.EventHash, Simulator.Run(Job(policy)).EventHash);
        Assert.NotEqual(result.EventHash, Simulator.Run(Job(policy) with { Seed = 2 }).EventHash);
    }

    [Fact]
    public void Large_segments_that_come_slowly_are_not_taken_for_lost()
    {
        var scenario = Job(BalancePolicy.LeastUploaded);
        PeerClass Slow(PeerClass one) => one with { UpBytesPerSecond = 600_000, DownBytesPerSecond = 600_000 };
        var result = Simulator.Run(scenario with
        {
            ContentLength = 8 << 22, PieceLength = 1 << 22, Classes = [Slow(scenario.Classes[0]), Slow(scenario.Classes[1])],
        });
        Assert.True(result.IsComplete);
        Assert.InRange(result.Peers.Sum(peer => peer.WastedBytes), 0, result.Peers.Sum(peer => peer.DownloadedBytes) / 10);
    }

    [Fact]
    public void No_two_policies_are_the_same() =>
        Assert.Equal(5, Enum.GetValues<BalancePolicy>().Select(policy => Simulator.Run(Job(policy)).EventHash).Distinct().Count());

    [Theory]
    [MemberData(nameof(Policies))]
    public void It_begins_when_the_last_has_come_and_moves_whole_segments(BalancePolicy policy)
    {
        var together = Job(policy);
        var apart = together with
        {
            BlockLength = 1024,
            Classes = [together.Classes[0], together.Classes[1] with { JoinAt = TimeSpan.FromSeconds(100), JoinWithin = TimeSpan.FromSeconds(900) }],
        };
        var result = Simulator.Run(apart);
        Assert.True(result.IsComplete);
        Assert.All(result.Peers.Where(peer => !peer.IsSeeder), peer => Assert.True(peer.CompletedAt > Instant.Zero + TimeSpan.FromSeconds(1000)));
        Assert.Equal(Simulator.Run(together).EndedAt.TotalSeconds, result.EndedAt.TotalSeconds - 1000, 1.0);
    }

    [Theory]
    [InlineData(BalancePolicy.LeastUploaded)]
    [InlineData(BalancePolicy.TrackerPolled)]
    public void Upload_counts_make_uploads_fairer_than_chance_and_the_job_shorter(BalancePolicy policy)
    {
        var random = Simulator.Run(Job(BalancePolicy.Random));
        var counted = Simulator.Run(Job(policy));
        Assert.True(Jain(counted) > Jain(random) + 0.1, $"{Jain(counted)} and {Jain(random)}");
        Assert.True(counted.EndedAt < random.EndedAt);
    }

    [Fact]
    public void Outstanding_requests_and_what_peers_tell_make_the_shortest_job_without_a_rejected_request()
    {
        var swarm = Simulator.Run(Job(BalancePolicy.Swarm));
        Assert.Equal(0, swarm.Job!.RejectCount);
        Assert.All(Enum.GetValues<BalancePolicy>().Where(policy => policy != BalancePolicy.Swarm), policy =>
        {
            var other = Simulator.Run(Job(policy));
            Assert.True(swarm.EndedAt < other.EndedAt);
            Assert.True(other.Job!.RejectCount > 0, "nobody tells what it has, so some are asked in vain");
        });
    }

    [Fact]
    public void Each_policy_asks_whom_its_original_asked()
    {
        var random = Simulator.Run(Job(BalancePolicy.Random)).Job!;
        var requested = Simulator.Run(Job(BalancePolicy.LeastRequested)).Job!;
        var uploaded = Simulator.Run(Job(BalancePolicy.LeastUploaded)).Job!;
        var polled = Simulator.Run(Job(BalancePolicy.TrackerPolled)).Job!;
        Assert.Equal(0, random.BetweenPeersCount);
        Assert.Equal(0, requested.BetweenPeersCount);
        Assert.True(requested.ToTrackerCount > 1.5 * random.ToTrackerCount, "requests are told beside the rounds, and rejected ones count for rounds");
        Assert.True(uploaded.BetweenPeersCount > 0, "peers ask each other");
        Assert.True(uploaded.ToTrackerCount < polled.ToTrackerCount / 2, "and not the tracker");
        Assert.Equal(0, polled.BetweenPeersCount);
        Assert.True(polled.FromTrackerCount > 2 * random.FromTrackerCount, "the tracker asks all at each request for a swarm");
    }

    [Fact]
    public void Two_owners_share_the_work()
    {
        var result = Simulator.Run(Job(BalancePolicy.LeastUploaded, seederCount: 2));
        Assert.True(result.IsComplete);
        Assert.All(result.Peers.Take(2), owner => Assert.True(owner.UploadedBytes > 0));
    }

    [Fact]
    public void A_slow_way_to_the_tracker_delays_the_whole_job()
    {
        var near = Job(BalancePolicy.TrackerPolled);
        var far = near with { Tracker = new TrackerModel { Latency = TimeSpan.FromMilliseconds(500) } };
        Assert.True(Simulator.Run(far).EndedAt > Simulator.Run(near).EndedAt + TimeSpan.FromSeconds(2));
    }

    [Theory]
    [MemberData(nameof(Policies))]
    public void Who_cannot_write_fails_alone_and_the_job_ends(BalancePolicy policy)
    {
        var full = new Fault { Kind = FaultKind.FullDisk, At = TimeSpan.Zero, Duration = TimeSpan.FromHours(1), Class = "leechers" };
        var result = Simulator.Run(Job(policy) with { Faults = [full] });
        Assert.False(result.IsComplete);
        Assert.Single(result.Peers, peer => !peer.IsSeeder && peer.CompletedAt == Instant.Never);
        Assert.Contains("no space left", Assert.Single(result.Job!.Failures), StringComparison.Ordinal);
        Assert.True(result.EndedAt < TimeSpan.FromMinutes(5));
    }

    [Fact]
    public void A_torrent_is_no_job()
    {
        var result = Simulator.Run(Job(BalancePolicy.Swarm) with { Swarm = new SwarmModel() });
        Assert.True(result.IsComplete);
        Assert.Null(result.Job);
    }

    [Fact]
    public void The_summary_tells_the_messages()
    {
        var scenario = Job(BalancePolicy.TrackerPolled);
        var result = Simulator.Run(scenario);
        var summary = RunSummary.Of(scenario, result);
        Assert.Equal(("tracker-polled", result.Job, result.Job!.ToTrackerCount), (summary.Policy, summary.Job, summary.AnnounceCount));
    }

    internal static Scenario Job(BalancePolicy policy, int seederCount = 1) => new()
    {
        Name = "job",
        ContentLength = (200 * 64 * 1024) - 5,
        PieceLength = 64 * 1024,
        Swarm = new SwarmModel { Policy = policy, IsJob = true },
        Tracker = new TrackerModel { Latency = TimeSpan.FromMicroseconds(100) },
        Limit = TimeSpan.FromHours(1),
        Classes =
        [
            new PeerClass { Name = "owners", IsSeeder = true, Count = seederCount, UpBytesPerSecond = 12_500_000, DownBytesPerSecond = 12_500_000, Latency = TimeSpan.FromMicroseconds(100) },
            new PeerClass { Name = "leechers", Count = 8, UpBytesPerSecond = 12_500_000, DownBytesPerSecond = 12_500_000, Latency = TimeSpan.FromMicroseconds(100) },
        ],
    };

    // (Σx)² / (n·Σx²) over all peers, the owners too: that nobody leans on them is the point.
    private static double Jain(SimulationResult result)
    {
        var sum = result.Peers.Sum(peer => (double)peer.UploadedBytes);
        return sum * sum / (result.Peers.Count * result.Peers.Sum(peer => (double)peer.UploadedBytes * peer.UploadedBytes));
    }
}
