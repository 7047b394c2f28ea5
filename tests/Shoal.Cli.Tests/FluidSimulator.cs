using Shoal.Engine;
using Shoal.Simulation;
using Shoal.Simulation.Results;
using Shoal.Simulation.Scenarios;

namespace Shoal.Cli.Tests;

/// <summary>
/// Stands in for the simulator where only what surrounds it is tested: leechers complete one after another, in a second after a time that
/// depends on the policy and the seed alone.
/// </summary>
internal static class FluidSimulator
{
    /// <summary>What it takes for the policy and the seed.</summary>
    public static double SecondsOf(Scenario scenario) => 10 + (5 * (int)scenario.Swarm.Policy) + (scenario.Seed % 3 * 0.1);

    public static SimulationResult Run(Scenario scenario, Func<SimulationProgress, bool> progress)
    {
        var goesOn = progress(new SimulationProgress(TimeSpan.FromSeconds(5), 1000, 1, 0, 0.5));
        var (first, leechers) = (SecondsOf(scenario), scenario.Classes.Where(one => !one.IsSeeder).Sum(one => one.Count));
        var peers = new List<PeerResult>();
        foreach (var one in scenario.Classes)
        {
            for (var i = 0; i < one.Count; i++)
            {
                // Broken off, the second half of them never came to it.
                var at = one.IsSeeder ? Instant.Zero : !goesOn && i >= one.Count / 2 ? Instant.Never : new Instant((long)((first + ((double)i / leechers)) * 1e9));
                peers.Add(new PeerResult(peers.Count, one.Name, one.IsSeeder, Instant.Zero, at, !one.IsSeeder, scenario.ContentLength, scenario.ContentLength, 0));
            }
        }

        return new SimulationResult
        {
            Name = scenario.Name, Seed = scenario.Seed, Peers = peers, EndedAt = TimeSpan.FromSeconds(first + 1), IsComplete = goesOn,
            AnnounceCount = 2 * leechers, PeakAnnouncesPerSecond = leechers, SharedLinks = [], EventCount = 123_456, EventHash = scenario.Seed,
        };
    }
}
