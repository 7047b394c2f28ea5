using Shoal.Engine;
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
    private const int EventsBetweenReports = 1 << 14;

    /// <summary>Runs the scenario to its end.</summary>
    /// <param name="scenario">What to run.</param>
    /// <param name="progress">Is told every few ten thousand events; return false to break off, which gives what there is.</param>
    public static SimulationResult Run(Scenario scenario, Func<SimulationProgress, bool>? progress = null)
    {
        ArgumentNullException.ThrowIfNull(scenario);
        var world = new World(scenario);
        while (!world.IsOver && world.Step())
        {
            if (progress is not null && world.EventCount % EventsBetweenReports == 0 && !progress(ProgressOf(world)))
            {
                break;
            }
        }

        return ResultOf(scenario, world);
    }

    private static SimulationProgress ProgressOf(World world)
    {
        var needed = (double)world.ExpectedCount * world.Layout.PieceCount;
        return new SimulationProgress(
            world.Now - Instant.Zero, world.EventCount, world.ExpectedCount, world.ExpectedCount - world.MissingCount,
            needed == 0 ? 1 : Math.Min(1, world.GotCount / needed));
    }

    private static SimulationResult ResultOf(Scenario scenario, World world) => new()
    {
        Name = scenario.Name,
        Seed = scenario.Seed,
        Peers = [.. world.Peers.Select(peer => new PeerResult(
            peer.Number, peer.Class.Name, peer.Class.IsSeeder, peer.JoinedAt, peer.CompletedAt, peer.IsExpected,
            peer.UploadedBytes, peer.DownloadedBytes, peer.WastedBytes))],
        EndedAt = world.EndedAt - Instant.Zero,
        IsComplete = world.MissingCount == 0,
        AnnounceCount = world.TrackerLoad.TotalCount,
        PeakAnnouncesPerSecond = world.TrackerLoad.PeakPerSecond,
        Job = world.Job?.Result(),
        SharedLinks = [.. world.Topology.Shared.Select(link => new SharedLinkResult(
            link.Name, link.BytesPerSecond, world.Network.CarriedOver(link.Resource)))],
        EventCount = world.EventCount,
        EventHash = world.EventHash,
    };
}
