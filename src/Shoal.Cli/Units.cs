using System.Globalization;

namespace Shoal.Cli;

/// <summary>
/// How sizes, rates and times are written and read. Shown in binary units (1 KiB is 1,024 bytes); read in binary bytes
/// or, for rates, in decimal bits as network people have them (1 Mbit is 1,000,000 bits). Thread-safe.
/// </summary>
internal static class Units
{
    private static readonly string[] Binary = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

    private static readonly (string Unit, double Bytes)[] SizeUnits =
        [("KiB", 1L << 10), ("MiB", 1L << 20), ("GiB", 1L << 30), ("TiB", 1L << 40), ("B", 1)];

    private static readonly (string Unit, double BytesPerSecond)[] RateUnits =
        [("KiB", 1L << 10), ("MiB", 1L << 20), ("GiB", 1L << 30), ("kbit", 125), ("Mbit", 125_000), ("Gbit", 125_000_000)];

    /// <summary>"1.5 GiB", "17 B".</summary>
    public static string Size(long bytes)
    {
        var value = (double)bytes;
        var unit = 0;
        // What would round to "1024.0" is one of the next unit.
        while (unit < Binary.Length - 1 && Math.Abs(value) >= (unit == 0 ? 1024 : 1023.95))
        {
            value /= 1024;
            unit++;
        }

        return unit == 0
            ? $"{bytes} B"
            : string.Create(CultureInfo.InvariantCulture, $"{value:F1} {Binary[unit]}");
    }

    /// <summary>"1 file", "2 files".</summary>
    public static string Count(long count, string what) => string.Create(CultureInfo.InvariantCulture, $"{count} {what}{(count == 1 ? "" : "s")}");

    /// <summary>"1.5 MiB/s".</summary>
    public static string Rate(double bytesPerSecond) => Size((long)bytesPerSecond) + "/s";

    /// <summary>"45 s", "3 min 20 s", "2 h 5 min", "3 d 4 h"; "–" if unknown.</summary>
    public static string Time(TimeSpan? time) => time switch
    {
        null => "–",
        { TotalSeconds: < 60 } t => $"{(int)Math.Ceiling(t.TotalSeconds)} s",
        { TotalMinutes: < 60 } t => $"{t.Minutes} min {t.Seconds} s",
        { TotalHours: < 24 } t => $"{t.Hours} h {t.Minutes} min",
        { TotalDays: < 1000 } t => $"{t.Days} d {t.Hours} h",
        _ => "–",
    };

    /// <summary>How long ago something was, in its largest unit: "5 min ago".</summary>
    public static string Age(TimeSpan age) => age switch
    {
        { TotalDays: >= 1 } => $"{age.Days} d ago",
        { TotalHours: >= 1 } => $"{age.Hours} h ago",
        { TotalMinutes: >= 1 } => $"{age.Minutes} min ago",
        _ => "just now",
    };

    /// <summary>"45.3 %", never "100.0 %" before all is there.</summary>
    public static string Percent(double fraction)
    {
        var tenths = fraction >= 1 ? 1000 : Math.Min(999, Math.Floor(fraction * 1000));
        return string.Create(CultureInfo.InvariantCulture, $"{tenths / 10:F1} %");
    }

    /// <summary>Reads "512KiB", "1.5 MiB" or a number of bytes; if it is none of these, one line says what is expected.</summary>
    public static bool TryParseSize(string text, out long bytes, out string error)
    {
        var read = long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out bytes) || TryParse(text, SizeUnits, out bytes);
        error = read ? "" : $"'{text}' is not a size; write for example 256KiB, 4MiB or 1GiB";
        return read;
    }

    /// <summary>Reads "10Mbit", "512KiB/s"; a rate without a unit is refused, since people mean bits and bytes alike.</summary>
    public static bool TryParseRate(string text, out long bytesPerSecond, out string error)
    {
        var trimmed = text.EndsWith("/s", StringComparison.OrdinalIgnoreCase) ? text[..^2] : text;
        error = "";
        if (TryParse(trimmed, RateUnits, out bytesPerSecond) && bytesPerSecond > 0)
        {
            return true;
        }

        var isBare = double.TryParse(trimmed, NumberStyles.Float, CultureInfo.InvariantCulture, out _);
        error = (isBare ? $"'{text}' has no unit" : $"'{text}' is not a rate") + "; write for example 500KiB/s, 2MiB/s, 100Mbit or 1Gbit";
        return false;
    }

    /// <summary>Reads "90s", "30m", "2h", "1d"; a time without a unit is refused.</summary>
    public static bool TryParseTime(string text, out TimeSpan time, out string error)
    {
        (string Unit, double Seconds)[] units = [("s", 1), ("min", 60), ("m", 60), ("h", 3600), ("d", 86400)];
        var read = TryParse(text, units, out var seconds) && seconds <= 100L * 365 * 86400;
        time = read ? TimeSpan.FromSeconds(seconds) : TimeSpan.Zero;
        error = read ? "" : $"'{text}' is not a time; write for example 90s, 30m or 2h";
        return read;
    }

    private static bool TryParse(string text, (string Unit, double Factor)[] units, out long value)
    {
        value = 0;
        foreach (var (unit, factor) in units)
        {
            if (!text.EndsWith(unit, StringComparison.OrdinalIgnoreCase))
            {
                continue;
            }

            var digits = text.AsSpan(0, text.Length - unit.Length).TrimEnd(' ');
            if (!double.TryParse(digits, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) ||
                number * factor >= long.MaxValue)
            {
                return false;
            }

            value = (long)Math.Round(number * factor);
            return true;
        }

        return false;
    }
}
