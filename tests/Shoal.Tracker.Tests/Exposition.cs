using System.Globalization;
using System.Text.RegularExpressions;

namespace Shoal.Tracker.Tests;

/// <summary>
/// Prometheus' text format 0.0.4, read as strictly as its description allows: each metric has one HELP and one TYPE before its samples, which
/// stand together, none twice; counters end in _total and are not negative; buckets of a histogram go up, to all that it counted.
/// </summary>
internal sealed partial class Exposition
{
    private readonly Dictionary<string, double> _samples = [];
    private readonly Dictionary<string, string> _types = [];

    /// <summary>The value of a sample, named as it stands: <c>name{a="b"}</c>.</summary>
    public double this[string sample] => _samples.TryGetValue(sample, out var value) ? value
        : throw new KeyNotFoundException($"no sample {sample} among:\n{string.Join('\n', _samples.Keys)}");

    public bool Has(string family) => _types.ContainsKey(family);

    public static Exposition Parse(string text)
    {
        Assert.EndsWith("\n", text, StringComparison.Ordinal);
        var result = new Exposition();
        var (family, helped) = ("", "");
        foreach (var line in text[..^1].Split('\n'))
        {
            if (Help().Match(line) is { Success: true } help)
            {
                helped = help.Groups[1].Value;
            }
            else if (Type().Match(line) is { Success: true } type)
            {
                family = type.Groups[1].Value;
                Assert.Equal(helped, family);
                Assert.True(result._types.TryAdd(family, type.Groups[2].Value), $"{family} comes twice");
                Assert.Equal(type.Groups[2].Value == "counter", family.EndsWith("_total", StringComparison.Ordinal));
            }
            else
            {
                result.Add(line, family);
            }
        }

        result.CheckHistograms();
        return result;
    }

    private void Add(string line, string family)
    {
        var sample = Sample().Match(line);
        Assert.True(sample.Success, $"this is no line of it: {line}");
        var kind = _types[family];
        var name = sample.Groups["name"].Value;
        string[] allowed = kind == "histogram" ? [$"{family}_bucket", $"{family}_sum", $"{family}_count"] : [family];
        Assert.Contains(name, allowed);
        var value = sample.Groups["value"].Value == "+Inf" ? double.PositiveInfinity : double.Parse(sample.Groups["value"].Value, CultureInfo.InvariantCulture);
        Assert.True(kind == "gauge" || value >= 0, line);
        Assert.True(_samples.TryAdd(name + sample.Groups["labels"].Value, value), $"this comes twice: {line}");
    }

    private void CheckHistograms()
    {
        foreach (var family in _types.Where(type => type.Value == "histogram").Select(type => type.Key))
        {
            var series = _samples.Where(sample => sample.Key.StartsWith($"{family}_bucket{{", StringComparison.Ordinal))
                .GroupBy(sample => Bound().Replace(sample.Key, ""));
            Assert.NotEmpty(series);
            foreach (var buckets in series)
            {
                var bounds = buckets.Select(bucket => Bound().Match(bucket.Key).Groups[1].Value).ToList();
                Assert.Equal("+Inf", bounds[^1]);
                Assert.Equal(bounds[..^1].Select(bound => double.Parse(bound, CultureInfo.InvariantCulture)).Order(), bounds[..^1].Select(bound => double.Parse(bound, CultureInfo.InvariantCulture)));
                Assert.Equal(buckets.Select(bucket => bucket.Value).Order(), buckets.Select(bucket => bucket.Value));
                Assert.Equal(buckets.Last().Value, this[buckets.Key.Replace("_bucket", "_count", StringComparison.Ordinal)]);
                Assert.True(this[buckets.Key.Replace("_bucket", "_sum", StringComparison.Ordinal)] >= 0);
            }
        }
    }

    [GeneratedRegex("""^# HELP (?<1>[a-z_]+) [^\\]+$""", RegexOptions.ExplicitCapture | RegexOptions.NonBacktracking)]
    private static partial Regex Help();

    [GeneratedRegex("""^# TYPE (?<1>[a-z_]+) (?<2>counter|gauge|histogram)$""", RegexOptions.ExplicitCapture | RegexOptions.NonBacktracking)]
    private static partial Regex Type();

    [GeneratedRegex("""^(?<name>[a-z_]+)(?<labels>\{([a-z_]+="[^"\\]*",)*[a-z_]+="[^"\\]*"\})? (?<value>-?[0-9.]+(E[-+]?[0-9]+)?|\+Inf|NaN)$""", RegexOptions.ExplicitCapture | RegexOptions.NonBacktracking)]
    private static partial Regex Sample();

    [GeneratedRegex(""",?le="(?<1>[^"]*)"(?=\})""", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Bound();
}
