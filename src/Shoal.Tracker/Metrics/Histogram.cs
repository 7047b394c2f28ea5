using System.Diagnostics;
using System.Globalization;

namespace Shoal.Tracker.Metrics;

/// <summary>How long things took, sorted into buckets. Thread-safe; allocates nothing.</summary>
internal sealed class Histogram
{
    private readonly double[] _boundsSeconds;
    private readonly long[] _bounds; // in ticks of the stopwatch
    private readonly StripedCounters _counters; // a bucket each, what is beyond all, and the sum of all times

    /// <summary>With these upper bounds, ascending, in seconds.</summary>
    public Histogram(params double[] boundsSeconds)
    {
        _boundsSeconds = boundsSeconds;
        _bounds = [.. boundsSeconds.Select(bound => (long)(bound * Stopwatch.Frequency))];
        _counters = new StripedCounters(boundsSeconds.Length + 2);
    }

    /// <summary>Notes that so many things took from then, a time stamp of <see cref="Stopwatch"/>, until now.</summary>
    public void RecordSince(long start, int count = 1)
    {
        var elapsed = Stopwatch.GetTimestamp() - start;
        var bucket = 0;
        while (bucket < _bounds.Length && elapsed > _bounds[bucket])
        {
            bucket++;
        }

        _counters.Add(bucket, count);
        _counters.Add(_bounds.Length + 1, elapsed * count);
    }

    /// <summary>Writes it.</summary>
    public void WriteTo(PrometheusText text, string name, string labels)
    {
        var count = 0L;
        for (var i = 0; i <= _bounds.Length; i++)
        {
            count += _counters.Sum(i);
            text.Sample($"{name}_bucket", $"{labels},le=\"{(i < _bounds.Length ? _boundsSeconds[i].ToString("0.######", CultureInfo.InvariantCulture) : "+Inf")}\"", count);
        }

        text.Sample($"{name}_sum", labels, (double)_counters.Sum(_bounds.Length + 1) / Stopwatch.Frequency);
        text.Sample($"{name}_count", labels, count);
    }
}
