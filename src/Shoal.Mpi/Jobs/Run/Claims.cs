using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using Shoal.Mpi.Jobs.Files;

namespace Shoal.Mpi.Jobs.Run;

/// <summary>What one rank says of its input before the job begins.</summary>
/// <param name="Failure">What is wrong with it.</param>
/// <param name="Problem">The line that says so; null if nothing is.</param>
/// <param name="Warnings">What is odd about it.</param>
/// <param name="Owned">The files it owns.</param>
/// <param name="WantedCount">How many files it wants.</param>
internal sealed record Claim(JobFailure Failure, string? Problem, IReadOnlyList<string> Warnings, IReadOnlyList<OwnedClaim> Owned, int WantedCount);

/// <summary>A file that a rank says it owns: where it says so, and what tells it from another of the same name.</summary>
internal sealed record OwnedClaim(string Name, string Place, int SegmentCount, long Length, string Digest)
{
    public static OwnedClaim Of(JobInput input, OwnedFile file, SegmentHashes hashes, long length) => new(
        file.Name, $"{input.Path}:{file.Line}", hashes.Count, length, Convert.ToHexStringLower(SHA256.HashData(hashes.Records.Span)));
}

/// <summary>How claims become JSON.</summary>
[JsonSerializable(typeof(Claim))]
[JsonSerializable(typeof(RankReport))]
internal sealed partial class JobContext : JsonSerializerContext;

/// <summary>
/// What all ranks find out together before anything is transferred: each tells what its input says, so that all come to
/// the same verdict and none goes on alone.
/// </summary>
internal sealed record Verdict(JobFailure Failure, IReadOnlyList<string> Problems, IReadOnlyList<string> Warnings, int WantedCount)
{
    /// <summary>Exchanges the claims of all ranks. All must call.</summary>
    public static Verdict Reach(MpiWorld world, Claim mine) => Of(
        [.. world.Gather(JsonSerializer.SerializeToUtf8Bytes(mine, JobContext.Default.Claim))
            .Select(bytes => JsonSerializer.Deserialize(bytes, JobContext.Default.Claim)!)]);

    /// <summary>The verdict on the claims, in order of ranks.</summary>
    public static Verdict Of(IReadOnlyList<Claim> claims)
    {
        var problems = claims.Select(claim => claim.Problem).OfType<string>().Concat(Conflicts(claims)).ToArray();
        var worst = claims.Max(claim => claim.Failure);
        return new Verdict(
            problems.Length > 0 && worst == JobFailure.None ? JobFailure.Input : worst,
            problems,
            [.. claims.SelectMany(claim => claim.Warnings)],
            claims.Sum(claim => claim.WantedCount));
    }

    // Each against the first who owns it: one line for each owner who differs.
    private static IEnumerable<string> Conflicts(IReadOnlyList<Claim> claims)
    {
        var first = new Dictionary<string, (int Rank, OwnedClaim Claim)>(StringComparer.Ordinal);
        for (var rank = 0; rank < claims.Count; rank++)
        {
            foreach (var mine in claims[rank].Owned)
            {
                if (first.TryAdd(mine.Name, (rank, mine)) || Difference(first[mine.Name].Claim, mine) is not { } difference)
                {
                    continue;
                }

                var (other, theirs) = first[mine.Name];
                yield return $"'{mine.Name}' of rank {other} ({theirs.Place}) and of rank {rank} ({mine.Place}) are different files: {difference}";
            }
        }
    }

    private static string? Difference(OwnedClaim one, OwnedClaim other) =>
        one.SegmentCount != other.SegmentCount ? $"{one.SegmentCount} and {other.SegmentCount} segments"
        : one.Length != other.Length ? $"{one.Length} and {other.Length} bytes"
        : one.Digest != other.Digest ? "their hashes differ"
        : null;
}
