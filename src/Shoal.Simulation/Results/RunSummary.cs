using Shoal.Engine;
using Shoal.Engine.Swarms;
using Shoal.Simulation.Scenarios;

namespace Shoal.Simulation.Results;

/// <summary>
/// A run in figures. Bytes are bytes, times seconds of virtual time; a share or an index is from 0 to 1. A figure that there is none of
/// is null: a percentile that too few reached, a ratio to nothing.
/// </summary>
public sealed record RunSummary
{
    private const int MaximumCurvePoints = 200;

    public required string Name { get; init; }

    /// <summary>The policy's name.</summary>
    public required string Policy { get; init; }

    public required long ContentBytes { get; init; }

    public required int PieceLength { get; init; }

    public required ulong Seed { get; init; }

    /// <summary>Whether every leecher that was expected to is complete.</summary>
    public required bool IsComplete { get; init; }

    /// <summary>Leechers that were expected to complete: honest ones that did not leave before.</summary>
    public required int ExpectedCount { get; init; }

    /// <summary>Those of them that are complete.</summary>
    public required int CompletedCount { get; init; }

    /// <summary>When the run ended.</summary>
    public required double EndedSeconds { get; init; }

    /// <summary>When the last of the expected was complete; null if one is not.</summary>
    public required double? LastCompletedSeconds { get; init; }

    /// <summary>From joining to completion, over the expected.</summary>
    public required Percentiles Download { get; init; }

    /// <summary>Before which no scheme can be done.</summary>
    public required LowerBound? Bound { get; init; }

    /// <summary>The time it took from the first leecher's joining to the last one's completion, over the bound's.</summary>
    public required double? BoundRatio { get; init; }

    /// <summary>Jain's index of what the expected leechers uploaded: 1 if all the same, 1/n if one did it all.</summary>
    public required double? Fairness { get; init; }

    /// <summary>The part of all uploaded bytes that came from seeders.</summary>
    public required double? SeederShare { get; init; }

    public required long UploadedBytes { get; init; }

    public required long DownloadedBytes { get; init; }

    /// <summary>Of the downloaded: twice, unasked or wrong.</summary>
    public required long WastedBytes { get; init; }

    public required long AnnounceCount { get; init; }

    public required double AnnouncesPerSecond { get; init; }

    public required int PeakAnnouncesPerSecond { get; init; }

    /// <summary>What only a job has; null of a torrent.</summary>
    public JobResult? Job { get; init; }

    public required IReadOnlyList<ClassSummary> Classes { get; init; }

    public required IReadOnlyList<LinkSummary> SharedLinks { get; init; }

    /// <summary>How many of the expected were complete at which time, in order; at most 200 points, the first and the last among them.</summary>
    public required IReadOnlyList<CurvePoint> Curve { get; init; }

    public required long EventCount { get; init; }

    /// <summary>The hash of all events, in hexadecimal digits.</summary>
    public required string EventHash { get; init; }

    /// <summary>Sums a run up.</summary>
    public static RunSummary Of(Scenario scenario, SimulationResult result)
    {
        var expected = result.Peers.Where(peer => peer.IsExpected).ToList();
        var curve = CompletionCurve.Of(result);
        var bound = LowerBound.Of(scenario, result);
        double? last = curve.CompletedSeconds.Count == expected.Count && expected.Count > 0 ? curve.CompletedSeconds[^1] : null;
        var uploaded = result.Peers.Sum(peer => peer.UploadedBytes);
        var ended = result.EndedAt.TotalSeconds;
        return new RunSummary
        {
            Name = scenario.Name,
            Policy = BalancePolicies.NameOf(scenario.Swarm.Policy),
            ContentBytes = scenario.ContentLength,
            PieceLength = ScenarioRules.PieceLengthOf(scenario),
            Seed = result.Seed,
            IsComplete = result.IsComplete,
            ExpectedCount = expected.Count,
            CompletedCount = curve.CompletedSeconds.Count,
            EndedSeconds = Math.Round(ended, 6),
            LastCompletedSeconds = last,
            Download = Percentiles.Of(expected),
            Bound = bound,
            BoundRatio = last is { } at && bound is { DurationSeconds: > 0 } ? Math.Round((at - (bound.Seconds - bound.DurationSeconds)) / bound.DurationSeconds, 4) : null,
            Fairness = Jain(expected),
            SeederShare = Share(result.Peers.Where(peer => peer.IsSeeder).Sum(peer => peer.UploadedBytes), uploaded),
            UploadedBytes = uploaded,
            DownloadedBytes = result.Peers.Sum(peer => peer.DownloadedBytes),
            WastedBytes = result.Peers.Sum(peer => peer.WastedBytes),
            AnnounceCount = result.AnnounceCount,
            AnnouncesPerSecond = ended > 0 ? Math.Round(result.AnnounceCount / ended, 3) : 0,
            PeakAnnouncesPerSecond = result.PeakAnnouncesPerSecond,
            Job = result.Job,
            Classes = [.. scenario.Classes.Select(one => ClassSummary.Of(one.Name, [.. result.Peers.Where(peer => peer.Class == one.Name)]))],
            SharedLinks = [.. result.SharedLinks.Select(link => new LinkSummary(
                link.Name, link.BytesPerSecond, link.CarriedBytes, Share(link.CarriedBytes, link.BytesPerSecond * ended) ?? 0))],
            Curve = curve.Points(MaximumCurvePoints),
            EventCount = result.EventCount,
            EventHash = result.EventHash.ToString("x16"),
        };
    }

    // (Σx)² / (n·Σx²): R. Jain, "The art of computer systems performance analysis", 1991.
    private static double? Jain(List<PeerResult> peers)
    {
        double sum = 0, squares = 0;
        foreach (var peer in peers)
        {
            sum += peer.UploadedBytes;
            squares += (double)peer.UploadedBytes * peer.UploadedBytes;
        }

        return squares > 0 ? Math.Round(sum * sum / (peers.Count * squares), 4) : null;
    }

    private static double? Share(double part, double whole) => whole > 0 ? Math.Round(part / whole, 4) : null;
}

/// <summary>
/// Times by nearest rank: <c>P90</c> is the time within which 90 % were done, the least if there is none such. Those who never
/// completed are counted as the slowest; a percentile that falls on one of them is null.
/// </summary>
public sealed record Percentiles(double? P0, double? P50, double? P90, double? P99, double? P100)
{
    /// <summary>Of the times from joining to completion, in seconds.</summary>
    public static Percentiles Of(IReadOnlyCollection<PeerResult> peers)
    {
        var seconds = peers.Where(peer => peer.CompletedAt != Instant.Never)
            .Select(peer => Math.Round((peer.CompletedAt.Nanoseconds - peer.JoinedAt.Nanoseconds) / 1e9, 6)).Order().ToList();
        double? At(int percent)
        {
            var rank = Math.Max(1, (int)((((long)percent * peers.Count) + 99) / 100));
            return rank <= seconds.Count ? seconds[rank - 1] : null;
        }

        return new Percentiles(At(0), At(50), At(90), At(99), At(100));
    }
}

/// <summary>What became of a class of peers.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Count">Peers that joined.</param>
/// <param name="CompletedCount">Those that had everything in the end, or from the beginning.</param>
/// <param name="MedianSeconds">Half of those that joined had everything within this time; null for seeders, or if fewer did.</param>
/// <param name="UploadedBytes">All together.</param>
/// <param name="DownloadedBytes">All together.</param>
/// <param name="WastedBytes">All together.</param>
public sealed record ClassSummary(
    string Name, int Count, int CompletedCount, double? MedianSeconds, long UploadedBytes, long DownloadedBytes, long WastedBytes)
{
    internal static ClassSummary Of(string name, IReadOnlyList<PeerResult> peers)
    {
        var joined = peers.Where(peer => peer.JoinedAt != Instant.Never).ToList();
        return new ClassSummary(
            name, joined.Count, joined.Count(peer => peer.IsSeeder || peer.CompletedAt != Instant.Never),
            joined.Exists(peer => peer.IsSeeder) ? null : Percentiles.Of(joined).P50,
            joined.Sum(peer => peer.UploadedBytes), joined.Sum(peer => peer.DownloadedBytes), joined.Sum(peer => peer.WastedBytes));
    }
}

/// <summary>What went over a shared link, one way.</summary>
/// <param name="Name">"rack office 3 up".</param>
/// <param name="BytesPerSecond">What it can.</param>
/// <param name="CarriedBytes">What it did.</param>
/// <param name="Use">That over what it could have in the whole run.</param>
public sealed record LinkSummary(string Name, long BytesPerSecond, long CarriedBytes, double Use);
