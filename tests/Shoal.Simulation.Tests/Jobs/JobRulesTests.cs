using Shoal.Engine.Swarms;
using Shoal.Simulation.Scenarios;

namespace Shoal.Simulation.Tests.Jobs;

/// <summary>What cannot be a job is refused before it begins, with one line that says where and why.</summary>
public class JobRulesTests
{
    public static TheoryData<string, string> Refused => new()
    {
        { "stay", "classes[1].stay: policy 'random' lets nobody leave before its end" },
        { "churn", "classes[1].lifetime: policy 'random' lets nobody leave before its end" },
        { "free-rider", "classes[1].behavior: policy 'random' is for peers that trust each other: all are honest" },
        { "crash", "faults[0].kind: policy 'random' knows slow and full disks only: its ranks live or end together" },
        { "tracker-down", "faults[0].kind: policy 'random' knows slow and full disks only: its ranks live or end together" },
        { "many", "classes: policy 'random' gives each two peers a link: at most 500 are simulated" },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void What_a_job_does_not_know_is_refused_in_one_line(string what, string said) =>
        Assert.Equal($"job: {said}", Assert.Throws<ScenarioException>(() => Simulator.Run(With(what, BalancePolicy.Random))).Message);

    [Fact]
    public void Swarm_as_a_job_is_refused_the_same() => Assert.Equal(
        "job: classes[1].stay: a job lets nobody leave before its end",
        Assert.Throws<ScenarioException>(() => Simulator.Run(With("stay", BalancePolicy.Swarm))).Message);

    [Fact]
    public void Swarm_as_a_torrent_is_not_refused()
    {
        var scenario = With("stay", BalancePolicy.Swarm);
        Assert.True(Simulator.Run(scenario with { Swarm = scenario.Swarm with { IsJob = false } }).IsComplete);
    }

    private static Scenario With(string what, BalancePolicy policy)
    {
        var scenario = JobTests.Job(policy);
        var leechers = scenario.Classes[1];
        PeerClass changed = what switch
        {
            "stay" => leechers with { StayAfterCompletion = TimeSpan.FromSeconds(1) },
            "churn" => leechers with { MeanLifetime = TimeSpan.FromSeconds(1) },
            "free-rider" => leechers with { Behavior = Behavior.FreeRider },
            "many" => leechers with { Count = 500 },
            _ => leechers,
        };
        return scenario with
        {
            Classes = [scenario.Classes[0], changed],
            Faults = what switch
            {
                "crash" => [new Fault { Kind = FaultKind.Crash, At = TimeSpan.FromSeconds(1), Class = "leechers" }],
                "tracker-down" => [new Fault { Kind = FaultKind.TrackerDown, At = TimeSpan.FromSeconds(1), Duration = TimeSpan.FromSeconds(1) }],
                _ => [],
            },
        };
    }
}
