using Shoal.Engine;

namespace Shoal.Simulation.Results;

/// <summary>So many were complete at that time, in seconds since the begin of the run.</summary>
public readonly record struct CurvePoint(double Seconds, int CompletedCount);

/// <summary>How a run's leechers became complete: those expected to, one after another. Immutable.</summary>
/// <param name="CompletedSeconds">When each was complete, in order.</param>
/// <param name="ExpectedCount">How many were expected to be.</param>
/// <param name="EndedSeconds">When the run ended.</param>
public sealed record CompletionCurve(IReadOnlyList<double> CompletedSeconds, int ExpectedCount, double EndedSeconds)
{
    /// <summary>The curve of a run.</summary>
    public static CompletionCurve Of(SimulationResult result) => new(
        [.. result.Peers.Where(peer => peer.IsExpected && peer.CompletedAt != Instant.Never).Select(peer => Math.Round(peer.CompletedAt.Nanoseconds / 1e9, 6)).Order()],
        result.Peers.Count(peer => peer.IsExpected), result.EndedAt.TotalSeconds);

    /// <summary>At most so many points (2 at least) of the curve, evenly spread over the peers, the first and the last among them.</summary>
    public IReadOnlyList<CurvePoint> Points(int most)
    {
        var count = CompletedSeconds.Count;
        return count <= most
            ? [.. CompletedSeconds.Select((seconds, i) => new CurvePoint(seconds, i + 1))]
            : [.. Enumerable.Range(0, most).Select(i => (int)((long)i * (count - 1) / (most - 1))).Select(i => new CurvePoint(CompletedSeconds[i], i + 1))];
    }
}
