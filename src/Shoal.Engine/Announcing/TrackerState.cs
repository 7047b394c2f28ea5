namespace Shoal.Engine.Announcing;

/// <summary>What is known of one tracker. Changes with every announce; read it, do not keep it. Not thread-safe.</summary>
public sealed class TrackerState
{
    internal TrackerState(string url, int tier)
    {
        Url = url;
        Tier = tier;
    }

    /// <summary>The tracker's URL.</summary>
    public string Url { get; }

    /// <summary>Its tier, from 0 (BEP 12).</summary>
    public int Tier { get; }

    /// <summary>When it last answered, or was given up waiting for; null before the first time.</summary>
    public Instant? LastAnsweredAt { get; internal set; }

    /// <summary>When it is to be asked next, as far as one can tell; <see cref="Instant.Never"/> if that is not planned.</summary>
    public Instant NextAnnounceAt { get; internal set; } = Instant.Never;

    /// <summary>The seeders it counted last; null if it never told.</summary>
    public int? SeederCount { get; internal set; }

    /// <summary>The leechers it counted last; null if it never told.</summary>
    public int? LeecherCount { get; internal set; }

    /// <summary>Why the last announce failed; null if it did not.</summary>
    public string? Error { get; internal set; }

    /// <summary>Whether an announce is under way.</summary>
    public bool IsUnderWay { get; internal set; }

    /// <summary>Whether it has answered our "started" since, so that it is owed a "stopped".</summary>
    internal bool KnowsUs { get; set; }

    /// <summary>Whether it asked never to be asked again (BEP 31).</summary>
    internal bool IsGivenUp => AvailableAt == Instant.Never;

    /// <summary>How often it wants to be announced to, as it said last.</summary>
    internal TimeSpan Interval { get; set; } = TimeSpan.MaxValue;

    /// <summary>Failures in a row.</summary>
    internal int FailureCount { get; set; }

    /// <summary>Before this, because it failed, it gets nothing at all.</summary>
    internal Instant AvailableAt { get; set; }

    /// <summary>Before this, because it answered, it gets no regular announce: its minimum interval.</summary>
    internal Instant RegularAt { get; set; }

    /// <summary>Whether a "stopped" has to be sent to it yet.</summary>
    internal bool IsStopPending { get; set; }

    /// <summary>It is to hear that we started, and that it failed is forgiven.</summary>
    internal void BeginAnew()
    {
        KnowsUs = false;
        FailureCount = 0;
        AvailableAt = Instant.Zero;
        RegularAt = Instant.Zero;
    }
}
