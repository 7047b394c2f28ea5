using System.Globalization;
using System.Text;

namespace Shoal.Simulation.Results;

/// <summary>One line of the legend: a label, and the curves of its runs, which have its colour.</summary>
/// <param name="Label">What it is.</param>
/// <param name="Note">Something to stand below it, small; may be empty.</param>
/// <param name="Curves">One curve at least.</param>
public sealed record PlotSeries(string Label, string Note, IReadOnlyList<CompletionCurve> Curves);

/// <summary>An upright line with a label.</summary>
/// <param name="Seconds">Where.</param>
/// <param name="Label">"lower bound 12.4 s".</param>
public sealed record PlotBound(double Seconds, string Label);

/// <summary>
/// Completion curves as an SVG picture: the share of leechers that are complete over virtual time, the lower bound as an upright line.
/// Follows the reader's light or dark theme. The same curves give the same bytes on every machine.
/// </summary>
/// <param name="title">Above it all.</param>
/// <param name="subtitle">Below the title.</param>
/// <param name="bound">The lower bound; null if none is drawn.</param>
public sealed class CompletionPlot(string title, string subtitle, PlotBound? bound)
{
    private const double Width = 900;
    private const double Left = 62;
    private const double Right = 640;
    private const double Top = 98;
    private const double LegendLeft = 664;
    private const double LegendStep = 38;
    private const double PlotHeight = 320;
    private const double Margin = 12;

    // Of a letter of ordinary width, as a part of the type's size; what is wider counts twice.
    private const double LetterWidth = 0.56;
    private const double LetterSize = 13;
    private const double TitleSize = 17;
    private const double SmallSize = 12;

    // Each hue in a darker shade for paper and a lighter one for the night.
    private static readonly (string Light, string Dark)[] Colors =
    [
        ("#2563eb", "#6ea8fe"), ("#d9480f", "#ffa066"), ("#0b8457", "#4fd69c"), ("#b5179e", "#f783d4"),
        ("#6741d9", "#b197fc"), ("#8a6d00", "#e6c84f"), ("#495057", "#ced4da"), ("#c92a2a", "#ff8787"),
    ];

    private readonly List<PlotSeries> _series = [];

    /// <summary>The most series that can be told apart; more are drawn in colours that were had before, with dashes.</summary>
    public static int ColorCount => Colors.Length;

    /// <summary>Adds a series.</summary>
    public void Add(PlotSeries series) => _series.Add(series);

    /// <summary>The whole picture.</summary>
    public string Render()
    {
        var height = Math.Max(Top + PlotHeight, Top + 10 + (_series.Count * LegendStep)) + 58;
        var axis = TimeAxis.For(LastSecond());
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"""
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {Width} {height}" width="{Width}" height="{height}" role="img" aria-label="{Escaped(title)}">

            """);
        Style(text);
        text.Append("<rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n");
        Label(text, "title", Left, 32, "start", Short(title, TitleSize, Width - Left - Margin));
        Label(text, "small", Left, 53, "start", subtitle);
        Axes(text, axis);
        for (var i = 0; i < _series.Count; i++)
        {
            Curves(text, i, axis);
        }

        Bound(text, axis);
        for (var i = 0; i < _series.Count; i++)
        {
            Legend(text, i);
        }

        return text.Append("</svg>\n").ToString();
    }

    // A run that stands still until its limit would leave no room for what happened: its curve goes on beyond the picture.
    private double LastSecond()
    {
        var curves = _series.SelectMany(series => series.Curves).ToList();
        var last = curves.Select(curve => curve.CompletedSeconds.Count > 0 ? curve.CompletedSeconds[^1] : 0).Append(bound?.Seconds ?? 0).Max();
        var ended = curves.Select(curve => curve.CompletedSeconds.Count == curve.ExpectedCount ? 0 : curve.EndedSeconds).DefaultIfEmpty().Max();
        return last > 0 ? Math.Max(last, Math.Min(ended, last * 1.2)) : ended;
    }

    private static void Style(StringBuilder text)
    {
        text.Append("""
            <style>
            text{font-family:system-ui,-apple-system,"Segoe UI","DejaVu Sans",sans-serif;font-size:13px;fill:#343a40}
            .title{font-size:17px;font-weight:600;fill:#212529}
            .small{font-size:12px;fill:#6c757d}
            .paper{fill:#ffffff}
            .grid{stroke:#e9ecef;stroke-width:1}
            .axis{stroke:#adb5bd;stroke-width:1}
            .bound{stroke:#6c757d;stroke-width:1.5;stroke-dasharray:2 4;stroke-linecap:round}
            .curve{fill:none;stroke-width:2.25;stroke-linejoin:round;stroke-linecap:round}
            .many{stroke-width:1.5;stroke-opacity:.7}

            """);
        Append(text, colors => colors.Light);
        text.Append("""
            @media (prefers-color-scheme:dark){
            text{fill:#ced4da}.title{fill:#f1f3f5}.small{fill:#9aa4ad}.paper{fill:#16191d}.grid{stroke:#2a2f35}.axis{stroke:#5c646c}.bound{stroke:#adb5bd}

            """);
        Append(text, colors => colors.Dark);
        text.Append("}\n</style>\n");
    }

    private static void Append(StringBuilder text, Func<(string Light, string Dark), string> shade)
    {
        for (var i = 0; i < Colors.Length; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $".c{i}{{stroke:{shade(Colors[i])}}}\n");
        }
    }

    private static void Axes(StringBuilder text, TimeAxis axis)
    {
        for (var percent = 0; percent <= 100; percent += 20)
        {
            var y = Y(percent / 100.0);
            Line(text, percent == 0 ? "axis" : "grid", Left, y, Right, y);
            Label(text, "small", Left - 10, y + 4, "end", $"{percent} %");
        }

        foreach (var (seconds, name) in axis.Ticks)
        {
            var x = X(seconds, axis);
            Line(text, "axis", x, Y(0), x, Y(0) + 5);
            Label(text, "small", x, Y(0) + 20, "middle", name);
        }

        Label(text, "small", (Left + Right) / 2, Y(0) + 42, "middle", $"virtual time, {axis.Unit}");
        Label(text, "small", Left, Top - 14, "start", "leechers that have everything");
    }

    private void Curves(StringBuilder text, int index, TimeAxis axis)
    {
        var kind = $"curve{(_series[index].Curves.Count > 1 ? " many" : "")} c{index % Colors.Length}";
        foreach (var curve in _series[index].Curves.Where(curve => curve.ExpectedCount > 0))
        {
            text.Append("<path class=\"").Append(kind).Append('"').Append(Dashes(index)).Append(" d=\"M");
            Point(text, X(0, axis), Y(0));
            var (drawn, lastX) = (0, X(0, axis));
            for (var i = 0; i < curve.CompletedSeconds.Count; i++)
            {
                // Thousands of steps would be drawn within one dot: one step for each half of it.
                var x = X(curve.CompletedSeconds[i], axis);
                var isLast = i == curve.CompletedSeconds.Count - 1;
                if (!isLast && X(curve.CompletedSeconds[i + 1], axis) - lastX < 0.5)
                {
                    continue;
                }

                text.Append('H').Append(Number(x)).Append('V').Append(Number(Y((i + 1.0) / curve.ExpectedCount)));
                (drawn, lastX) = (i + 1, x);
            }

            if (drawn < curve.ExpectedCount)
            {
                text.Append('H').Append(Number(X(Math.Min(curve.EndedSeconds, axis.EndSeconds), axis)));
            }

            text.Append("\"/>\n");
        }
    }

    private void Bound(StringBuilder text, TimeAxis axis)
    {
        if (bound is not { } line)
        {
            return;
        }

        var x = X(line.Seconds, axis);
        Line(text, "bound", x, Y(0), x, Top);
        // To the left, where curves seldom are, and in front of them.
        var width = WidthOf(line.Label, SmallSize);
        var fits = x > Left + width + 12;
        text.Append(CultureInfo.InvariantCulture, $"<rect class=\"paper\" x=\"{Number(fits ? x - 8 - width : x + 4)}\" y=\"{Number(Top)}\" width=\"{Number(width + 4)}\" height=\"16\"/>\n");
        Label(text, "small", fits ? x - 6 : x + 6, Top + 12, fits ? "end" : "start", line.Label);
    }

    private void Legend(StringBuilder text, int index)
    {
        var y = Top + 10 + (index * LegendStep);
        text.Append(CultureInfo.InvariantCulture, $"<path class=\"curve c{index % Colors.Length}\"{Dashes(index)} d=\"M{LegendLeft} {Number(y)}h22\"/>\n");
        Label(text, "", LegendLeft + 30, y + 4, "start", Short(_series[index].Label, LetterSize, Width - LegendLeft - 30 - Margin));
        if (_series[index].Note.Length > 0)
        {
            Label(text, "small", LegendLeft + 30, y + 20, "start", _series[index].Note);
        }
    }

    private static string Short(string label, double size, double width)
    {
        var fitting = label.EnumerateRunes().ToList();
        var isWhole = true;
        while (WidthOf(string.Concat(fitting), size) > width)
        {
            fitting.RemoveAt(fitting.Count - 1);
            isWhole = false;
        }

        return isWhole ? label : $"{string.Concat(fitting.SkipLast(1))}…";
    }

    private static double WidthOf(string label, double size) =>
        size * LetterWidth * label.EnumerateRunes().Sum(rune => rune.Value > 0x2e80 ? 2 : Rune.IsUpper(rune) || rune.Value is 'm' or 'w' ? 1.4 : 1);

    private static string Dashes(int index) => (index / Colors.Length) switch
    {
        0 => "",
        1 => " stroke-dasharray=\"7 5\"",
        _ => " stroke-dasharray=\"2 5\"",
    };

    private static void Line(StringBuilder text, string kind, double x1, double y1, double x2, double y2) =>
        text.Append("<path class=\"").Append(kind).Append("\" d=\"M").Append(Number(x1)).Append(' ').Append(Number(y1)).Append('L')
            .Append(Number(x2)).Append(' ').Append(Number(y2)).Append("\"/>\n");

    private static void Label(StringBuilder text, string kind, double x, double y, string anchor, string label) =>
        text.Append("<text").Append(kind.Length > 0 ? $" class=\"{kind}\"" : "").Append(" x=\"").Append(Number(x)).Append("\" y=\"").Append(Number(y))
            .Append(anchor == "start" ? "" : $"\" text-anchor=\"{anchor}").Append("\">").Append(Escaped(label)).Append("</text>\n");

    private static void Point(StringBuilder text, double x, double y) => text.Append(Number(x)).Append(' ').Append(Number(y));

    private static double X(double seconds, TimeAxis axis) => Left + (seconds / axis.EndSeconds * (Right - Left));

    private static double Y(double share) => Top + ((1 - share) * PlotHeight);

    private static string Number(double value) => value.ToString("0.#", CultureInfo.InvariantCulture);

    // A control character has no place in XML, not even escaped; half of a surrogate pair has none anywhere.
    private static string Escaped(string text) => string.Concat(text.EnumerateRunes().Select(rune => Rune.IsControl(rune) ? " " : rune.ToString()))
        .Replace("&", "&amp;", StringComparison.Ordinal).Replace("<", "&lt;", StringComparison.Ordinal)
        .Replace(">", "&gt;", StringComparison.Ordinal).Replace("\"", "&quot;", StringComparison.Ordinal);
}
