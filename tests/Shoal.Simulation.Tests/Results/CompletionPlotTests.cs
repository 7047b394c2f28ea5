using System.Globalization;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Shoal.Simulation.Results;

namespace Shoal.Simulation.Tests.Results;

/// <summary>A plot is valid XML, the same for the same curves, small, and has what a reader looks for.</summary>
public class CompletionPlotTests
{
    [Fact]
    public void A_plot_has_a_curve_for_each_run_a_legend_and_the_bound()
    {
        var svg = Draw(["swarm", "random"], 10_000).Root!;
        Assert.Equal(2, Paths(svg, "curve c0").Count());
        Assert.Equal(2, Paths(svg, "curve c1").Count());
        Assert.Single(Paths(svg, "bound"));
        var texts = svg.Descendants().Where(element => element.Name.LocalName == "text").Select(element => element.Value).ToList();
        Assert.Contains("A <b>ig \"crowd\" & more", texts);
        Assert.Contains("swarm", texts);
        Assert.Contains("all after 100 s", texts);
        Assert.Contains("lower bound 66.5 s", texts);
        Assert.Contains("virtual time, seconds", texts);
        Assert.Contains("100 %", texts);
        Assert.Contains("80", texts);
    }

    [Fact]
    public void The_same_curves_give_the_same_bytes_in_every_culture_and_few_of_them()
    {
        var one = Text(["a"], 100_000);
        var culture = CultureInfo.CurrentCulture;
        try
        {
            var other = (CultureInfo)CultureInfo.InvariantCulture.Clone();
            other.NumberFormat.NumberDecimalSeparator = ",";
            other.NumberFormat.NegativeSign = "~";
            CultureInfo.CurrentCulture = other;
            Assert.Equal(one, Text(["a"], 100_000));
        }
        finally
        {
            CultureInfo.CurrentCulture = culture;
        }

        Assert.True(one.Length < 30_000, $"{one.Length} characters");
    }

    [Fact]
    public void A_curve_ends_at_the_top_if_all_are_complete_and_below_it_if_not()
    {
        var plot = new CompletionPlot("t", "s", null);
        plot.Add(new PlotSeries("whole", "", [new CompletionCurve([10, 20], 2, 20)]));
        plot.Add(new PlotSeries("half", "", [new CompletionCurve([10], 2, 20)]));
        var svg = XDocument.Parse(plot.Render()).Root!;
        string Path(string kind) => Paths(svg, kind).First().Attribute("d")!.Value;
        Assert.EndsWith("V98", Path("curve c0"), StringComparison.Ordinal);
        Assert.Matches(@"V258H\d", Path("curve c1"));
        Assert.Empty(Paths(svg, "bound"));
    }

    [Fact]
    public void More_series_than_colours_are_told_apart_by_dashes_and_fit_the_picture()
    {
        var svg = Draw([.. Enumerable.Range(0, 10).Select(i => $"v{i}")], 10).Root!;
        Assert.Contains(svg.Descendants(), element => element.Attribute("stroke-dasharray") is not null);
        var height = double.Parse(svg.Attribute("height")!.Value, CultureInfo.InvariantCulture);
        Assert.All(svg.Descendants().Where(element => element.Attribute("y") is not null), element => Assert.InRange((double)element.Attribute("y")!, 0, height));
    }

    [Fact]
    public void Nothing_complete_is_a_plot_as_well()
    {
        var plot = new CompletionPlot("t", "s", null);
        plot.Add(new PlotSeries("none", "", [new CompletionCurve([], 0, 0)]));
        Assert.DoesNotMatch(new Regex("NaN|∞|Infinity", RegexOptions.None, TimeSpan.FromSeconds(1)), plot.Render());
    }

    [Theory]
    [InlineData(0.05, "milliseconds", "10")]
    [InlineData(7, "seconds", "1")]
    [InlineData(95, "seconds", "20")]
    [InlineData(150, "minutes", "0.5")]
    [InlineData(7_000, "minutes", "20")]
    [InlineData(20_000, "hours", "1")]
    [InlineData(864_000, "days", "2")]
    public void An_axis_has_a_unit_that_people_would_take_and_round_ticks(double last, string unit, string second)
    {
        var axis = TimeAxis.For(last);
        Assert.Equal((unit, "0", second), (axis.Unit, axis.Ticks[0].Label, axis.Ticks[1].Label));
        Assert.InRange(axis.Ticks.Count, 4, 12);
        Assert.InRange(axis.EndSeconds, last, last * 1.1);
    }

    private static XDocument Draw(string[] labels, int peers) => XDocument.Parse(Text(labels, peers));

    private static string Text(string[] labels, int peers)
    {
        var plot = new CompletionPlot("A <b>ig \"crowd\" & more", "peers", new PlotBound(66.5, "lower bound 66.5 s"));
        foreach (var label in labels)
        {
            plot.Add(new PlotSeries(label, "all after 100 s", [new CompletionCurve([.. Enumerable.Range(1, peers).Select(i => 100.0 * i / peers)], peers, 100)]));
        }

        return plot.Render();
    }

    private static IEnumerable<XElement> Paths(XElement svg, string kind) =>
        svg.Descendants().Where(element => element.Name.LocalName == "path" && element.Attribute("class")?.Value == kind);
}
