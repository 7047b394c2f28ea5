namespace Shoal.Engine.Announcing;

/// <summary>When to announce what to which tracker.</summary>
public sealed class AnnounceSchedule
{
    public AnnounceSchedule(IReadOnlyList<IReadOnlyList<string>> tiers, Prng prng)
    {
        _ = tiers;
        _ = prng;
    }

    public Instant Deadline { get; private set; }

    public bool IsQuiet { get; private set; }

    public IReadOnlyList<TrackerState> Trackers { get; } = [];

    public void Start(Instant now) => throw new NotSupportedException();

    public void Complete(Instant now) => throw new NotSupportedException();

    public void Stop(Instant now) => throw new NotSupportedException();

    public void AddTracker(string tracker) => throw new NotSupportedException();

    public void WantMorePeers(Instant now) => throw new NotSupportedException();

    public bool TryPoll(Instant now, out string tracker, out AnnounceKind kind) => throw new NotSupportedException();

    public void Handle(Instant now, AnnounceResult result) => throw new NotSupportedException();
}
