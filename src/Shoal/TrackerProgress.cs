namespace Shoal;

/// <summary>How a torrent's tracker stands at one moment. What it never told, or what is not planned, is null.</summary>
/// <param name="Url">Its URL.</param>
/// <param name="Tier">Its tier, from 0 (BEP 12).</param>
/// <param name="IsUnderWay">Whether it is being asked.</param>
/// <param name="SinceLastAnswer">How long ago it answered, or was given up waiting for.</param>
/// <param name="UntilNextAnnounce">When it is to be asked next, as far as one can tell.</param>
/// <param name="SeederCount">The seeders it counted last.</param>
/// <param name="LeecherCount">The leechers it counted last.</param>
/// <param name="Error">Why the last announce failed, in one line; null if it did not.</param>
public sealed record TrackerProgress(
    string Url, int Tier, bool IsUnderWay, TimeSpan? SinceLastAnswer, TimeSpan? UntilNextAnnounce, int? SeederCount, int? LeecherCount, string? Error);
