using Shoal.Mpi.Jobs.Files;

namespace Shoal.Mpi.Jobs.Run;

/// <summary>What one rank did in a job.</summary>
/// <param name="Rank">Which rank.</param>
/// <param name="Owned">Files that it owned.</param>
/// <param name="Wanted">Files that it wanted.</param>
/// <param name="Got">Wanted files that it has at the end.</param>
/// <param name="Uploaded">Segments that it sent.</param>
/// <param name="Downloaded">Segments that it got, verified.</param>
/// <param name="Requests">Requests that it sent.</param>
/// <param name="Nacks">Requests of others that it refused.</param>
/// <param name="Messages">Messages that it sent, by the name of their tag.</param>
/// <param name="Failure">How it went.</param>
/// <param name="Problems">What went wrong, a line each.</param>
public sealed record RankReport(
    int Rank, int Owned, int Wanted, int Got, long Uploaded, long Downloaded, long Requests, long Nacks,
    IReadOnlyDictionary<string, MessageTotal> Messages, JobFailure Failure, IReadOnlyList<string> Problems);

/// <summary>So many messages, and bytes of them.</summary>
public sealed record MessageTotal(long Count, long Bytes);

/// <summary>What all ranks did in a job. Ranks are in order, the tracker, which is rank 0, first.</summary>
public sealed record RunReport
{
    /// <summary>Which MPI it ran under, in its own words.</summary>
    public required string Library { get; init; }

    /// <summary>The policy that balanced the load.</summary>
    public required string Balance { get; init; }

    /// <summary>From the registration of the first peer to the end of the last.</summary>
    public required double MakespanSeconds { get; init; }

    /// <summary>What each rank did.</summary>
    public required IReadOnlyList<RankReport> Ranks { get; init; }

    /// <summary>
    /// Jain's fairness index of the peers' uploads: 1 if all upload the same, 1/n if one of n uploads everything.
    /// (R. Jain, D. Chiu, W. Hawe: A Quantitative Measure of Fairness, DEC-TR-301, 1984.)
    /// </summary>
    public double Fairness => JainIndex([.. Peers.Select(peer => peer.Uploaded)]);

    /// <summary>The most that a peer uploaded by what each did in the mean; 1 if all upload the same.</summary>
    public double MaximumOverMean =>
        Peers.Sum(peer => peer.Uploaded) is > 0 and var sum ? Peers.Max(peer => peer.Uploaded) * (double)Peers.Count() / sum : 1;

    /// <summary>Messages of all ranks, by the name of their tag.</summary>
    public IReadOnlyDictionary<string, MessageTotal> Messages => new SortedDictionary<string, MessageTotal>(
        Ranks.SelectMany(rank => rank.Messages).GroupBy(entry => entry.Key, StringComparer.Ordinal).ToDictionary(
            group => group.Key,
            group => new MessageTotal(group.Sum(entry => entry.Value.Count), group.Sum(entry => entry.Value.Bytes)),
            StringComparer.Ordinal),
        StringComparer.Ordinal);

    private IEnumerable<RankReport> Peers => Ranks.Skip(1);

    /// <summary>(Σx)² / (n Σx²); 1 for none, or zeros only.</summary>
    public static double JainIndex(IReadOnlyCollection<long> values)
    {
        ArgumentNullException.ThrowIfNull(values);
        var squares = values.Sum(value => (double)value * value);
        var sum = values.Sum(value => (double)value);
        return squares == 0 ? 1 : sum * sum / (values.Count * squares);
    }
}
