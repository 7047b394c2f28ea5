using System.Text;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Shoal.Cli.Reporting;

/// <summary>
/// A view that is drawn anew in place at the foot of the terminal, with lines for what happens above it, as long as they
/// are: the terminal breaks them on the screen, and a copied link stays whole. Invariant: outside of
/// <see cref="Report"/> the cursor stands at the start of the line below the view.
/// </summary>
/// <param name="output">The terminal, or what leads to it.</param>
/// <param name="widthOf">How many columns it has; null to ask the process's own.</param>
internal sealed class LiveReporter(TextWriter output, Func<int>? widthOf = null) : Reporter
{
    private const int MostPeersShown = 10;
    private const int MostTrackersShown = 5;
    private const int DefaultWidth = 80;

    private readonly Lock _gate = new();
    private string[] _view = [];

    public override TimeSpan ProgressInterval => TimeSpan.FromMilliseconds(500);

    public override bool ShowsPeers => true;

    public override void Report(Event happened)
    {
        lock (_gate)
        {
            if (Draw(happened) is { } view)
            {
                Show([], Lay(view));
            }
            else if (happened.ToLine() is { } line)
            {
                Show(line.Split('\n'), happened is StoppedEvent ? [] : _view);
            }
        }
    }

    public override void Pass(string line, bool isError)
    {
        lock (_gate)
        {
            Show([line], _view);
        }
    }

    public override ValueTask DisposeAsync()
    {
        lock (_gate)
        {
            Show([], []);
        }

        return ValueTask.CompletedTask;
    }

    // One write, so that the terminal has no half of it to show.
    private void Show(string[] lines, string[] view)
    {
        var text = new StringBuilder();
        if (_view.Length > 0)
        {
            text.Append("\r\u001b[").Append(_view.Length).Append("A\u001b[J"); // up to the view's first line (a ^C may stand in the way), and wipe from there
        }

        foreach (var line in lines)
        {
            text.Append(Printable.Of(line)).Append('\n');
        }

        foreach (var line in view)
        {
            text.Append(line).Append('\n');
        }

        _view = view;
        output.Write(text.ToString());
    }

    /// <summary>The lines of the view, none wider than the terminal.</summary>
    private string[] Lay(IRenderable view)
    {
        using var laid = new StringWriter();
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(laid),
            Ansi = AnsiSupport.Yes,
            ColorSystem = Environment.GetEnvironmentVariable("NO_COLOR") is { Length: > 0 } ? ColorSystemSupport.NoColors : ColorSystemSupport.Standard,
        });
        var width = widthOf?.Invoke() ?? Console.WindowWidth;
        console.Profile.Width = (width > 0 ? width : DefaultWidth) - 1;
        console.Write(view);
        return laid.ToString().TrimEnd('\n').Split('\n');
    }

    private static Rows? Draw(Event happened) => happened switch
    {
        HashingEvent e => new Rows(Bar($"Hashing {e.Path}", Fraction.Of(e.Bytes, e.TotalBytes), $"of {Units.Size(e.TotalBytes)}")),
        CheckingEvent e => new Rows(Bar($"Checking {e.Path}", Fraction.Of(e.Bytes, e.TotalBytes), $"of {Units.Size(e.TotalBytes)}")),
        CopyProgressEvent e => new Rows(Bar("Copying", Fraction.Of(e.Bytes, e.TotalBytes), $"of {Units.Size(e.TotalBytes)}"), Markup.FromInterpolated($"{Printable.Of(e.Rest)}")),
        FuzzProgressEvent e => new Rows(Bar("Fuzzing", e.Fraction, ""), Markup.FromInterpolated($"{e.Rest}")),
        SimulationProgressEvent e => new Rows(Bar(e.What, e.Fraction, ""), Markup.FromInterpolated($"{e.Rest}")),
        FetchingEvent { Versions: [] } => new Rows(Markup.FromInterpolated($"[grey]All that there is is here, and seeded[/]")),
        FetchingEvent e => new Rows([.. e.Versions.Take(MostPeersShown).Select(one => Bar(one.What, Fraction.Of(one.Bytes, one.TotalBytes), one.Rest))]),
        ProgressEvent e => new Rows([Progress(e), .. PeerTable(e.Peers ?? []), .. TrackerTable(e.Trackers ?? [])]),
        _ => null,
    };

    private static Markup Progress(ProgressEvent e)
    {
        if (e.State == "metadata")
        {
            return Markup.FromInterpolated($"[yellow]Fetching metadata[/] {Printable.Of(e.Name)}  {Units.Count(e.PeerCount, "peer")}");
        }

        var rates = $"↓ {Units.Rate(e.DownloadRateBytesPerSecond)}  ↑ {Units.Rate(e.UploadRateBytesPerSecond)}  " +
            Units.Count(e.PeerCount, "peer");
        var lost = e.LostPieces == 0 ? "" : $"  {LostEvent.Of(e.LostPieces, e.PieceCount)}";
        return e.State == "seeding"
            ? Markup.FromInterpolated(
                $"[green]Seeding[/] {Printable.Of(e.Name)}  {rates}  sent {Units.Size(e.UploadedBytes)}  ratio {e.Ratio:F2}[yellow]{lost}[/]")
            : Bar(
                e.State == "downloading" ? e.Name : $"{e.Name} ({State(e)})", Fraction.Of(e.Bytes, e.TotalBytes),
                $"of {Units.Size(e.TotalBytes)}  {rates}  ETA {Units.Time(e.EtaSeconds is { } eta ? TimeSpan.FromSeconds(eta) : null)}");
    }

    private static string State(ProgressEvent e) => e.State == "waiting" ? $"waiting for {(e.PeerCount == 0 ? "peers" : "a seeder: nobody here has the rest")}" : e.State;

    private static Markup Bar(string what, double fraction, string rest)
    {
        const int Width = 24;
        var full = (int)(fraction * Width);
        return Markup.FromInterpolated(
            $"{Printable.Of(what)} [green]{new string('━', full)}[/][grey]{new string('─', Width - full)}[/] {Units.Percent(fraction)} {rest}");
    }

    private static IEnumerable<Table> PeerTable(IReadOnlyList<PeerRow> peers)
    {
        if (peers.Count == 0)
        {
            yield break;
        }

        var table = new Table().Border(TableBorder.None).AddColumns("[grey]Peer[/]", "[grey]Client[/]", "[grey]Has[/]", "[grey]Down[/]", "[grey]Up[/]");
        foreach (var peer in peers.OrderByDescending(p => p.DownloadRateBytesPerSecond + p.UploadRateBytesPerSecond).Take(MostPeersShown))
        {
            table.AddRow(
                new Text(peer.Address), new Text(Printable.Of(peer.Client)), new Text(Units.Percent(peer.Fraction)),
                new Text(Units.Rate(peer.DownloadRateBytesPerSecond)), new Text(Units.Rate(peer.UploadRateBytesPerSecond)));
        }

        if (peers.Count > MostPeersShown)
        {
            table.AddRow(new Text($"… and {peers.Count - MostPeersShown} more"));
        }

        yield return table;
    }

    private static IEnumerable<Table> TrackerTable(IReadOnlyList<TrackerRow> trackers)
    {
        if (trackers.Count == 0)
        {
            yield break;
        }

        var table = new Table().Border(TableBorder.None)
            .AddColumns("[grey]Tracker[/]", "[grey]Seeders[/]", "[grey]Leechers[/]", "[grey]Answered[/]", "[grey]Next[/]");
        foreach (var tracker in trackers.Take(MostTrackersShown))
        {
            table.AddRow(
                new Text(Printable.Of(tracker.Url)), new Text($"{tracker.Seeders}"), new Text($"{tracker.Leechers}"),
                new Text(tracker.Error is not null ? "failed" : tracker.SecondsSinceAnswer is { } ago ? $"{Units.Time(TimeSpan.FromSeconds(ago))} ago" : ""),
                new Text(tracker.SecondsUntilNext is { } next ? $"in {Units.Time(TimeSpan.FromSeconds(next))}" : ""));
        }

        if (trackers.Count > MostTrackersShown)
        {
            table.AddRow(new Text($"… and {trackers.Count - MostTrackersShown} more"));
        }

        yield return table;
    }
}
