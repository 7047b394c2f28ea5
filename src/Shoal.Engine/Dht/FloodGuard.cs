using Shoal.Engine.Rates;
using Shoal.Protocol;

namespace Shoal.Engine.Dht;

/// <summary>
/// How much is answered: so many queries of each host, and so many bytes in all, so that neither can we be worn down nor be used to flood
/// others. Memory is constant: a host's count is one number at a place that a secret hash chooses, the instant at which its burst is whole again.
/// </summary>
internal sealed class FloodGuard(AddressHash hash, DhtLimits limits)
{
    private readonly long[] _fullAt = new long[limits.HostSlotCount];
    private readonly long _interval = 1_000_000_000 / limits.QueriesPerHostPerSecond;
    private readonly TokenBucket _strangers = new(limits.ReplyRateBytesPerSecond);
    private readonly TokenBucket _known = new(limits.ReplyRateBytesPerSecond);

    /// <summary>Whether the host may ask once more now.</summary>
    public bool Admits(Instant now, PeerAddress from)
    {
        ref var fullAt = ref _fullAt[(int)hash.Of(DhtHosts.HostOf(from), 0) & (_fullAt.Length - 1)];
        var at = Math.Max(fullAt, now.Nanoseconds);
        if (at - now.Nanoseconds > _interval * (limits.QueriesPerHostBurst - 1))
        {
            return false;
        }

        fullAt = at + _interval;
        return true;
    }

    /// <summary>Whether an answer of so many bytes may flow now.</summary>
    public bool MayFlow(Instant now, int bytes, bool isKnown) => (isKnown ? _known : _strangers).TryTake(now, bytes);
}
