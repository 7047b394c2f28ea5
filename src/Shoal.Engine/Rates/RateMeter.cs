namespace Shoal.Engine.Rates;

/// <summary>
/// How fast something flows: the mean over the last five seconds, or over the time since the flow began if that is
/// shorter. Integers only, so that every machine computes the same. Not thread-safe.
/// </summary>
public sealed class RateMeter
{
    private const long BucketNanoseconds = 500_000_000;

    // Ten full buckets are five seconds; one more is being filled.
    private const int BucketCount = 11;

    // Empty until something flows: most meters of an idle client never count anything.
    private long[] _buckets = [];
    private long _current = long.MinValue;
    private long _startedAt;
    private long _sum;

    /// <summary>The span over which the mean is taken.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromSeconds(5);

    /// <summary>All bytes ever added.</summary>
    public long TotalBytes { get; private set; }

    /// <summary>Counts bytes that flowed now.</summary>
    public void Add(Instant now, long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        if (_buckets.Length == 0)
        {
            _buckets = new long[BucketCount];
        }

        Advance(now);
        if (_sum == 0)
        {
            _startedAt = now.Nanoseconds;
        }

        _buckets[Index(_current)] += bytes;
        _sum += bytes;
        TotalBytes += bytes;
    }

    /// <summary>
    /// The rate in bytes per second. A flow younger than half a second is divided by half a second, or else the first
    /// block would look like a flood.
    /// </summary>
    public long RateBytesPerSecond(Instant now)
    {
        if (_sum > 0)
        {
            Advance(now);
        }

        if (_sum == 0)
        {
            return 0;
        }

        var windowStart = (_current - (BucketCount - 1)) * BucketNanoseconds;
        var elapsed = now.Nanoseconds - Math.Max(windowStart, _startedAt);
        var milliseconds = Math.Max(elapsed, BucketNanoseconds) / 1_000_000;
        return (_sum / milliseconds * 1000) + (_sum % milliseconds * 1000 / milliseconds);
    }

    private void Advance(Instant now)
    {
        var bucket = now.Nanoseconds / BucketNanoseconds;
        if (bucket <= _current)
        {
            return;
        }

        if (_current == long.MinValue || bucket - _current >= BucketCount)
        {
            Array.Clear(_buckets);
            _sum = 0;
        }
        else
        {
            for (var passed = _current + 1; passed <= bucket; passed++)
            {
                ref var oldest = ref _buckets[Index(passed)];
                _sum -= oldest;
                oldest = 0;
            }
        }

        _current = bucket;
    }

    private int Index(long bucket) => (int)(((bucket % BucketCount) + BucketCount) % BucketCount);
}
