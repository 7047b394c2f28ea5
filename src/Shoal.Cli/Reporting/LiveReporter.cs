using Spectre.Console;
using Spectre.Console.Rendering;

namespace Shoal.Cli.Reporting;

/// <summary>
/// A view that is drawn anew in place at the foot of the terminal, with lines for what happens above it. It begins with
/// the first progress and is wiped away at the end.
/// </summary>
internal sealed class LiveReporter : Reporter
{
    private const int MostPeersShown = 10;

    private readonly Lock _gate = new();
    private readonly IAnsiConsole _console;
    private readonly TaskCompletionSource _end = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private LiveDisplayContext? _live;
    private Task _view = Task.CompletedTask;

    public LiveReporter(TextWriter output) => _console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(output) });

    public override TimeSpan ProgressInterval => TimeSpan.FromMilliseconds(500);

    public override void Report(Event happened)
    {
        lock (_gate)
        {
            if (Draw(happened) is { } view)
            {
                Show(view);
            }
            else if (happened.ToLine() is { } line)
            {
                _console.Write(new Text(string.Join('\n', line.Split('\n').Select(Printable.Of)) + "\n") { Overflow = Overflow.Fold });
            }
        }
    }

    public override async ValueTask DisposeAsync()
    {
        _end.TrySetResult();
        await _view;
    }

    private void Show(IRenderable view)
    {
        if (_live is not null)
        {
            _live.UpdateTarget(view);
            return;
        }

        _view = _console.Live(view).AutoClear(true).Overflow(VerticalOverflow.Crop).StartAsync(context =>
        {
            // Runs at once, on this thread, up to the first wait.
            _live = context;
            context.Refresh();
            return _end.Task;
        });
    }

    private static Rows? Draw(Event happened) => happened switch
    {
        HashingEvent e => new Rows(Bar($"Hashing {e.Path}", Fraction.Of(e.Bytes, e.TotalBytes), $"of {Units.Size(e.TotalBytes)}")),
        CheckingEvent e => new Rows(Bar($"Checking {e.Path}", Fraction.Of(e.Bytes, e.TotalBytes), $"of {Units.Size(e.TotalBytes)}")),
        ProgressEvent { State: "metadata" } e => new Rows(Markup.FromInterpolated($"[yellow]Fetching metadata[/] {e.Name}  {e.PeerCount} peers")),
        ProgressEvent e when e.Peers is { Count: > 0 } => new Rows(Progress(e), PeerTable(e.Peers)),
        ProgressEvent e => new Rows(Progress(e)),
        _ => null,
    };

    private static Markup Progress(ProgressEvent e)
    {
        var rates = $"↓ {Units.Rate(e.DownloadRateBytesPerSecond)}  ↑ {Units.Rate(e.UploadRateBytesPerSecond)}  " +
            $"{e.PeerCount} peer{(e.PeerCount == 1 ? "" : "s")}";
        return e.State == "seeding"
            ? Markup.FromInterpolated($"[green]Seeding[/] {Printable.Of(e.Name)}  {rates}  sent {Units.Size(e.UploadedBytes)}  ratio {e.Ratio:F2}")
            : Bar(
                e.State == "downloading" ? e.Name : $"{e.Name} ({e.State})", Fraction.Of(e.Bytes, e.TotalBytes),
                $"of {Units.Size(e.TotalBytes)}  {rates}  ETA {Units.Time(e.EtaSeconds is { } eta ? TimeSpan.FromSeconds(eta) : null)}");
    }

    private static Markup Bar(string what, double fraction, string rest)
    {
        const int Width = 24;
        var full = (int)(fraction * Width);
        return Markup.FromInterpolated(
            $"{Printable.Of(what)} [green]{new string('━', full)}[/][grey]{new string('━', Width - full)}[/] {Units.Percent(fraction)} {rest}");
    }

    private static Table PeerTable(IReadOnlyList<PeerRow> peers)
    {
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

        return table;
    }
}
