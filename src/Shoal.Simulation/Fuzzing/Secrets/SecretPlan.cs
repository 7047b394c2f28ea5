using System.Diagnostics.CodeAnalysis;
using Shoal.Engine;
using Shoal.Protocol.Metadata;
using Shoal.Protocol.Secrets;

namespace Shoal.Simulation.Fuzzing.Secrets;

/// <summary>What somebody is sent who has a link: metadata, one after the other. Immutable.</summary>
internal sealed record SecretPlan
{
    /// <summary>The first of them: each has a chance of its own, so that one alone is the same.</summary>
    public int First { get; init; }

    /// <summary>How many.</summary>
    public int Count { get; init; }
}

/// <summary>A secret share to try.</summary>
internal sealed record SecretCase(ulong Seed, IReadOnlyList<int> Shrunk, SecretPlan Plan) : FuzzCase(Seed, Shrunk)
{
    public override FuzzWorld World => FuzzWorld.Secret;

    public override string Text => FuzzJson.Text(Plan, FuzzJson.Default.SecretPlan);

    internal override FuzzOutcome Run() => SecretRun.Run(this);

    internal override IEnumerable<FuzzCase> Smaller() =>
        SecretCases.Smaller(Plan).Select((plan, number) => this with { Shrunk = [.. Shrunk, number], Plan = plan });
}

/// <summary>Makes a case from a seed, and smaller ones of one. Whoever changes this changes what all seeds do.</summary>
internal static class SecretCases
{
    public static SecretCase Of(ulong seed) => new(seed, [], new SecretPlan { Count = 20 + new Prng(seed).Next(60) });

    public static IEnumerable<SecretPlan> Smaller(SecretPlan plan)
    {
        if (plan.Count > 1)
        {
            var half = plan.Count / 2;
            yield return plan with { Count = half };
            yield return plan with { First = plan.First + half, Count = plan.Count - half };
        }
    }
}

/// <summary>What became of it.</summary>
/// <param name="Case">The case.</param>
/// <param name="Failure">What went wrong, in one line; null if nothing did.</param>
/// <param name="EventHash">The hash of all events in their order.</param>
/// <param name="EventCount">How many there were.</param>
/// <param name="OpenedCount">Of how many the header was opened: those that were whole, or made wrong by who has the key and yet within the rules.</param>
internal sealed record SecretOutcome(FuzzCase Case, string? Failure, ulong EventHash, long EventCount, int OpenedCount)
    : FuzzOutcome(Case, Failure, EventHash, EventCount);

/// <summary>What opens a share with the key of a link; a test puts a bug in its place.</summary>
internal interface ISecretDoor
{
    bool TryOpen(Metainfo torrent, SecretKey key, [NotNullWhen(true)] out SecretShare? share, out string error);
}

/// <summary>The production code.</summary>
internal sealed class SecretDoor : ISecretDoor
{
    public bool TryOpen(Metainfo torrent, SecretKey key, [NotNullWhen(true)] out SecretShare? share, out string error) =>
        SecretShare.TryOpen(torrent, key, out share, out error, PathRules.None);
}
