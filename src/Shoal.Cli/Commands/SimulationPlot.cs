using Shoal.Cli.Reporting;
using Shoal.Engine.Swarms;
using Shoal.Simulation.Results;
using Shoal.Simulation.Scenarios;

namespace Shoal.Cli.Commands;

/// <summary>The picture of some runs: one series for each variant, with a curve for each seed.</summary>
internal static class SimulationPlot
{
    /// <summary>The picture as SVG.</summary>
    public static string Draw(SimulatePlan plan, IReadOnlyList<FinishedRun> runs)
    {
        // With several seeds arrivals differ, and so do bounds: the least one holds for all.
        var bound = runs.Select(run => run.Summary.Bound?.Seconds).Min();
        var plot = new CompletionPlot(
            plan.Scenario.Name, Subtitle(plan, runs), bound is { } seconds ? new PlotBound(seconds, $"lower bound {SimulationText.Time(seconds)}") : null);
        foreach (var label in plan.Labels)
        {
            var some = runs.Where(run => run.Label == label).ToList();
            if (some.Count > 0)
            {
                plot.Add(new PlotSeries(plan.Labels.Count > 1 ? label : "all leechers", Note(some), [.. some.Select(run => CompletionCurve.Of(run.Result))]));
            }
        }

        if (plan.Labels.Count == 1)
        {
            AddClasses(plot, plan.Scenario, runs);
        }

        return plot.Render();
    }

    // Where nothing else is compared, classes are.
    private static void AddClasses(CompletionPlot plot, Scenario scenario, IReadOnlyList<FinishedRun> runs)
    {
        var classes = scenario.Classes.Where(one => runs.Any(run => run.Result.Peers.Any(peer => peer.IsExpected && peer.Class == one.Name))).ToList();
        foreach (var one in classes.Where(_ => classes.Count > 1))
        {
            plot.Add(new PlotSeries(one.Name, "", [.. runs.Select(run => CompletionCurve.Of(run.Result, one.Name))]));
        }
    }

    private static string Subtitle(SimulatePlan plan, IReadOnlyList<FinishedRun> runs)
    {
        var lengths = plan.Runs.Select(run => ScenarioRules.PieceLengthOf(run.Scenario)).Distinct().ToList();
        var policies = plan.Runs.Select(run => run.Scenario.Swarm.Policy).Distinct().ToList();
        var seeds = plan.Runs.Select(run => run.Scenario.Seed).Distinct().Count();
        List<string> parts = [SimulationText.Say($"{runs.Select(run => run.Summary.ExpectedCount).DefaultIfEmpty().Max():N0} leechers"), Units.Size(plan.Scenario.ContentLength)];
        if (lengths.Count == 1)
        {
            parts.Add($"pieces of {Units.Size(lengths[0])}");
        }

        if (policies.Count == 1)
        {
            parts.Add($"policy {BalancePolicies.NameOf(policies[0])}{(plan.Runs[0].Scenario.Swarm.IsJob ? " of a job" : "")}");
        }

        parts.Add(seeds == 1 ? SimulationText.Say($"seed {plan.Scenario.Seed}") : $"{seeds} seeds");
        return string.Join(", ", parts);
    }

    private static string Note(List<FinishedRun> runs) => runs is [var one]
        ? one.Summary.LastCompletedSeconds is { } last ? $"all after {SimulationText.Time(last)}" : SimulationText.Say($"{one.Summary.CompletedCount:N0} of {one.Summary.ExpectedCount:N0}")
        : runs.TrueForAll(run => run.Summary.LastCompletedSeconds is not null)
            ? $"all after {SimulationText.Time(runs.Sum(run => run.Summary.LastCompletedSeconds!.Value) / runs.Count)} (mean)"
            : $"all in {runs.Count(run => run.Summary.LastCompletedSeconds is not null)} of {runs.Count} runs";
}
