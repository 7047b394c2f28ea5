using Shoal.Engine;

namespace Shoal.Simulation.Results;

/// <summary>What became of one run. Virtual times count from the begin of the run.</summary>
public sealed record SimulationResult
{
    /// <summary>The scenario's name.</summary>
    public required string Name { get; init; }

    /// <summary>The seed.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Every peer, in order of its number.</summary>
    public required IReadOnlyList<PeerResult> Peers { get; init; }

    /// <summary>When the run ended: the last honest leecher that stayed was complete, or the limit, or Ctrl-C.</summary>
    public required TimeSpan EndedAt { get; init; }

    /// <summary>Whether every leecher that was expected to is complete.</summary>
    public required bool IsComplete { get; init; }

    /// <summary>Announces that the tracker answered; in a job, messages that came to rank 0.</summary>
    public required long AnnounceCount { get; init; }

    /// <summary>The most of these in any one second.</summary>
    public required int PeakAnnouncesPerSecond { get; init; }

    /// <summary>What only a job has; null of a torrent.</summary>
    public JobResult? Job { get; init; }

    /// <summary>Shared links (racks, zones) and what went over them.</summary>
    public required IReadOnlyList<SharedLinkResult> SharedLinks { get; init; }

    /// <summary>Events that were handled: a measure of the work, the same in every run of the same seed.</summary>
    public required long EventCount { get; init; }

    /// <summary>The hash of all events in their order: two runs that have it in common were the same in everything.</summary>
    public required ulong EventHash { get; init; }
}

/// <summary>What a job's ranks said to each other, beside their links where not said otherwise.</summary>
/// <param name="ToTrackerCount">Messages to rank 0.</param>
/// <param name="FromTrackerCount">Messages from rank 0.</param>
/// <param name="BetweenPeersCount">Messages between peers: how much have you uploaded, and so much.</param>
/// <param name="RequestCount">Segments asked for on links.</param>
/// <param name="RejectCount">Of these: rejected, since the peer that was asked lacked the segment.</param>
/// <param name="Failures">What went wrong, as the tracker tells all, a line each.</param>
public sealed record JobResult(
    long ToTrackerCount, long FromTrackerCount, long BetweenPeersCount, long RequestCount, long RejectCount, IReadOnlyList<string> Failures);

/// <summary>What became of one peer.</summary>
/// <param name="Number">Its number.</param>
/// <param name="Class">The name of its class.</param>
/// <param name="IsSeeder">Whether it had everything from the beginning.</param>
/// <param name="JoinedAt">When it came; <see cref="Instant.Never"/> if it did not.</param>
/// <param name="CompletedAt">When it had everything; <see cref="Instant.Never"/> if it never did.</param>
/// <param name="IsExpected">Whether it should have completed: an honest leecher that did not leave before.</param>
/// <param name="UploadedBytes">Payload that left.</param>
/// <param name="DownloadedBytes">Payload that came.</param>
/// <param name="WastedBytes">Of that: twice, unasked or wrong.</param>
public sealed record PeerResult(
    int Number, string Class, bool IsSeeder, Instant JoinedAt, Instant CompletedAt, bool IsExpected,
    long UploadedBytes, long DownloadedBytes, long WastedBytes);

/// <summary>A shared link, one way.</summary>
/// <param name="Name">"rack office 3 up", "zone eu down".</param>
/// <param name="BytesPerSecond">What it can.</param>
/// <param name="CarriedBytes">What went over it.</param>
public sealed record SharedLinkResult(string Name, long BytesPerSecond, long CarriedBytes);
