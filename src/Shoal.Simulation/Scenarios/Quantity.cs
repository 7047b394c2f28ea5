using System.Globalization;

namespace Shoal.Simulation.Scenarios;

/// <summary>
/// Sizes, rates and times as people write them. Sizes and rates in bytes are binary ("256KiB") or decimal ("500MB/s"), rates in bits
/// decimal, as networks are sold ("1Gbit" is 125,000,000 bytes per second). "Mb" is refused: half the world means bits by it, the
/// other half bytes. Exact: no floating point on the way.
/// </summary>
public static class Quantity
{
    /// <summary>What a size looks like.</summary>
    public const string SizeExample = "\"256KiB\", \"10GiB\" or \"3GB\"";

    /// <summary>What a rate looks like.</summary>
    public const string RateExample = "\"100Mbit\", \"1Gbit\" or \"500MB/s\"";

    /// <summary>What a time looks like.</summary>
    public const string TimeExample = "\"5ms\", \"10s\", \"2min\" or \"1h\"";

    private static readonly (string Unit, decimal Bytes)[] SizeUnits =
    [
        ("KiB", 1L << 10), ("MiB", 1L << 20), ("GiB", 1L << 30), ("TiB", 1L << 40),
        ("kB", 1_000), ("KB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("TB", 1_000_000_000_000), ("B", 1),
    ];

    private static readonly (string Unit, decimal BytesPerSecond)[] RateUnits =
    [
        ("kbit", 125), ("Mbit", 125_000), ("Gbit", 125_000_000), ("Tbit", 125_000_000_000), ("bit", 0.125m), .. SizeUnits,
    ];

    private static readonly (string Unit, decimal Ticks)[] TimeUnits =
    [
        ("ms", TimeSpan.TicksPerMillisecond), ("us", TimeSpan.TicksPerMicrosecond), ("s", TimeSpan.TicksPerSecond), ("min", TimeSpan.TicksPerMinute),
        ("m", TimeSpan.TicksPerMinute), ("h", TimeSpan.TicksPerHour), ("d", TimeSpan.TicksPerDay),
    ];

    /// <summary>Reads a size, or a bare number of bytes.</summary>
    public static bool TryParseSize(string text, out long bytes) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out bytes) || TryParse(text, SizeUnits, out bytes);

    /// <summary>Reads a rate above 0; it must have a unit.</summary>
    public static bool TryParseRate(string text, out long bytesPerSecond) =>
        TryParse(text.EndsWith("/s", StringComparison.Ordinal) ? text[..^2] : text, RateUnits, out bytesPerSecond) && bytesPerSecond > 0;

    /// <summary>Reads a time; it must have a unit.</summary>
    public static bool TryParseTime(string text, out TimeSpan time)
    {
        var read = TryParse(text, TimeUnits, out var ticks);
        time = TimeSpan.FromTicks(ticks);
        return read;
    }

    private static bool TryParse(string text, (string Unit, decimal Factor)[] units, out long value)
    {
        value = 0;
        foreach (var (unit, factor) in units)
        {
            // Letters' case matters only where it tells bits from bytes.
            var comparison = unit.EndsWith('B') && !unit.EndsWith("iB", StringComparison.Ordinal) ? StringComparison.Ordinal : StringComparison.OrdinalIgnoreCase;
            var digits = text.EndsWith(unit, comparison) ? text.AsSpan(0, text.Length - unit.Length).TrimEnd(' ') : default;
            if (digits.Length is > 0 and <= 20 && digits[^1] != '.' &&
                decimal.TryParse(digits, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) &&
                number < long.MaxValue / factor)
            {
                value = (long)Math.Round(number * factor, MidpointRounding.AwayFromZero);
                return true;
            }
        }

        return false;
    }
}
