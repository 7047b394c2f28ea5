using Shoal.Simulation.Results;
using Shoal.Simulation.Scenarios;

namespace Shoal.Simulation;

/// <summary>How far a run is.</summary>
/// <param name="Now">Virtual time.</param>
/// <param name="EventCount">Events so far.</param>
/// <param name="ExpectedCount">Leechers that are expected to complete.</param>
/// <param name="CompletedCount">Those of them that have.</param>
/// <param name="HaveShare">What part of all the bytes that they need they have: 0 to 1.</param>
public readonly record struct SimulationProgress(TimeSpan Now, long EventCount, int ExpectedCount, int CompletedCount, double HaveShare);

/// <summary>
/// Runs scenarios: production swarms and the production tracker on a virtual clock, network and disk. Deterministic; one thread.
/// </summary>
public static class Simulator
{
    /// <summary>Runs the scenario to its end.</summary>
    /// <param name="scenario">What to run.</param>
    /// <param name="progress">Is told every few ten thousand events; return false to break off, which gives what there is.</param>
    public static SimulationResult Run(Scenario scenario, Func<SimulationProgress, bool>? progress = null) =>
        throw new NotSupportedException("to come");
}
