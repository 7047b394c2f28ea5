using Shoal.Protocol;

namespace Shoal.Engine.Swarms;

/// <summary>Where a swarm is in its life.</summary>
public enum SwarmPhase : byte
{
    /// <summary>Waits for Start.</summary>
    Idle,

    /// <summary>Asks peers for the info dictionary (BEP 9).</summary>
    FetchingMetadata,

    /// <summary>Has the metadata and waits for the driver to say what lies on disk.</summary>
    Checking,

    /// <summary>Downloads, and uploads what it has.</summary>
    Downloading,

    /// <summary>Has all that is wanted and uploads.</summary>
    Seeding,

    /// <summary>The disk failed; waits to try again.</summary>
    Paused,

    /// <summary>Finishes what is under way.</summary>
    Stopping,

    /// <summary>Stopped.</summary>
    Stopped,
}

/// <summary>How a swarm stands at one moment: plain numbers, shared with nobody. Rates are in bytes per second.</summary>
public sealed record SwarmStatus
{
    public required SwarmPhase Phase { get; init; }

    public required int PieceCount { get; init; }

    public required int HaveCount { get; init; }

    /// <summary>Bytes of wanted pieces that are not yet had.</summary>
    public required long MissingBytes { get; init; }

    /// <summary>Of these, bytes of pieces that nobody has who is connected.</summary>
    public required long UnavailableBytes { get; init; }

    /// <summary>Pieces that were lost after all that is wanted was had, and are not fetched again.</summary>
    public required int LostCount { get; init; }

    /// <summary>Bytes of the pieces that were lost and are not fetched again.</summary>
    public required long LostBytes { get; init; }

    /// <summary>Bytes of verified pieces that were downloaded in this run, and of blocks on their way to being so.</summary>
    public required long DownloadedBytes { get; init; }

    public required long UploadedBytes { get; init; }

    /// <summary>Bytes that came and were of no use: duplicates, and pieces that failed their hash.</summary>
    public required long WastedBytes { get; init; }

    public required long DownloadRateBytesPerSecond { get; init; }

    public required long UploadRateBytesPerSecond { get; init; }

    public required IReadOnlyList<PeerStatus> Peers { get; init; }

    public required IReadOnlyList<TrackerStatus> Trackers { get; init; }

    /// <summary>Known addresses that no link leads to at the moment.</summary>
    public required int CandidateCount { get; init; }
}

/// <summary>How one link stands.</summary>
public sealed record PeerStatus(
    PeerAddress Address,
    PeerId Id,
    string? Client,
    bool IsIncoming,
    bool IsSeeder,
    double Fraction,
    long DownloadRateBytesPerSecond,
    long UploadRateBytesPerSecond,
    long DownloadedBytes,
    long UploadedBytes,
    bool IsChokingUs,
    bool IsChokedByUs,
    bool IsInterestedInUs,
    bool AreWeInterested,
    bool IsSnubbed,
    int OutstandingRequestCount);

/// <summary>How one tracker stands; what it never told is null. Its last answer may have been a refusal, as <paramref name="Error"/> tells.</summary>
public sealed record TrackerStatus(
    string Url, int Tier, Instant NextAnnounceAt, int? SeederCount, int? LeecherCount, string? Error, bool IsUnderWay, Instant? LastAnsweredAt);
