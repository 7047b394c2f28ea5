using System.Globalization;
using Shoal.Simulation.Results;

namespace Shoal.Cli.Reporting;

/// <summary>Results of simulations as people read them: lines of plain text, none with a blank at its end.</summary>
internal static class SimulationText
{
    private const int MostLinks = 6;

    /// <summary>A virtual time: "431 ms", "95.2 s", "12 min 3 s", "5 h 20 min"; "–" if there is none.</summary>
    public static string Time(double? seconds) => seconds switch
    {
        null => "–",
        0 => "0 s",
        < 0.9995 => Say($"{seconds * 1000:0} ms"),
        < 9.995 => Say($"{seconds:F2} s"),
        < 119.95 => Say($"{seconds:F1} s"),
        < 7199.5 => Say($"{(long)Math.Round(seconds.Value) / 60} min {(long)Math.Round(seconds.Value) % 60} s"),
        _ => Say($"{(long)Math.Round(seconds.Value / 60) / 60} h {(long)Math.Round(seconds.Value / 60) % 60} min"),
    };

    /// <summary>A share: "4.5 %"; "–" if there is none.</summary>
    public static string Share(double? share) => share is null ? "–" : Say($"{share * 100:0.0} %");

    /// <summary>Columns, each as wide as its widest cell; the first stands left, all others right.</summary>
    public static string Columns(IReadOnlyList<string[]> rows)
    {
        var widths = Enumerable.Range(0, rows.Max(row => row.Length)).Select(i => rows.Max(row => i < row.Length ? row[i].Length : 0)).ToArray();
        return string.Join('\n', rows.Select(row => string.Join("   ", row.Select((cell, i) => i == 0 ? cell.PadRight(widths[i]) : cell.PadLeft(widths[i]))).TrimEnd()));
    }

    /// <summary>One run, all that there is to say.</summary>
    public static string Report(RunSummary run, bool isBrokenOff)
    {
        var pieces = (run.ContentBytes + run.PieceLength - 1) / run.PieceLength;
        List<string> lines =
        [
            Say($"{run.Name}: {run.ExpectedCount:N0} leechers, {Units.Size(run.ContentBytes)} in {pieces:N0} pieces of {Units.Size(run.PieceLength)}, policy {run.Policy}{(run.Job is null ? "" : " of a job")}, seed {run.Seed}"),
            End(run, isBrokenOff),
            "",
            Columns([["Time from joining", "least", "median", "90 %", "99 %", "most"],
                ["", Time(run.Download.P0), Time(run.Download.P50), Time(run.Download.P90), Time(run.Download.P99), Time(run.Download.P100)]]),
            "",
        ];
        if (run.Bound is { } bound)
        {
            lines.Add($"Lower bound   {Time(bound.Seconds)} ({bound.Reason}){(run.BoundRatio is { } ratio ? Say($"; the result is {ratio:F2} times it") : "")}");
        }

        lines.Add(Say($"Uploads       {Units.Size(run.UploadedBytes)}, {Share(run.SeederShare)} of it by seeders; Jain's index of leechers' {Figure(run.Fairness)}"));
        lines.Add($"Wasted        {Units.Size(run.WastedBytes)}, {Share(run.DownloadedBytes > 0 ? (double)run.WastedBytes / run.DownloadedBytes : null)} of what was downloaded");
        lines.Add(Say($"Tracker       {run.AnnounceCount:N0} {(run.Job is null ? "announces" : "messages to rank 0")}, {run.AnnouncesPerSecond:N1} a second, {run.PeakAnnouncesPerSecond:N0} in the busiest"));
        lines.Add(Say($"Events        {run.EventCount:N0}, hash {run.EventHash}"));
        lines.Add("");
        lines.Add(Classes(run));
        if (run.SharedLinks.Count > 0)
        {
            lines.Add("");
            lines.Add(Links(run));
        }

        return string.Join('\n', lines);
    }

    /// <summary>Many runs, a line for each.</summary>
    public static string Table(IReadOnlyList<SimulationEvent> runs)
    {
        List<string[]> rows = [["", "seed", "complete", "median", "last", "× bound", "seeders", "Jain", "wasted"]];
        rows.AddRange(runs.Select(one => (string[])
        [
            one.Label + (one.IsBrokenOff ? " (broken off)" : ""), Say($"{one.Run.Seed}"), Say($"{one.Run.CompletedCount}/{one.Run.ExpectedCount}"),
            Time(one.Run.Download.P50), Time(one.Run.LastCompletedSeconds), one.Run.BoundRatio is { } ratio ? Say($"{ratio:F2}") : "–",
            Share(one.Run.SeederShare), Figure(one.Run.Fairness), Units.Size(one.Run.WastedBytes),
        ]));
        return Columns(rows);
    }

    private static string End(RunSummary run, bool isBrokenOff) =>
        isBrokenOff ? Say($"Broken off at {Time(run.EndedSeconds)}: {run.CompletedCount:N0} of {run.ExpectedCount:N0} leechers were complete")
        : run.LastCompletedSeconds is null ? Say($"NOT COMPLETE: {run.CompletedCount:N0} of {run.ExpectedCount:N0} leechers after {Time(run.EndedSeconds)}")
        : $"All complete after {Time(run.LastCompletedSeconds)}";

    private static string Classes(RunSummary run)
    {
        List<string[]> rows = [["Class", "peers", "complete", "median", "uploaded", "downloaded", "wasted"]];
        rows.AddRange(run.Classes.Select(one => (string[])
        [
            one.Name, Say($"{one.Count:N0}"), Say($"{one.CompletedCount:N0}"), Time(one.MedianSeconds),
            Units.Size(one.UploadedBytes), Units.Size(one.DownloadedBytes), Units.Size(one.WastedBytes),
        ]));
        return Columns(rows);
    }

    private static string Links(RunSummary run)
    {
        var busiest = run.SharedLinks.OrderByDescending(link => link.Use).ThenBy(link => link.Name, StringComparer.Ordinal).Take(MostLinks).ToList();
        var rest = run.SharedLinks.Count - busiest.Count;
        List<string[]> rows = [["Shared link", "rate", "carried", "use"]];
        rows.AddRange(busiest.Select(link => (string[])[link.Name, Units.Rate(link.BytesPerSecond), Units.Size(link.CarriedBytes), Share(link.Use)]));
        return Columns(rows) + (rest > 0 ? $"\n… and {rest} less busy" : "");
    }

    private static string Figure(double? figure) => figure is { } value ? Say($"{value:F3}") : "–";

    internal static string Say(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
