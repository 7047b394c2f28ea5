using Shoal.Engine.Swarms;

namespace Shoal.Simulation.Scenarios;

/// <summary>
/// What a scenario must be to run as a job: all stay to the end and are honest, since that is what a job's ranks do. It begins when the
/// last has come.
/// </summary>
internal static class JobRules
{
    /// <summary>The most peers of a job: each has a link to each other.</summary>
    public const int MaximumPeerCount = 500;

    /// <summary>Checks it all; a torrent has nothing to fear.</summary>
    /// <exception cref="ScenarioException">It cannot be a job.</exception>
    public static void Check(Scenario scenario, string source)
    {
        if (!scenario.Swarm.IsJob)
        {
            return;
        }

        var what = scenario.Swarm.Policy == BalancePolicy.Swarm ? "a job" : $"policy '{BalancePolicies.NameOf(scenario.Swarm.Policy)}'";
        void Require(bool holds, string place, string rule)
        {
            if (!holds)
            {
                throw new ScenarioException(source, place, $"{what} {rule}");
            }
        }

        Require(
            scenario.Classes.Sum(peers => (long)peers.Count) <= MaximumPeerCount, "classes", $"gives each two peers a link: at most {MaximumPeerCount} are simulated");
        for (var i = 0; i < scenario.Classes.Count; i++)
        {
            var (peers, at) = (scenario.Classes[i], $"classes[{i}]");
            Require(peers.StayAfterCompletion is null, $"{at}.stay", "lets nobody leave before its end");
            Require(peers.MeanLifetime is null, $"{at}.lifetime", "lets nobody leave before its end");
            Require(peers.Behavior == Behavior.Honest, $"{at}.behavior", "is for peers that trust each other: all are honest");
        }

        for (var i = 0; i < scenario.Faults.Count; i++)
        {
            Require(
                scenario.Faults[i].Kind is FaultKind.SlowDisk or FaultKind.FullDisk, $"faults[{i}].kind", "knows slow and full disks only: its ranks live or end together");
        }
    }
}
