using System.Globalization;
using System.Text;

namespace Shoal.Tracker.Metrics;

/// <summary>
/// Writes Prometheus' text format, version 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/). Names and values of labels are
/// ours and need no escapes. One owner.
/// </summary>
internal sealed class PrometheusText
{
    /// <summary>What it is for HTTP.</summary>
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    private readonly StringBuilder _text = new();

    /// <summary>A number as the format has it.</summary>
    public static string Number(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    /// <summary>Begins a metric, whose samples follow.</summary>
    public void Family(string name, string type, string help) => _text.Append($"# HELP {name} {help}\n# TYPE {name} {type}\n");

    /// <summary>A sample; labels stand as <c>a="b",c="d"</c>.</summary>
    public void Sample(string name, string labels, double value)
    {
        _text.Append(name);
        if (labels.Length > 0)
        {
            _text.Append('{').Append(labels).Append('}');
        }

        _text.Append(' ').Append(Number(value)).Append('\n');
    }

    /// <summary>A metric of one sample, that goes up and down.</summary>
    public void Gauge(string name, string help, double value) => Single(name, "gauge", help, value);

    /// <summary>A metric of one sample, that only goes up.</summary>
    public void Counter(string name, string help, double value) => Single(name, "counter", help, value);

    /// <summary>What was written.</summary>
    public byte[] ToArray() => Encoding.UTF8.GetBytes(_text.ToString());

    private void Single(string name, string type, string help, double value)
    {
        Family(name, type, help);
        Sample(name, "", value);
    }
}
