using Shoal.Simulation.Faults;
using Shoal.Simulation.Scenarios;

namespace Shoal.Simulation.Fuzzing;

/// <summary>One thing to try: a scenario, and what goes wrong beside its faults.</summary>
/// <param name="Seed">The seed it was made from.</param>
/// <param name="Shrunk">Which way it was shrunk since: a number for each step (see <see cref="Shrinking"/>).</param>
/// <param name="Scenario">What is run; its limit is set by <see cref="Liveness"/>.</param>
/// <param name="Adversity">What goes wrong by chance.</param>
public sealed record FuzzCase(ulong Seed, IReadOnlyList<int> Shrunk, Scenario Scenario, Adversity Adversity)
{
    /// <summary>What follows `shoal simulate --fuzz` to run it again.</summary>
    public string Arguments => Shrunk.Count == 0 ? $"--seed {Seed}" : $"--seed {Seed} --shrunk {string.Join('.', Shrunk)}";
}

/// <summary>What became of a case.</summary>
/// <param name="Case">The case.</param>
/// <param name="Failure">What went wrong, in one line; null if nothing did.</param>
/// <param name="EventHash">The hash of all events in their order.</param>
/// <param name="EventCount">How many events there were.</param>
/// <param name="Quiet">From when on nothing more went wrong (see <see cref="Liveness"/>).</param>
/// <param name="Bound">Within which time of that all were to complete.</param>
/// <param name="CompletedAt">When the last of those who were to complete had; null if one had not.</param>
public sealed record FuzzOutcome(
    FuzzCase Case, string? Failure, ulong EventHash, long EventCount, TimeSpan Quiet, TimeSpan Bound, TimeSpan? CompletedAt);
