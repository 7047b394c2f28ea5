namespace Shoal.Tracker.Metrics;

/// <summary>
/// Some counters that many threads count up at once and somebody reads now and then: each thread has a stripe of its own, as far as there are
/// enough, so that they do not take a cache line from each other. Thread-safe; allocates nothing.
/// </summary>
internal sealed class StripedCounters
{
    private const int LongsPerLine = 16; // two cache lines: processors fetch them in pairs

    private readonly long[] _values;
    private readonly int _stripeLength;
    private readonly int _mask;

    public StripedCounters(int count)
    {
        var stripes = (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Math.Clamp(Environment.ProcessorCount, 1, 16));
        _mask = stripes - 1;
        _stripeLength = (count + LongsPerLine - 1) / LongsPerLine * LongsPerLine;
        _values = new long[(stripes + 1) * _stripeLength];
    }

    /// <summary>Counts.</summary>
    public void Add(int counter, long amount = 1) =>
        Interlocked.Add(ref _values[(((Environment.CurrentManagedThreadId & _mask) + 1) * _stripeLength) + counter], amount);

    /// <summary>What was counted by all threads.</summary>
    public long Sum(int counter)
    {
        var sum = 0L;
        for (var i = _stripeLength + counter; i < _values.Length; i += _stripeLength)
        {
            sum += Volatile.Read(ref _values[i]);
        }

        return sum;
    }
}
