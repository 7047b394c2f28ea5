namespace Shoal.Engine.Choking;

/// <summary>
/// Whom to upload to. While there are slots for all who are interested nobody is choked; else slots are earned (by what
/// comes from a peer while leeching, by how fast it takes while seeding) but for one that goes by lot for half a minute,
/// or, with <see cref="SeedingPolicy.RoundRobin"/>, go from hand to hand. Keeps nothing but the time of the next round:
/// a decision follows from the candidates, the instant and the lot. Ties go to the lower link. Not thread-safe.
/// </summary>
/// <remarks>BEP 3, "Choking and optimistic unchoking"; Cohen (2003), section 3.2.</remarks>
public sealed class Choker
{
    /// <summary>From one round to the next. Shorter ones would have choking flap.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    /// <summary>For how long a slot by lot is kept, so that the peer has time to show what it gives in return.</summary>
    public static readonly TimeSpan OptimisticInterval = TimeSpan.FromSeconds(30);

    /// <summary>A link younger than this counts thrice in the lot: it has nothing to trade yet.</summary>
    public static readonly TimeSpan NewcomerAge = TimeSpan.FromSeconds(60);

    /// <summary>
    /// For how long a peer keeps its slot in the round robin, unless it has <see cref="TurnBytes"/> before, or its turn at first copies is over
    /// (that ends between rounds, with whoever hands out the slots).
    /// </summary>
    public static readonly TimeSpan TurnInterval = TimeSpan.FromSeconds(60);

    /// <summary>How much a peer gets in one turn of the round robin; it ends with the round.</summary>
    public const long TurnBytes = 64 * 1024 * 1024;

    private readonly SeedingPolicy _policy;
    private readonly Prng _prng;
    private Ranked[] _ranking = new Ranked[16];
    private int _slotCount;

    /// <summary>Nobody is known yet; the first round is due.</summary>
    /// <param name="uploadSlots">How many peers are served at once; <see cref="int.MaxValue"/> turns choking off.</param>
    /// <param name="policy">Whom to serve while seeding.</param>
    /// <param name="prng">The lot.</param>
    /// <exception cref="ArgumentOutOfRangeException">A negative number of slots.</exception>
    public Choker(int uploadSlots, SeedingPolicy policy, Prng prng)
    {
        UploadSlots = uploadSlots;
        _policy = policy;
        _prng = prng;
    }

    /// <summary>How many peers are served at once. More count at once, fewer from the next decision on.</summary>
    public int UploadSlots
    {
        get => _slotCount;
        set
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            _slotCount = value;
        }
    }

    /// <summary>When the next round is due; never if choking is off.</summary>
    public Instant Deadline { get; private set; }

    /// <summary>
    /// Whether a newly interested peer is unchoked at once instead of in the next round.
    /// </summary>
    /// <param name="unchokedInterestedCount">How many interested peers are unchoked now.</param>
    public bool MayUnchokeNow(int unchokedInterestedCount) => unchokedInterestedCount < _slotCount;

    /// <summary>A round: decides for each candidate whether it is to be unchoked.</summary>
    public void Decide(Instant now, bool isSeeding, Span<ChokeCandidate> candidates)
    {
        Deadline = _slotCount == int.MaxValue ? Instant.Never : now + Interval;
        var free = _slotCount;
        foreach (ref var candidate in candidates)
        {
            candidate.Unchoke = false;
        }

        if (isSeeding && _policy == SeedingPolicy.RoundRobin)
        {
            DecideByTurns(now, candidates, ref free);
        }
        else
        {
            // One slot goes by lot, so that better peers are found and newcomers get a first piece; a single slot does not.
            var earned = Math.Min(free, Math.Max(1, free - 1));
            Grant(candidates, ref free, earned, new ByMerit(isSeeding));
            Grant(candidates, ref free, free, new Holding(now, OptimisticInterval, long.MaxValue));
            Draw(now, candidates, ref free);
            Grant(candidates, ref free, free, new Holding(now, TimeSpan.MaxValue, long.MaxValue));
        }

        GrantIdle(candidates, free);
    }

    private void DecideByTurns(Instant now, Span<ChokeCandidate> candidates, ref int free)
    {
        Grant(candidates, ref free, free, new Holding(now, TurnInterval, TurnBytes));
        Grant(candidates, ref free, free, default(Waiting));
        Grant(candidates, ref free, free, new Holding(now, TimeSpan.MaxValue, long.MaxValue));
    }

    /// <summary>Gives up to <paramref name="most"/> slots to those that the order admits, best first.</summary>
    private void Grant<TOrder>(Span<ChokeCandidate> candidates, ref int free, int most, TOrder order)
        where TOrder : struct, IOrder
    {
        if (most == 0)
        {
            return;
        }

        EnsureRoom(candidates.Length);
        var count = 0;
        for (var i = 0; i < candidates.Length; i++)
        {
            if (candidates[i] is { IsInterested: true, Unchoke: false } && order.Admits(candidates[i]))
            {
                _ranking[count++] = new Ranked(order.KeyOf(candidates[i]), candidates[i].Link, i);
            }
        }

        var ranking = _ranking.AsSpan(0, count);
        if (count > most)
        {
            ranking.Sort();
        }

        for (var i = 0; i < Math.Min(count, most); i++)
        {
            candidates[ranking[i].Index].Unchoke = true;
            free--;
        }
    }

    /// <summary>Gives slots by lot to those that wait.</summary>
    private void Draw(Instant now, Span<ChokeCandidate> candidates, ref int free)
    {
        if (free >= candidates.Length)
        {
            Grant(candidates, ref free, free, default(Waiting));
            return;
        }

        // In order of links, so that the caller's order does not matter.
        var order = InOrderOfLinks(candidates);
        for (var drawn = DrawOne(now, candidates, order); drawn >= 0 && free > 0; free--)
        {
            candidates[drawn].Unchoke = true;
            drawn = DrawOne(now, candidates, order);
        }
    }

    /// <summary>One of those that wait, each by its weight (reservoir sampling); -1 if nobody does.</summary>
    private int DrawOne(Instant now, ReadOnlySpan<ChokeCandidate> candidates, ReadOnlySpan<Ranked> order)
    {
        var drawn = -1;
        var sum = 0;
        foreach (var ranked in order)
        {
            ref readonly var candidate = ref candidates[ranked.Index];
            if (candidate is not { IsInterested: true, Unchoke: false, IsUnchoked: false })
            {
                continue;
            }

            var weight = now - candidate.ConnectedAt < NewcomerAge ? 3 : 1;
            sum += weight;
            if (_prng.Next(sum) < weight)
            {
                drawn = ranked.Index;
            }
        }

        return drawn;
    }

    /// <summary>
    /// Lets peers that want nothing keep the slot they hold while there are slots to spare: they may want something in
    /// a moment, and are spared the wait. With choking off, everybody gets one.
    /// </summary>
    private void GrantIdle(Span<ChokeCandidate> candidates, int free)
    {
        foreach (var i in InOrderOfLinks(candidates))
        {
            ref var candidate = ref candidates[i.Index];
            if (free > 0 && !candidate.IsInterested && (candidate.IsUnchoked || _slotCount == int.MaxValue))
            {
                candidate.Unchoke = true;
                free--;
            }
        }
    }

    private Span<Ranked> InOrderOfLinks(Span<ChokeCandidate> candidates)
    {
        EnsureRoom(candidates.Length);
        var ranking = _ranking.AsSpan(0, candidates.Length);
        for (var i = 0; i < candidates.Length; i++)
        {
            ranking[i] = new Ranked(0, candidates[i].Link, i);
        }

        ranking.Sort();
        return ranking;
    }

    private void EnsureRoom(int count)
    {
        if (_ranking.Length < count)
        {
            _ranking = new Ranked[Math.Max(count, _ranking.Length * 2)];
        }
    }

    /// <summary>Whom a slot can go to, and who comes first: the lowest key.</summary>
    private interface IOrder
    {
        bool Admits(in ChokeCandidate candidate);

        long KeyOf(in ChokeCandidate candidate);
    }

    private readonly record struct Ranked(long Key, LinkId Link, int Index) : IComparable<Ranked>
    {
        public int CompareTo(Ranked other) => Key != other.Key ? Key.CompareTo(other.Key) : Link.CompareTo(other.Link);
    }

    /// <summary>Those who give, or take, anything: the fastest first. Snubbed peers earn nothing.</summary>
    private readonly struct ByMerit(bool isSeeding) : IOrder
    {
        public bool Admits(in ChokeCandidate candidate) => RateOf(candidate) > 0 && (isSeeding || !candidate.IsSnubbed);

        public long KeyOf(in ChokeCandidate candidate) => -RateOf(candidate);

        private long RateOf(in ChokeCandidate candidate) =>
            isSeeding ? candidate.UploadRateBytesPerSecond : candidate.DownloadRateBytesPerSecond;
    }

    /// <summary>Those who have a slot and have not had it for so long, or got so much; the latest first.</summary>
    private readonly struct Holding(Instant now, TimeSpan interval, long bytes) : IOrder
    {
        public bool Admits(in ChokeCandidate candidate) =>
            candidate.IsUnchoked && now - candidate.UnchokedAt < interval && candidate.UploadedBytesSinceUnchoke < bytes;

        public long KeyOf(in ChokeCandidate candidate) => -candidate.UnchokedAt.Nanoseconds;
    }

    /// <summary>Those who have no slot; who waits longest, be it since its last turn or since it came, is first.</summary>
    private readonly struct Waiting : IOrder
    {
        public bool Admits(in ChokeCandidate candidate) => !candidate.IsUnchoked;

        public long KeyOf(in ChokeCandidate candidate) =>
            Math.Max(candidate.UnchokedAt.Nanoseconds, candidate.ConnectedAt.Nanoseconds);
    }
}
