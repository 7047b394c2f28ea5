namespace Shoal.Engine.PortMapping;

/// <summary>
/// Compares a router's own time with ours: one that went back, or runs otherwise than ours, has started anew and forgotten its mappings
/// (RFC 6886, 3.6; RFC 6887, 8.5). Not thread-safe.
/// </summary>
internal sealed class RouterClock
{
    private Instant _seenAt = Instant.Never;
    private uint _seenSeconds;

    /// <summary>Takes the time that the router told; true if it has started anew since it told the last one.</summary>
    public bool HasRestarted(Instant now, uint epochSeconds)
    {
        var isFirst = _seenAt == Instant.Never;
        var ours = isFirst ? 0 : (now - _seenAt).Ticks / TimeSpan.TicksPerSecond;
        var theirs = (long)epochSeconds - _seenSeconds;
        (_seenAt, _seenSeconds) = (now, epochSeconds);
        return !isFirst && (theirs < -1 || theirs + 2 < ours - (ours / 8) || ours + 2 < theirs - (theirs / 8));
    }

    /// <summary>Forgets it: another router, or another protocol, has another time.</summary>
    public void Reset() => _seenAt = Instant.Never;
}
