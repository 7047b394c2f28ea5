using System.Runtime.InteropServices;

namespace Shoal.Engine.Announcing;

/// <summary>
/// When to announce what to which tracker (BEP 3, 12, 31). One announce is under way at a time, but for "stopped" ones:
/// each begins with the first tracker of the first tier, passes over those that failed lately, and is done as soon as
/// one answers; that one moves to the front of its tier. A tracker's first announce is "started" until it has answered
/// one. Every announce that is polled is answered by <see cref="Handle"/>, once: time-outs are the driver's. Not thread-safe.
/// </summary>
public sealed class AnnounceSchedule
{
    /// <summary>More trackers than this are not looked at.</summary>
    public const int MaximumTrackerCount = 256;

    /// <summary>The interval between regular announces until a tracker names one.</summary>
    public static readonly TimeSpan DefaultInterval = TimeSpan.FromMinutes(30);

    /// <summary>The shortest interval that we take a tracker's word for.</summary>
    public static readonly TimeSpan ShortestInterval = TimeSpan.FromSeconds(30);

    /// <summary>The longest interval, be it minimum or not, that we take a tracker's word for.</summary>
    public static readonly TimeSpan LongestInterval = TimeSpan.FromHours(2);

    /// <summary>The minimum interval, when peers are wanted, for a tracker that names none.</summary>
    public static readonly TimeSpan DefaultMinimumInterval = TimeSpan.FromSeconds(60);

    /// <summary>The shortest minimum interval that we take a tracker's word for.</summary>
    public static readonly TimeSpan ShortestMinimumInterval = TimeSpan.FromSeconds(5);

    /// <summary>How long a tracker rests after a failure; doubled with each in a row. Give or take a tenth.</summary>
    public static readonly TimeSpan FirstBackOff = TimeSpan.FromSeconds(15);

    /// <summary>The longest rest, unless the tracker asks for more; of one that named a shorter interval, that.</summary>
    public static readonly TimeSpan LongestBackOff = TimeSpan.FromMinutes(30);

    private readonly List<TrackerState> _trackers = []; // tier by tier, in the order in which they are tried
    private readonly Prng _prng;
    private bool _isRunning;
    private bool _wantsPeers;
    private bool _isCompletedPending;
    private bool _wasCompleted;
    private Instant _dueAt = Instant.Never;
    private Instant _now; // the latest that any call brought

    /// <summary>Takes the trackers, each URL once, and shuffles each tier (BEP 12). Nothing is announced before <see cref="Start"/>.</summary>
    public AnnounceSchedule(IReadOnlyList<IReadOnlyList<string>> tiers, Prng prng)
    {
        _prng = prng;
        for (var tier = 0; tier < tiers.Count; tier++)
        {
            var first = _trackers.Count;
            foreach (var url in tiers[tier])
            {
                Append(url, tier);
            }

            prng.Shuffle(CollectionsMarshal.AsSpan(_trackers)[first..]);
        }
    }

    /// <summary>Takes one tracker, whatever else is in its tier.</summary>
    internal AnnounceSchedule(string url, int tier, Prng prng)
    {
        _prng = prng;
        Append(url, tier);
    }

    /// <summary>When <see cref="TryPoll"/> will next have something; perhaps already.</summary>
    public Instant Deadline
    {
        get
        {
            foreach (var tracker in _trackers)
            {
                if (!_isRunning && tracker is { IsStopPending: true, IsUnderWay: false })
                {
                    return _now;
                }
            }

            return Next(_now).At;
        }
    }

    /// <summary>Whether nothing is under way and, after <see cref="Stop"/>, every "stopped" was answered.</summary>
    public bool IsQuiet => _trackers.TrueForAll(static tracker => tracker is { IsUnderWay: false, IsStopPending: false });

    /// <summary>The trackers, in the order in which they are tried.</summary>
    public IReadOnlyList<TrackerState> Trackers => _trackers;

    /// <summary>Announce from now on. All that trackers did before is forgiven.</summary>
    public void Start(Instant now)
    {
        See(now);
        if (_isRunning)
        {
            return;
        }

        _isRunning = true;
        _dueAt = now;
        _wantsPeers = false;
        foreach (var tracker in _trackers)
        {
            tracker.IsStopPending = false;
            tracker.BeginAnew();
        }
    }

    /// <summary>
    /// The trackers may have forgotten us, as one that was restarted has: "started" is announced again, now, and that they failed is forgiven; but for those that
    /// asked never to be asked again. Without effect before <see cref="Start"/>.
    /// </summary>
    public void AnnounceAnew(Instant now)
    {
        See(now);
        _dueAt = _isRunning ? now : _dueAt;
        foreach (var tracker in _trackers)
        {
            if (_isRunning && !tracker.IsGivenUp)
            {
                tracker.BeginAnew();
            }
        }
    }

    /// <summary>The download has become complete in this run: one tracker is told, once. Without effect before <see cref="Start"/>.</summary>
    public void Complete(Instant now)
    {
        See(now);
        if (_isRunning && !_wasCompleted)
        {
            _wasCompleted = true;
            _isCompletedPending = true;
        }
    }

    /// <summary>Announce "stopped" to the trackers that know of us, then nothing more.</summary>
    public void Stop(Instant now)
    {
        See(now);
        if (!_isRunning)
        {
            return;
        }

        _isRunning = false;
        _isCompletedPending = false;
        _dueAt = Instant.Never;
        foreach (var tracker in _trackers)
        {
            // Who asked to be left alone is left alone.
            tracker.IsStopPending = tracker.KnowsUs && !tracker.IsGivenUp;
            tracker.NextAnnounceAt = Instant.Never;
        }
    }

    /// <summary>Peers are wanting: announce as soon as the tracker's minimum interval allows. Holds until one answers.</summary>
    public void WantMorePeers(Instant now)
    {
        See(now);
        _wantsPeers = true;
    }

    /// <summary>Takes the next announce that is due, which is under way from then on.</summary>
    public bool TryPoll(Instant now, out string tracker, out AnnounceKind kind)
    {
        See(now);
        var next = _isRunning ? Due(now, out kind) : Stopping(out kind);
        if (next is null)
        {
            tracker = "";
            return false;
        }

        next.IsUnderWay = true;
        next.IsStopPending = false;
        tracker = next.Url;
        return true;
    }

    /// <summary>What became of an announce. A result that answers none is passed over.</summary>
    public void Handle(Instant now, AnnounceResult result)
    {
        See(now);
        if (Find(result.Tracker) is not { IsUnderWay: true } tracker)
        {
            return;
        }

        tracker.IsUnderWay = false;
        tracker.LastAnsweredAt = now;
        tracker.Error = result.Failure;
        tracker.SeederCount = result.SeederCount ?? tracker.SeederCount;
        tracker.LeecherCount = result.LeecherCount ?? tracker.LeecherCount;
        if (result.Kind == AnnounceKind.Stopped)
        {
            tracker.KnowsUs = false;
        }
        else if (result.Failure is null)
        {
            Succeed(now, tracker, result);
        }
        else
        {
            Fail(now, tracker, result.RetryAfter);
        }
    }

    private void Succeed(Instant now, TrackerState tracker, AnnounceResult result)
    {
        tracker.KnowsUs = true;
        tracker.FailureCount = 0;
        if (!_isRunning)
        {
            tracker.IsStopPending = true; // we stopped while it was being told that we started
            return;
        }

        _isCompletedPending &= result.Kind != AnnounceKind.Completed;
        _wantsPeers = false;
        var interval = Clamp(result.Interval ?? DefaultInterval, ShortestInterval, LongestInterval);
        var minimum = result.MinimumInterval is { } named
            ? Clamp(named, ShortestMinimumInterval, LongestInterval)
            : Clamp(interval, TimeSpan.Zero, DefaultMinimumInterval);
        tracker.Interval = interval;
        tracker.RegularAt = now + minimum;
        _dueAt = now + Clamp(Early(interval), minimum, TimeSpan.MaxValue);
        foreach (var other in _trackers)
        {
            // Who answered before is asked again only if this one fails; who rests is tried first when the time has come.
            other.NextAnnounceAt = Instant.Never;
        }

        tracker.NextAnnounceAt = _dueAt;
        MoveToFront(tracker);
    }

    private void Fail(Instant now, TrackerState tracker, TimeSpan? retryAfter)
    {
        var backOff = TimeSpan.FromTicks(FirstBackOff.Ticks << Math.Min(tracker.FailureCount, 7));
        tracker.FailureCount++;
        // A tracker that comes back empty has everybody again within its interval.
        var longest = Clamp(TimeSpan.FromTicks(tracker.Interval.Ticks / 11 * 10), FirstBackOff, LongestBackOff);
        var rest = Jitter(Clamp(backOff, FirstBackOff, longest));
        if (retryAfter is { } asked)
        {
            rest = Clamp(asked, FirstBackOff, TimeSpan.MaxValue);
        }

        tracker.AvailableAt = rest == TimeSpan.MaxValue ? Instant.Never : now + rest;
        tracker.NextAnnounceAt = _isRunning ? tracker.AvailableAt : Instant.Never;
        tracker.IsStopPending &= !tracker.IsGivenUp;
    }

    private TrackerState? Due(Instant now, out AnnounceKind kind)
    {
        var (tracker, at) = Next(now);
        kind = tracker is null ? AnnounceKind.Regular : KindFor(tracker);
        return at <= now ? tracker : null;
    }

    private TrackerState? Stopping(out AnnounceKind kind)
    {
        kind = AnnounceKind.Stopped;
        foreach (var tracker in _trackers)
        {
            if (tracker is { IsStopPending: true, IsUnderWay: false })
            {
                return tracker;
            }
        }

        return null;
    }

    /// <summary>
    /// The next announce and when, not before <paramref name="from"/>. Which tracker is the first that can be asked
    /// depends on the time, and the time on the tracker: so this walks from one turning point in time to the next.
    /// </summary>
    private (TrackerState? Tracker, Instant At) Next(Instant from)
    {
        var isWaiting = !_isRunning;
        foreach (var tracker in _trackers)
        {
            isWaiting |= tracker.IsUnderWay;
        }

        var at = Latest(from, _wantsPeers || _isCompletedPending ? from : _dueAt);
        while (!isWaiting && at != Instant.Never)
        {
            var tracker = FirstAvailable(at);
            if (tracker is null)
            {
                at = EarliestAvailable();
                continue;
            }

            var ready = KindFor(tracker) == AnnounceKind.Regular ? tracker.RegularAt : Instant.Zero;
            if (ready <= at)
            {
                return (tracker, at);
            }

            at = ready;
        }

        return (null, Instant.Never);
    }

    private TrackerState? FirstAvailable(Instant at)
    {
        TrackerState? first = null;
        foreach (var tracker in _trackers)
        {
            if (tracker.AvailableAt > at)
            {
                continue;
            }

            first ??= tracker;
            if (!_isCompletedPending || tracker.KnowsUs)
            {
                return tracker; // "completed" goes to one that knows us, if there is one
            }
        }

        return first;
    }

    private Instant EarliestAvailable()
    {
        var earliest = Instant.Never;
        foreach (var tracker in _trackers)
        {
            earliest = Instant.Min(earliest, tracker.AvailableAt);
        }

        return earliest;
    }

    private AnnounceKind KindFor(TrackerState tracker)
    {
        if (!tracker.KnowsUs)
        {
            return AnnounceKind.Started;
        }

        return _isCompletedPending ? AnnounceKind.Completed : AnnounceKind.Regular;
    }

    private void MoveToFront(TrackerState tracker)
    {
        _trackers.Remove(tracker);
        var at = 0;
        while (at < _trackers.Count && _trackers[at].Tier < tracker.Tier)
        {
            at++;
        }

        _trackers.Insert(at, tracker);
    }

    private TrackerState? Find(string url)
    {
        foreach (var tracker in _trackers)
        {
            if (string.Equals(tracker.Url, url, StringComparison.Ordinal))
            {
                return tracker;
            }
        }

        return null;
    }

    private void Append(string url, int tier)
    {
        if (_trackers.Count < MaximumTrackerCount && Find(url) is null)
        {
            _trackers.Add(new TrackerState(url, tier));
        }
    }

    private void See(Instant now) => _now = Latest(_now, now);

    private static Instant Latest(Instant left, Instant right) => left > right ? left : right;

    private static TimeSpan Clamp(TimeSpan span, TimeSpan least, TimeSpan most) =>
        TimeSpan.FromTicks(Math.Max(least.Ticks, Math.Min(most.Ticks, span.Ticks)));

    /// <summary>Up to a tenth less: spread like <see cref="Jitter"/>, and never later than the tracker wants.</summary>
    private TimeSpan Early(TimeSpan span) => TimeSpan.FromTicks(span.Ticks / 1000 * (900 + _prng.Next(101)));

    /// <summary>Up to a tenth more or less, so that a swarm that began at once does not announce at once for ever.</summary>
    private TimeSpan Jitter(TimeSpan span) => TimeSpan.FromTicks(span.Ticks / 1000 * (900 + _prng.Next(201)));
}
