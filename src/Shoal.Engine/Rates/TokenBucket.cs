namespace Shoal.Engine.Rates;

/// <summary>
/// A cap on a rate. What was taken is kept as the one instant at which the bucket will be full again (the "virtual
/// scheduling" form of the leaky bucket, ITU-T I.371), so nothing has to be refilled and no fraction of a byte is lost.
/// The burst is a quarter second's worth and at least <see cref="MinimumBurstBytes"/>. Not thread-safe.
/// </summary>
public sealed class TokenBucket
{
    /// <summary>The smallest burst: a block always fits.</summary>
    public const int MinimumBurstBytes = 32 * 1024;

    private const long NanosecondsPerSecond = 1_000_000_000;
    private long _fullAt = long.MinValue;
    private long _seen = long.MinValue;
    private long _rate;

    /// <summary>A full bucket.</summary>
    /// <param name="rateBytesPerSecond">The cap; null for none.</param>
    /// <exception cref="ArgumentOutOfRangeException">The rate is not above zero.</exception>
    public TokenBucket(long? rateBytesPerSecond) => RateBytesPerSecond = rateBytesPerSecond;

    /// <summary>
    /// The cap in bytes per second; null for none. What was taken under an earlier cap still counts, up to one burst of the new.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The rate is not above zero.</exception>
    public long? RateBytesPerSecond
    {
        get => _rate == 0 ? null : _rate;
        set
        {
            if (value is { } rate)
            {
                ArgumentOutOfRangeException.ThrowIfNegativeOrZero(rate, nameof(value));
            }

            var takenBytes = _rate == 0 || _fullAt <= _seen ? 0 : (long)((Int128)(_fullAt - _seen) * _rate / NanosecondsPerSecond);
            _rate = value ?? 0;
            _fullAt = _rate == 0 || takenBytes == 0 ? long.MinValue : _seen + NanosecondsFor(Math.Min(takenBytes, BurstBytes));
        }
    }

    /// <summary>The most that can be taken at once after a rest, in bytes.</summary>
    public long BurstBytes => _rate == 0 ? long.MaxValue : Math.Max(_rate / 4, MinimumBurstBytes);

    /// <summary>
    /// Takes the bytes if they may flow now. More than a burst may be taken from a full bucket, and is paid for
    /// afterwards, so that no length waits for ever.
    /// </summary>
    public bool TryTake(Instant now, long bytes)
    {
        _seen = Math.Max(_seen, now.Nanoseconds);
        if (_rate == 0)
        {
            return true;
        }

        if (AvailableAt(now, bytes) > now)
        {
            return false;
        }

        var from = Math.Max(_fullAt, now.Nanoseconds);
        var cost = NanosecondsFor(bytes);
        _fullAt = cost > long.MaxValue - from ? long.MaxValue : from + cost;
        return true;
    }

    /// <summary>When <see cref="TryTake"/> would say yes, if nobody else takes anything; never before <paramref name="now"/>.</summary>
    public Instant AvailableAt(Instant now, long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        if (_rate == 0 || _fullAt <= now.Nanoseconds)
        {
            return now;
        }

        var head = Math.Max(0, NanosecondsFor(BurstBytes) - NanosecondsFor(bytes));
        return new Instant(Math.Max(now.Nanoseconds, _fullAt - head));
    }

    // Rounded up: a cap is never exceeded by rounding.
    private long NanosecondsFor(long bytes) =>
        (long)Int128.Min(long.MaxValue, (((Int128)bytes * NanosecondsPerSecond) + _rate - 1) / _rate);
}
