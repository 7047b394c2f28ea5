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
    /// <summary>The curve of a run, or of one class in it.</summary>
    public static CompletionCurve Of(SimulationResult result, string? className = null)
    {
        var expected = result.Peers.Where(peer => peer.IsExpected && (className is null || peer.Class == className)).ToList();
        return new CompletionCurve(
            [.. expected.Where(peer => peer.CompletedAt != Instant.Never).Select(peer => Math.Round(peer.CompletedAt.Nanoseconds / 1e9, 6)).Order()],
            expected.Count, result.EndedAt.TotalSeconds);
    }

    /// <summary>At most so many points (2 at least) of the curve, evenly spread over the peers, the first and the last among them.</summary>
    public IReadOnlyList<CurvePoint> Points(int most)
    {
        var count = CompletedSeconds.Count;
        return count <= most
            ? [.. CompletedSeconds.Select((seconds, i) => new CurvePoint(seconds, i + 1))]
            : [.. Enumerable.Range(0, most).Select(i => (int)((long)i * (count - 1) / (most - 1))).Select(i => new CurvePoint(CompletedSeconds[i], i + 1))];
    }
}
