namespace Shoal.Engine;

/// <summary>
/// A point in time that a driver hands in: nanoseconds since an epoch of the driver's choosing, never running
/// backwards. Two drivers' instants cannot be compared.
/// </summary>
public readonly record struct Instant(long Nanoseconds) : IComparable<Instant>
{
    /// <summary>Later than every other: a deadline that never comes.</summary>
    public static readonly Instant Never = new(long.MaxValue);

    /// <summary>The epoch.</summary>
    public static readonly Instant Zero;

    public static Instant operator +(Instant instant, TimeSpan span)
    {
        if (instant == Never || span.Ticks > (long.MaxValue - instant.Nanoseconds) / 100)
        {
            return Never;
        }

        return new Instant(instant.Nanoseconds + (span.Ticks * 100));
    }

    public static TimeSpan operator -(Instant left, Instant right) =>
        TimeSpan.FromTicks((left.Nanoseconds - right.Nanoseconds) / 100);

    public static bool operator <(Instant left, Instant right) => left.Nanoseconds < right.Nanoseconds;

    public static bool operator >(Instant left, Instant right) => left.Nanoseconds > right.Nanoseconds;

    public static bool operator <=(Instant left, Instant right) => left.Nanoseconds <= right.Nanoseconds;

    public static bool operator >=(Instant left, Instant right) => left.Nanoseconds >= right.Nanoseconds;

    /// <summary>The earlier of the two.</summary>
    public static Instant Min(Instant left, Instant right) => left <= right ? left : right;

    /// <summary>The later of the two.</summary>
    public static Instant Max(Instant left, Instant right) => left >= right ? left : right;

    /// <summary>Earlier first.</summary>
    public int CompareTo(Instant other) => Nanoseconds.CompareTo(other.Nanoseconds);

    /// <summary>Seconds since the epoch.</summary>
    public override string ToString() => this == Never ? "never" : $"{Nanoseconds / 1e9:F6} s";
}
