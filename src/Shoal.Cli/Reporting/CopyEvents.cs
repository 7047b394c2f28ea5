using System.Text.Json.Serialization;
using Shoal.Mpi.Copying;

namespace Shoal.Cli.Reporting;

/// <summary>How far a copy to many nodes is.</summary>
internal sealed record CopyProgressEvent(
    long Bytes, long TotalBytes, int Copies, int DoneCopies, int FailedCopies, string SlowestNode, int SlowestRank, double SlowestFraction,
    string FastestNode, int FastestRank, double FastestFraction, double? EtaSeconds) : Event
{
    public static CopyProgressEvent Of(CopyProgress progress) => new(
        progress.Bytes, progress.TotalBytes, progress.CopyCount, progress.DoneCount, progress.FailedCount,
        progress.Slowest.Node, progress.Slowest.Rank, progress.Slowest.Fraction,
        progress.Fastest.Node, progress.Fastest.Rank, progress.Fastest.Fraction, progress.EtaSeconds);

    public override string ToLine() => $"Copying: {Units.Percent(Fraction.Of(Bytes, TotalBytes))} of {Units.Size(TotalBytes)}  {Rest}";

    /// <summary>What stands below the bar.</summary>
    [JsonIgnore]
    public string Rest => $"{DoneCopies} of {Copies} done{(FailedCopies > 0 ? $", {FailedCopies} failed" : "")}  " +
        $"slowest {SlowestNode} rank {SlowestRank} {Units.Percent(SlowestFraction)}  fastest {FastestNode} rank {FastestRank} {Units.Percent(FastestFraction)}  " +
        $"ETA {Units.Time(EtaSeconds is { } eta ? TimeSpan.FromSeconds(eta) : null)}";
}

/// <summary>A rank whose copy is not whole.</summary>
internal sealed record CopyLackEvent(int Rank, string Node, string Reason, int MissingFiles, IReadOnlyList<string> FirstMissing) : Event
{
    public override string ToLine() => $"rank {Rank} ({Node}) lacks {Units.Count(MissingFiles, "file")} " +
        $"({string.Join(", ", FirstMissing)}{(MissingFiles > FirstMissing.Count ? ", …" : "")}): {Reason}";
}

/// <summary>One copy, in the end.</summary>
internal sealed record CopyRow(int Rank, string Node, string State, string? Reason, int MissingFiles, long FetchedBytes, long ReadBytes, double Seconds);

/// <summary>The copy is over.</summary>
internal sealed record CopiedEvent(
    int Files, long TotalBytes, long MovedBytes, int Readers, int Copies, int DoneCopies, double Seconds, IReadOnlyList<CopyRow> Ranks) : Event
{
    public static CopiedEvent Of(CopyReport report) => new(
        report.FileCount, report.TotalBytes, report.MovedBytes, report.ReaderCount, report.Ranks.Count,
        report.Ranks.Count(rank => rank.State == RankState.Done), report.Seconds,
        [.. report.Ranks.Select(rank => new CopyRow(
            rank.Rank, rank.Node, rank.State == RankState.Done ? "done" : rank.State == RankState.Interrupted ? "interrupted" : "failed",
            rank.Reason.Length == 0 ? null : rank.Reason, rank.MissingCount, rank.FetchedBytes, rank.ReadBytes, rank.Seconds))]);

    public override string ToLine()
    {
        var all = $"{Units.Count(Files, "file")}, {Units.Size(TotalBytes)}, in {Seconds:F1} s: {DoneCopies} of {Copies} cop{(Copies == 1 ? "y" : "ies")} whole";
        return MovedBytes == 0 && DoneCopies == Copies ? $"{all}; all was there already"
            : $"{all}; {Units.Size(Ranks.Sum(rank => rank.ReadBytes))} read by {Units.Count(Readers, "rank")}, {Units.Size(Ranks.Sum(rank => rank.FetchedBytes))} fetched from others";
    }
}
