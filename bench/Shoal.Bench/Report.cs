using System.Text;
using System.Text.Json.Nodes;

namespace Shoal.Bench;

/// <summary>A cell: the text that is shown, and the runs it comes from.</summary>
internal sealed record Stat(string Text, IReadOnlyList<double> Values)
{
    public static Stat MedianOf<T>(IReadOnlyList<T> runs, Func<T, double> value, string format)
    {
        var values = runs.Select(value).ToList();
        var median = Median(values);
        return new(double.IsNaN(median) ? "-" : median.ToString(format), values);
    }

    /// <summary>The middle of those that are known; not a number when none is.</summary>
    public static double Median(IEnumerable<double> values)
    {
        var known = values.Where(static one => !double.IsNaN(one)).Order().ToList();
        return known.Count == 0 ? double.NaN : (known[(known.Count - 1) / 2] + known[known.Count / 2]) / 2;
    }

    public static Stat One(double value, string format) => MedianOf([value], static one => one, format);

    public static Stat RangeOf<T>(IReadOnlyList<T> runs, Func<T, double> value, string format)
    {
        var values = runs.Select(value).ToList();
        return new(values.Count == 0 ? "-" : $"{values.Min().ToString(format)}-{values.Max().ToString(format)}", []);
    }
}

/// <summary>One table of results, for people and as JSON.</summary>
internal sealed class Report(string title, IReadOnlyList<string> columns)
{
    private readonly List<(string Name, string Note, Stat[] Cells)> _rows = [];

    private readonly List<string> _footer = [];

    /// <summary>A line below the table.</summary>
    public void AddLine(string text) => _footer.Add(text);

    public bool IsEmpty => _rows.Count == 0;

    public void Add(string name, string note, params Stat[] cells) => _rows.Add((name, note, cells));

    public string ToText()
    {
        var widths = columns.Select((column, index) =>
            _rows.Where(row => index < row.Cells.Length).Select(row => row.Cells[index].Text.Length)
                .Append(column.Length).Max()).ToList();
        var nameWidth = _rows.Select(static row => row.Name.Length).DefaultIfEmpty(0).Max();
        var text = new StringBuilder().AppendLine().AppendLine(title);
        text.Append(' ', nameWidth);
        for (var index = 0; index < columns.Count; index++)
        {
            text.Append("  ").Append(columns[index].PadLeft(widths[index]));
        }

        text.AppendLine();
        foreach (var (name, note, cells) in _rows)
        {
            text.Append(name.PadRight(nameWidth));
            for (var index = 0; index < cells.Length; index++)
            {
                text.Append("  ").Append(cells[index].Text.PadLeft(widths[index]));
            }

            text.Append(note.Length > 0 ? "  " + note : "").AppendLine();
        }

        _footer.ForEach(line => text.AppendLine(line));
        return text.ToString();
    }

    public JsonObject ToJson()
    {
        var rows = new JsonArray();
        foreach (var (name, note, cells) in _rows)
        {
            var row = new JsonObject { ["name"] = name, ["note"] = note };
            for (var index = 0; index < cells.Length; index++)
            {
                var values = new JsonArray();
                foreach (var value in cells[index].Values)
                {
                    values.Add(double.IsFinite(value) ? JsonValue.Create(value) : null);
                }

                row[columns[index]] = new JsonObject { ["shown"] = cells[index].Text, ["runs"] = values };
            }

            rows.Add(row);
        }

        return new JsonObject { ["title"] = title, ["rows"] = rows, ["notes"] = new JsonArray([.. _footer.Select(static line => JsonValue.Create(line))]) };
    }
}

internal static class Units
{
    public static string Bytes(long bytes) => bytes >= 1L << 30
        ? $"{bytes / (double)(1L << 30):0.##} GiB"
        : $"{bytes / (double)(1L << 20):0.##} MiB";
}
