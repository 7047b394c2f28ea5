using Shoal.Engine;
using Shoal.Simulation.Time;

namespace Shoal.Simulation.Peers;

/// <summary>Counts what comes to somebody, in all and in the busiest second.</summary>
internal sealed class LoadMeter
{
    private long _second;
    private int _inSecond;

    public long TotalCount { get; private set; }

    public int PeakPerSecond { get; private set; }

    /// <summary>One more has come.</summary>
    public void Count(Instant now)
    {
        TotalCount++;
        var second = now.Nanoseconds / VirtualTime.Second;
        _inSecond = second == _second ? _inSecond + 1 : 1;
        _second = second;
        PeakPerSecond = Math.Max(PeakPerSecond, _inSecond);
    }
}
