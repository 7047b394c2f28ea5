using System.Globalization;
using System.Text;
using Shoal.Mpi.Jobs.Run;

namespace Shoal.Cli.Reporting;

/// <summary>What the ranks of a job did.</summary>
internal sealed record MpiRunEvent(
    string Library, string Balance, double MakespanSeconds, double Fairness, double MaximumOverMean,
    IReadOnlyList<MpiRankRow> Ranks, IReadOnlyDictionary<string, MessageTotal> Messages) : Event
{
    private static readonly string[] Heads = ["rank", "owns", "wants", "got", "uploaded", "downloaded", "requests", "NACKs"];

    public static MpiRunEvent Of(RunReport report) => new(
        report.Library, report.Balance, Math.Round(report.MakespanSeconds, 6), Math.Round(report.Fairness, 4), Math.Round(report.MaximumOverMean, 4),
        [.. report.Ranks.Skip(1).Select(rank => new MpiRankRow(
            rank.Rank, rank.Owned, rank.Wanted, rank.Got, rank.Uploaded, rank.Downloaded, rank.Requests, rank.Nacks))],
        report.Messages);

    public override string ToLine()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{Library}, {Ranks.Count + 1} ranks, balance {Balance}\n");
        text.AppendJoin("  ", Heads).Append('\n');
        foreach (var row in Ranks)
        {
            long[] cells = [row.Rank, row.Owned, row.Wanted, row.Got, row.UploadedSegments, row.DownloadedSegments, row.Requests, row.Nacks];
            text.AppendJoin("  ", cells.Select((cell, i) => cell.ToString(CultureInfo.InvariantCulture).PadLeft(Heads[i].Length))).Append('\n');
        }

        text.Append(CultureInfo.InvariantCulture, $"Makespan {MakespanSeconds:F3} s; uploads: Jain's index {Fairness:F3}, max/mean {MaximumOverMean:F2}\n");
        return text.Append("Messages: ").AppendJoin(", ", Messages.Select(entry => $"{entry.Key} {entry.Value.Count} ({Units.Size(entry.Value.Bytes)})")).ToString();
    }
}

/// <summary>What one rank did: files, and segments.</summary>
internal sealed record MpiRankRow(
    int Rank, int Owned, int Wanted, int Got, long UploadedSegments, long DownloadedSegments, long Requests, long Nacks);
