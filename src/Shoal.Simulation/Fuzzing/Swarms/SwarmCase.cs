using Shoal.Simulation.Faults;
using Shoal.Simulation.Scenarios;

namespace Shoal.Simulation.Fuzzing.Swarms;

/// <summary>A swarm to try: a scenario, and what goes wrong beside its faults.</summary>
/// <param name="Seed">The seed it was made from.</param>
/// <param name="Shrunk">Which way it was shrunk since.</param>
/// <param name="Scenario">What is run; its limit is set by <see cref="Liveness"/>.</param>
/// <param name="Adversity">What goes wrong by chance.</param>
public sealed record SwarmCase(ulong Seed, IReadOnlyList<int> Shrunk, Scenario Scenario, Adversity Adversity) : FuzzCase(Seed, Shrunk)
{
    /// <inheritdoc/>
    public override FuzzWorld World => FuzzWorld.Swarm;

    /// <inheritdoc/>
    public override string Text => SwarmText.Of(this);

    internal override FuzzOutcome Run() => SwarmRun.Run(this);

    internal override IEnumerable<FuzzCase> Smaller() => SwarmShrinking.Smaller(this);
}

/// <summary>What became of a swarm.</summary>
/// <param name="Case">The case.</param>
/// <param name="Failure">What went wrong, in one line; null if nothing did.</param>
/// <param name="EventHash">The hash of all events in their order.</param>
/// <param name="EventCount">How many events there were.</param>
/// <param name="Quiet">From when on nothing more went wrong (see <see cref="Liveness"/>).</param>
/// <param name="Bound">Within which time of that all were to complete.</param>
/// <param name="CompletedAt">When the last of those who were to complete had; null if one had not.</param>
public sealed record SwarmOutcome(
    FuzzCase Case, string? Failure, ulong EventHash, long EventCount, TimeSpan Quiet, TimeSpan Bound, TimeSpan? CompletedAt)
    : FuzzOutcome(Case, Failure, EventHash, EventCount);
