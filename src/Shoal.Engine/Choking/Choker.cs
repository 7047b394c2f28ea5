namespace Shoal.Engine.Choking;

/// <summary>Whom to upload to.</summary>
public sealed class Choker
{
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);
    public static readonly TimeSpan OptimisticInterval = TimeSpan.FromSeconds(30);

    public Choker(int uploadSlots, SeedingPolicy policy, Prng prng)
    {
        _ = uploadSlots;
        _ = policy;
        _ = prng;
    }

    public Instant Deadline { get; private set; }

    public void Decide(Instant now, bool isSeeding, Span<ChokeCandidate> candidates) => throw new NotSupportedException();

    public bool MayUnchokeNow(int unchokedInterestedCount) => throw new NotSupportedException();
}
