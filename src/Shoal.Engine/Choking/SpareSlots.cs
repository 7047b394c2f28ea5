using Shoal.Engine.Rates;

namespace Shoal.Engine.Choking;

/// <summary>
/// How many upload slots there are beside the usual ones: one more each second in which the uplink gives clearly less than it has shown
/// it can although every slot is busy (those who hold them cannot take more), and one less when it is full again. Not thread-safe.
/// Invariant: never more than twice the usual number.
/// </summary>
public sealed class SpareSlots
{
    /// <summary>Before so much time has passed a mean of the rate says little.</summary>
    private static readonly TimeSpan Patience = RateMeter.Window;

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private readonly RateMeter _rate = new();
    private Instant _since = Instant.Never;
    private Instant _nextAt;
    private long _peak;

    /// <summary>How many there are.</summary>
    public int Count { get; private set; }

    /// <summary>Bytes left.</summary>
    public void Sent(Instant now, long bytes)
    {
        _since = Instant.Min(_since, now);
        _rate.Add(now, bytes);
    }

    /// <summary>Looks whether there should be more or fewer; more often than once a second has no effect.</summary>
    public void Tick(Instant now, int usualCount, bool isEverySlotBusy)
    {
        if (_since == Instant.Never || now - _since < Patience || now < _nextAt)
        {
            return;
        }

        _nextAt = now + Interval;

        // What the line could do once is forgotten in some minutes.
        var rate = _rate.RateBytesPerSecond(now);
        _peak = Math.Max(rate, _peak - (_peak / 1024));
        if (rate < _peak / 100 * 90)
        {
            Count += isEverySlotBusy && Count < 2L * usualCount ? 1 : 0;
        }
        else if (rate >= _peak / 100 * 97 && Count > 0)
        {
            Count--;
        }
    }
}
