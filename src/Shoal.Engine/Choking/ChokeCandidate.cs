namespace Shoal.Engine.Choking;

/// <summary>Whom a seeder serves.</summary>
public enum SeedingPolicy
{
    /// <summary>Everybody in turn.</summary>
    RoundRobin,

    /// <summary>Those who take it fastest, and one at random.</summary>
    FastestUpload,
}

/// <summary>One link at a choking round: what is known of it, and what was decided.</summary>
public struct ChokeCandidate
{
    /// <summary>The link.</summary>
    public LinkId Link;

    /// <summary>Whether the peer is interested in what we have.</summary>
    public bool IsInterested;

    /// <summary>Whether it is unchoked now.</summary>
    public bool IsUnchoked;

    /// <summary>Whether it owes us blocks for so long that we do not count on it.</summary>
    public bool IsSnubbed;

    /// <summary>What comes from it.</summary>
    public long DownloadRateBytesPerSecond;

    /// <summary>What goes to it.</summary>
    public long UploadRateBytesPerSecond;

    /// <summary>When it was unchoked last, be it unchoked still or not; <see cref="Instant.Zero"/> if it never was.</summary>
    public Instant UnchokedAt;

    /// <summary>What went to it since.</summary>
    public long UploadedBytesSinceUnchoke;

    /// <summary>When the link opened.</summary>
    public Instant ConnectedAt;

    /// <summary>The decision: whether it is to be unchoked from now on.</summary>
    public bool Unchoke;
}
