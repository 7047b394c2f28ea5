namespace Shoal.Simulation.Time;

/// <summary>Durations in whole nanoseconds.</summary>
internal static class VirtualTime
{
    public const long Second = 1_000_000_000;

    public const long Millisecond = 1_000_000;

    /// <summary>How long it takes to move so many bytes, rounded up. Good for lengths up to 8 GiB.</summary>
    public static long ToMove(long bytes, long bytesPerSecond) => ((bytes * Second) + bytesPerSecond - 1) / bytesPerSecond;

    public static long Nanoseconds(this TimeSpan span) => span.Ticks * 100;
}
