using Shoal.Engine;

namespace Shoal.Simulation.Network;

/// <summary>
/// TCP's slow start as a cap on a flow's rate: ten segments in the first round trip (RFC 6928), twice as many in each that follows,
/// until the path is the narrower one. What TCP does when other flows are the limit (loss, recovery, congestion avoidance) is left out:
/// there the fair share is taken to be had at once. Integer arithmetic only.
/// <para>
/// The cap changes once a round trip, or once a <see cref="Quantum"/> if that is longer; then it is what the round trips of the
/// quantum send together, so that no byte is lost or won. Within a round trip the bytes are spread evenly.
/// </para>
/// </summary>
internal readonly struct SlowStart
{
    /// <summary>Bytes of the first round trip: ten segments of 1,460 bytes.</summary>
    public const int InitialWindow = 10 * 1460;

    /// <summary>Caps change no more often.</summary>
    public static readonly TimeSpan Quantum = TimeSpan.FromMilliseconds(10);

    // After so many round trips the window is 16 petabytes, and the arithmetic below would need more than 128 bits.
    private const int MaximumDoublings = 40;

    private readonly Instant _begin;
    private readonly long _roundTripTicks;
    private readonly long _pathBytesPerSecond;

    /// <summary>A flow that begins to send, or begins again after <see cref="IdleLimit"/>.</summary>
    /// <param name="begin">When the first bytes leave.</param>
    /// <param name="roundTrip">There and back; 0 for a flow that is not limited.</param>
    /// <param name="pathBytesPerSecond">What the path could give the flow if it had it alone.</param>
    public SlowStart(Instant begin, TimeSpan roundTrip, long pathBytesPerSecond)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(roundTrip, TimeSpan.Zero);
        _begin = begin;
        _roundTripTicks = roundTrip.Ticks;
        _pathBytesPerSecond = pathBytesPerSecond;
    }

    private long PeriodTicks => Math.Max(_roundTripTicks, Quantum.Ticks);

    /// <summary>A flow that was idle for longer forgets its window: Linux does so after its retransmission timeout (RFC 2861).</summary>
    public static TimeSpan IdleLimit(TimeSpan roundTrip) => roundTrip + TimeSpan.FromMilliseconds(200);

    /// <summary>Whether the cap is no limit any more; it stays so.</summary>
    public bool IsDone(Instant now) => CapAt(now) == long.MaxValue;

    /// <summary>Bytes per second until <see cref="NextChange"/>; <see cref="long.MaxValue"/> once the path is the narrower one.</summary>
    public long CapAt(Instant now)
    {
        if (_roundTripTicks == 0)
        {
            return long.MaxValue;
        }

        var from = PeriodOf(now) * PeriodTicks;
        var to = from + PeriodTicks;
        if (to / _roundTripTicks > MaximumDoublings)
        {
            return long.MaxValue;
        }

        var rate = (SentBy(to) - SentBy(from)) * TimeSpan.TicksPerSecond / PeriodTicks;
        return rate >= _pathBytesPerSecond ? long.MaxValue : (long)rate;
    }

    /// <summary>When the cap changes after <paramref name="now"/>; <see cref="Instant.Never"/> if it is done.</summary>
    public Instant NextChange(Instant now) =>
        IsDone(now) ? Instant.Never : _begin + TimeSpan.FromTicks((PeriodOf(now) + 1) * PeriodTicks);

    private long PeriodOf(Instant now) => Math.Max(0, (now - _begin).Ticks) / PeriodTicks;

    /// <summary>Bytes sent since the begin: window · (2^k − 1) in k whole round trips, and part of the next window.</summary>
    private Int128 SentBy(long ticks)
    {
        var (doublings, rest) = Math.DivRem(ticks, _roundTripTicks);
        return InitialWindow * (((Int128)(_roundTripTicks + rest) << (int)doublings) - _roundTripTicks) / _roundTripTicks;
    }
}
