using System.Text;

namespace Shoal.Mpi.Copying;

/// <summary>How a copy ended, on every rank the same.</summary>
/// <param name="FileCount">Files to copy.</param>
/// <param name="TotalBytes">Their bytes.</param>
/// <param name="MovedBytes">Bytes of the files that some rank lacked.</param>
/// <param name="ReaderCount">Ranks that read the sources.</param>
/// <param name="Ranks">What became of each copy.</param>
/// <param name="Warnings">What was left out; on the first rank only.</param>
/// <param name="Seconds">How long it took.</param>
public sealed record CopyReport(
    int FileCount, long TotalBytes, long MovedBytes, int ReaderCount, IReadOnlyList<RankResult> Ranks, IReadOnlyList<string> Warnings, double Seconds)
{
    /// <summary>Whether every copy is whole.</summary>
    public bool IsComplete => Ranks.All(rank => rank.State == RankState.Done);

    /// <summary>Whether somebody ended it.</summary>
    public bool IsInterrupted => Ranks.Any(rank => rank.State == RankState.Interrupted);
}

/// <summary>Copies files and folders from the ranks that can read them to every node, or to every rank.</summary>
public static class CopyJob
{
    /// <summary>
    /// Runs the copy. All ranks must call, each on the thread that made the world. <paramref name="show"/> gets progress, on the first rank only.
    /// </summary>
    /// <exception cref="CopyException">On all ranks alike: nothing could be copied.</exception>
    public static CopyReport Run(MpiWorld world, CopyOptions options, Action<CopyProgress>? show = null, CancellationToken stop = default)
    {
        ArgumentNullException.ThrowIfNull(world);
        ArgumentNullException.ThrowIfNull(options);
        var clock = System.Diagnostics.Stopwatch.StartNew();
        using var plan = CopyPlan.Make(world, options);
        var nodes = world.Gather(Encoding.UTF8.GetBytes(world.NodeName)).Select(Encoding.UTF8.GetString).ToArray();
        using var rank = new CopyRank(world, plan, options, nodes, show, stop);
        var results = world.Gather(rank.Run().Encode());
        var files = plan.Manifest.Entries.Where(entry => entry.Kind == EntryKind.File).ToList();
        return new CopyReport(
            files.Count, files.Sum(file => file.Length), plan.Layout.TotalLength, plan.Readers.Count,
            [.. plan.Participants.Select(participant => RankResult.Decode(participant, results[participant]))],
            plan.Warnings, clock.Elapsed.TotalSeconds);
    }
}
