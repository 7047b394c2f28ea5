namespace Shoal.Protocol.Trackers;

/// <summary>
/// What a tracker's core answers to an announce, before a codec makes bytes of it. The peers stand beside it, compact,
/// in a buffer of the caller's. Allocates nothing, unlike the <see cref="AnnounceReply"/> that a client gets.
/// </summary>
/// <param name="IntervalSeconds">When to announce again.</param>
/// <param name="MinimumIntervalSeconds">Not to announce more often than this.</param>
/// <param name="SeederCount">Peers that have everything, of both families.</param>
/// <param name="LeecherCount">Peers that do not, of both families.</param>
/// <param name="DownloadCount">How many have completed since the tracker began.</param>
/// <param name="PeerKind">The family of the peers: that of the peer that asked.</param>
/// <param name="PeerCount">How many peers were written.</param>
/// <param name="Failure">Why there is no answer, in one line of ASCII; null on success.</param>
/// <param name="Refusal">With a failure: of which kind it is.</param>
/// <param name="RetryMinutes">With a failure: when to try again (BEP 31); 0 for never, -1 to say nothing.</param>
public readonly record struct AnnounceAnswer(
    int IntervalSeconds,
    int MinimumIntervalSeconds,
    int SeederCount,
    int LeecherCount,
    int DownloadCount,
    PeerAddressKind PeerKind,
    int PeerCount,
    string? Failure = null,
    TrackerRefusal Refusal = default,
    int RetryMinutes = -1)
{
    /// <summary>An answer that refuses.</summary>
    public static AnnounceAnswer Refuse(TrackerRefusal refusal, string failure, int retryMinutes) =>
        new(0, 0, 0, 0, 0, PeerAddressKind.None, 0, failure, refusal, retryMinutes);

    /// <summary>Bytes of one compact peer.</summary>
    public int PeerLength => PeerKind == PeerAddressKind.IPv6 ? PeerAddress.CompactLengthIPv6 : PeerAddress.CompactLengthIPv4;

    /// <summary>Bytes of all peers.</summary>
    public int PeerBytes => PeerCount * PeerLength;
}
