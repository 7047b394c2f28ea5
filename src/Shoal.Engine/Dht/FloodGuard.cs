using Shoal.Engine.Rates;
using Shoal.Protocol;

namespace Shoal.Engine.Dht;

/// <summary>How much an answer may say.</summary>
internal enum AnswerSize : byte
{
    /// <summary>There is none.</summary>
    None,

    /// <summary>Some 300 bytes at most: what leads further, and a few peers.</summary>
    Small,

    /// <summary>Some 1,100 bytes at most.</summary>
    Full,
}

/// <summary>
/// How much is answered: so many queries of each host, and so many bytes in all, so that neither can we be worn down nor be used to flood
/// others. Full answers are for those whose neighbourhood asks now and then, while half of the budget is left; and of the budget they alone have
/// the last quarter, so that they are answered whatever others ask. Memory is constant.
/// </summary>
internal sealed class FloodGuard(AddressHash hash, DhtLimits limits)
{
    private readonly AskerRates _hosts = new(hash, 0, limits.HostSlotCount, limits.QueriesPerHostPerSecond, limits.QueriesPerHostBurst);
    private readonly AskerRates _neighbourhoods =
        new(hash, 1, limits.HostSlotCount, limits.FullAnswersPerNeighbourhoodPerSecond, limits.FullAnswersPerNeighbourhoodBurst);
    private readonly TokenBucket _strangers = new(limits.ReplyRateBytesPerSecond);
    private readonly TokenBucket _known = new(limits.ReplyRateBytesPerSecond);

    /// <summary>How the host is to be answered that asks now; <see cref="Spend"/> follows.</summary>
    public AnswerSize Admit(Instant now, PeerAddress from, bool isKnown)
    {
        if (!_hosts.TryAsk(now, DhtHosts.HostOf(from)))
        {
            return AnswerSize.None;
        }

        var budget = isKnown ? _known : _strangers;
        if (!isKnown && !_neighbourhoods.TryAsk(now, DhtHosts.NeighbourhoodOf(from)))
        {
            return HasLeft(budget, now, 4) ? AnswerSize.Small : AnswerSize.None;
        }

        return HasLeft(budget, now, 2) ? AnswerSize.Full : HasLeft(budget, now, 64) ? AnswerSize.Small : AnswerSize.None;
    }

    /// <summary>So many bytes were answered.</summary>
    public void Spend(Instant now, int bytes, bool isKnown) => (isKnown ? _known : _strangers).TryTake(now, bytes);

    // Whether that part of the budget is there still, a half or a quarter; a 64th is room for one answer.
    private static bool HasLeft(TokenBucket budget, Instant now, int part) => budget.AvailableAt(now, budget.BurstBytes / part) <= now;

    /// <summary>
    /// Who asked how often: one number for each at a place that a secret hash chooses, the instant at which its burst is whole again. Two may share a place.
    /// </summary>
    private sealed class AskerRates(AddressHash hash, long number, int slotCount, int perSecond, int burst)
    {
        private readonly long[] _wholeAt = new long[slotCount];
        private readonly long _interval = 1_000_000_000 / perSecond;

        public bool TryAsk(Instant now, PeerAddress asker)
        {
            ref var wholeAt = ref _wholeAt[(int)hash.Of(asker, number) & (_wholeAt.Length - 1)];
            var at = Math.Max(wholeAt, now.Nanoseconds);
            if (at - now.Nanoseconds > _interval * (burst - 1))
            {
                return false;
            }

            wholeAt = at + _interval;
            return true;
        }
    }
}
