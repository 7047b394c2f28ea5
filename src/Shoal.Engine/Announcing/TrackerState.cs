namespace Shoal.Engine.Announcing;

/// <summary>What is known of one tracker. Changes with every announce; read it, do not keep it.</summary>
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

    /// <summary>Its last answer or failure; null before the first.</summary>
    public AnnounceResult? LastResult { get; internal set; }

    /// <summary>When it is to be asked next, as far as one can tell; <see cref="Instant.Never"/> if that is not planned.</summary>
    public Instant NextAnnounceAt { get; internal set; } = Instant.Never;

    /// <summary>The seeders it counted last.</summary>
    public int? SeederCount { get; internal set; }

    /// <summary>The leechers it counted last.</summary>
    public int? LeecherCount { get; internal set; }

    /// <summary>Why the last announce failed; null if it did not.</summary>
    public string? Error { get; internal set; }

    /// <summary>Whether an announce is under way.</summary>
    public bool IsUnderWay { get; internal set; }
}
