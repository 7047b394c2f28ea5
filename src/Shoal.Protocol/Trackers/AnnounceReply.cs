namespace Shoal.Protocol.Trackers;

/// <summary>
/// Why a tracker gave no answer that can be used, in one line.
/// </summary>
/// <param name="Text">What was wrong, and where.</param>
/// <param name="IsTemporary">Whether trying again later may help: no connection, no answer in time, "retry in" (BEP 31).</param>
/// <param name="RetryAfter">When the tracker wants to be asked again (BEP 31); <see cref="TimeSpan.MaxValue"/> for never; null if it did not say.</param>
public sealed record TrackerFailure(string Text, bool IsTemporary = false, TimeSpan? RetryAfter = null)
{
    /// <summary>The text.</summary>
    public override string ToString() => Text;
}

/// <summary>
/// What a tracker answered to an announce, or why it did not: <see cref="Failure"/> is null on success. Immutable.
/// </summary>
public sealed record AnnounceReply
{
    /// <summary>An answer that is a failure.</summary>
    public static AnnounceReply Failed(string text, bool isTemporary = false, TimeSpan? retryAfter = null) =>
        new() { Failure = new TrackerFailure(text, isTemporary, retryAfter) };

    /// <summary>Why there is no answer; null on success.</summary>
    public TrackerFailure? Failure { get; init; }

    /// <summary>The text of the failure; null on success.</summary>
    public string? FailureReason => Failure?.Text;

    /// <summary>When to announce again.</summary>
    public TimeSpan Interval { get; init; }

    /// <summary>Not to announce more often than this, if the tracker says so.</summary>
    public TimeSpan? MinimumInterval { get; init; }

    /// <summary>Peers that have everything; null if the tracker did not say.</summary>
    public int? SeederCount { get; init; }

    /// <summary>Peers that do not; null if the tracker did not say.</summary>
    public int? LeecherCount { get; init; }

    /// <summary>Peers to connect to; unreachable ones (port 0) are left out.</summary>
    public IReadOnlyList<PeerAddress> Peers { get; init; } = [];

    /// <summary>Something that a user should read, though the announce succeeded.</summary>
    public string? Warning { get; init; }

    /// <summary>To be sent back with the next announce (BEP 3).</summary>
    public string? TrackerId { get; init; }

    /// <summary>Where the tracker saw us, without a port (BEP 24); kind None if it did not say.</summary>
    public PeerAddress ExternalAddress { get; init; }
}

/// <summary>The state of one swarm (BEP 48).</summary>
public readonly record struct SwarmCounts(int SeederCount, int LeecherCount, int DownloadCount);

/// <summary>What a tracker answered to a scrape (BEP 48, 15), or why it did not. Immutable.</summary>
public sealed record ScrapeReply
{
    /// <summary>An answer that is a failure.</summary>
    public static ScrapeReply Failed(string text, bool isTemporary = false) =>
        new() { Failure = new TrackerFailure(text, isTemporary) };

    /// <summary>Why there is no answer; null on success.</summary>
    public TrackerFailure? Failure { get; init; }

    /// <summary>The text of the failure; null on success.</summary>
    public string? FailureReason => Failure?.Text;

    /// <summary>What was asked for; a swarm that the tracker does not know is missing, or all zero.</summary>
    public IReadOnlyDictionary<InfoHash, SwarmCounts> Swarms { get; init; } = new Dictionary<InfoHash, SwarmCounts>();
}
