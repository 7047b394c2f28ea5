namespace Shoal.Engine.Announcing;

/// <summary>
/// Whom a swarm announces to: one tracker at a time, in tiers as BEP 12 has it, or each one for itself. Then each has a
/// schedule of its own, with its own interval and rests, and at most <see cref="AnnounceSchedule.MaximumTrackerCount"/>
/// announces are under way. Not thread-safe.
/// </summary>
internal sealed class AnnouncePlan
{
    private readonly AnnounceSchedule[] _schedules;

    public AnnouncePlan(IReadOnlyList<IReadOnlyList<string>> tiers, bool toAll, Prng prng)
    {
        var inTiers = new AnnounceSchedule(tiers, prng); // each URL once, and not too many
        _schedules = toAll ? [.. inTiers.Trackers.Select(tracker => new AnnounceSchedule(tracker.Url, tracker.Tier, prng))] : [inTiers];
    }

    /// <inheritdoc cref="AnnounceSchedule.Deadline"/>
    public Instant Deadline
    {
        get
        {
            var deadline = Instant.Never;
            foreach (var schedule in _schedules)
            {
                deadline = Instant.Min(deadline, schedule.Deadline);
            }

            return deadline;
        }
    }

    /// <inheritdoc cref="AnnounceSchedule.IsQuiet"/>
    public bool IsQuiet => Array.TrueForAll(_schedules, schedule => schedule.IsQuiet);

    /// <summary>The trackers, in the order in which they are tried.</summary>
    public IEnumerable<TrackerState> Trackers => _schedules.SelectMany(schedule => schedule.Trackers);

    /// <inheritdoc cref="AnnounceSchedule.Start"/>
    public void Start(Instant now) => Array.ForEach(_schedules, schedule => schedule.Start(now));

    /// <inheritdoc cref="AnnounceSchedule.Complete"/>
    public void Complete(Instant now) => Array.ForEach(_schedules, schedule => schedule.Complete(now));

    /// <inheritdoc cref="AnnounceSchedule.Stop"/>
    public void Stop(Instant now) => Array.ForEach(_schedules, schedule => schedule.Stop(now));

    /// <inheritdoc cref="AnnounceSchedule.WantMorePeers"/>
    public void WantMorePeers(Instant now) => Array.ForEach(_schedules, schedule => schedule.WantMorePeers(now));

    /// <inheritdoc cref="AnnounceSchedule.AnnounceAnew"/>
    public void AnnounceAnew(Instant now) => Array.ForEach(_schedules, schedule => schedule.AnnounceAnew(now));

    /// <inheritdoc cref="AnnounceSchedule.TryPoll"/>
    public bool TryPoll(Instant now, out string tracker, out AnnounceKind kind)
    {
        foreach (var schedule in _schedules)
        {
            if (schedule.TryPoll(now, out tracker, out kind))
            {
                return true;
            }
        }

        (tracker, kind) = ("", AnnounceKind.Regular);
        return false;
    }

    /// <inheritdoc cref="AnnounceSchedule.Handle"/>
    public void Handle(Instant now, AnnounceResult result) => Array.ForEach(_schedules, schedule => schedule.Handle(now, result));
}
