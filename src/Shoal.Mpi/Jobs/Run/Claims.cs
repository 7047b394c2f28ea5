using System.Text.Json;
using System.Text.Json.Serialization;
using Shoal.Mpi.Jobs.Files;

namespace Shoal.Mpi.Jobs.Run;

/// <summary>What one rank says of its input before the job begins.</summary>
/// <param name="Failure">What is wrong with it.</param>
/// <param name="Problem">The line that says so; null if nothing is.</param>
/// <param name="Warnings">What is odd about it.</param>
/// <param name="WantedCount">How many files it wants.</param>
internal sealed record Claim(JobFailure Failure, string? Problem, IReadOnlyList<string> Warnings, int WantedCount);

/// <summary>How claims and reports become JSON.</summary>
[JsonSerializable(typeof(Claim))]
[JsonSerializable(typeof(RankReport))]
internal sealed partial class JobContext : JsonSerializerContext;

/// <summary>
/// What all ranks find out together before the job begins: each tells what its input says, so that all come to the same
/// verdict and none goes on alone. Whether what they say agrees is for the tracker to decide, when they register.
/// </summary>
internal sealed record Verdict(JobFailure Failure, IReadOnlyList<string> Problems, IReadOnlyList<string> Warnings, int WantedCount)
{
    /// <summary>Exchanges the claims of all ranks. All must call.</summary>
    public static Verdict Reach(MpiWorld world, Claim mine)
    {
        var claims = world.Gather(JsonSerializer.SerializeToUtf8Bytes(mine, JobContext.Default.Claim))
            .Select(bytes => JsonSerializer.Deserialize(bytes, JobContext.Default.Claim)!).ToArray();
        return new Verdict(
            claims.Max(claim => claim.Failure),
            [.. claims.Select(claim => claim.Problem).OfType<string>()],
            [.. claims.SelectMany(claim => claim.Warnings)],
            claims.Sum(claim => claim.WantedCount));
    }
}
