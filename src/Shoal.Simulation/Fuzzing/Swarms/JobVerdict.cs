using Shoal.Engine;
using Shoal.Simulation.Peers;
using Shoal.Simulation.Scenarios;

namespace Shoal.Simulation.Fuzzing.Swarms;

/// <summary>
/// What is to come of a job: it ends in time; every rank has the file, or the tracker's last word names it and why, and that did happen:
/// a disk that was full. Whoever cannot read what it had is named too, and only such ones.
/// </summary>
internal static class JobVerdict
{
    /// <summary>What is wrong; null if nothing is.</summary>
    public static string? Of(SwarmCase fuzzCase, World world)
    {
        if (!world.Job!.IsOver)
        {
            return $"ranks {string.Join(", ", world.Peers.Where(peer => peer.IsRunning).Select(peer => peer.Rank))} of the job do not come to an end";
        }

        var failures = world.Job.Result().Failures;
        var unnamed = world.Peers.Find(peer =>
            peer.IsExpected && peer.CompletedAt == Instant.Never && !failures.Any(failure => failure.StartsWith(CannotWrite(peer), StringComparison.Ordinal)));
        if (unnamed is not null)
        {
            return $"rank {unnamed.Rank} is not complete, and the tracker does not say why ({string.Join("; ", failures)})";
        }

        var unfounded = failures.FirstOrDefault(failure => !world.Peers.Exists(peer => IsFounded(fuzzCase, peer, failure)));
        return unfounded is null ? null : $"the tracker tells of what did not happen: {unfounded}";
    }

    private static bool IsFounded(SwarmCase fuzzCase, VirtualPeer peer, string failure) =>
        (failure.StartsWith(CannotWrite(peer), StringComparison.Ordinal) &&
            fuzzCase.Scenario.Faults.Any(fault => fault.Kind == FaultKind.FullDisk && fault.Class == peer.Class.Name)) ||
        (failure.StartsWith(FormattableString.Invariant($"rank {peer.Rank} can no longer serve "), StringComparison.Ordinal) &&
            fuzzCase.Adversity.UnreadablePerTenThousand > 0 && peer.Class.Name != fuzzCase.Adversity.Spared);

    private static string CannotWrite(VirtualPeer peer) => FormattableString.Invariant($"rank {peer.Rank} cannot write ");
}
