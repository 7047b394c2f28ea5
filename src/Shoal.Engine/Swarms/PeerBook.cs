using Shoal.Protocol;

namespace Shoal.Engine.Swarms;

/// <summary>
/// The addresses where peers of the swarm may be, when to try each next, and who is banned. Bounded; the addresses that
/// failed most often make room for new ones. What anybody can say unasked (peer exchange, the DHT, the local network) is hearsay until a
/// link has proved it: it gets less room, of which no source has much, is tried after the rest, forgotten sooner, and makes room first.
/// </summary>
internal sealed class PeerBook
{
    /// <summary>Addresses kept at most.</summary>
    public const int MaximumCount = 2000;

    /// <summary>Of them hearsay at most.</summary>
    public const int MaximumHearsayCount = 1000;

    /// <summary>And of that from one link, as long as nothing has come of it.</summary>
    public const int MaximumCountPerSource = 100;

    /// <summary>Bans kept at most; beyond it the oldest is forgotten.</summary>
    public const int MaximumBanCount = 2000;

    /// <summary>Addresses of our own that we remember.</summary>
    private const int MaximumOwnCount = 32;

    /// <summary>So many banned peers on one host ban the host: whoever changes its peer id gains little.</summary>
    private const int BansPerHost = 3;

    /// <summary>An address that failed so often in a row is forgotten.</summary>
    private const int MaximumFailureCount = 8;

    /// <summary>One that is hearsay is forgotten after so many.</summary>
    private const int MaximumHearsayFailureCount = 3;

    private static readonly TimeSpan FirstRetry = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LastRetry = TimeSpan.FromMinutes(10);

    private readonly List<Entry> _entries = [];
    private readonly Dictionary<PeerAddress, Entry> _byAddress = [];
    private readonly Queue<(PeerAddress Host, PeerId Id)> _bans = new();
    private readonly HashSet<(PeerAddress Host, PeerId Id)> _banned = [];
    private readonly Dictionary<PeerAddress, int> _bansOfHost = [];
    private readonly HashSet<PeerAddress> _ours = [];
    private Instant? _deadline;
    private int _hearsayCount;

    /// <summary>Addresses that no link leads to.</summary>
    public int CandidateCount { get; private set; }

    /// <summary>When the next address may be tried; <see cref="Instant.Never"/> if none.</summary>
    public Instant Deadline => _deadline ??= Earliest();

    /// <summary>Somebody who should know named an address. Known and hopeless ones are passed over.</summary>
    public void Add(PeerAddress address, Instant now)
    {
        if (_byAddress.TryGetValue(address, out var known))
        {
            Believe(known);
            known.IsNamed = true;
        }
        else if (IsHopeful(address) && (_entries.Count < MaximumCount || TryEvict(isForHearsay: false)))
        {
            Keep(new Entry(address) { NextAttemptAt = now, IsNamed = true });
        }
    }

    /// <summary>Anybody named an address; false if it is passed over, as known and hopeless ones are, and those for which there is no room.</summary>
    /// <param name="address">Which.</param>
    /// <param name="source">The link over which it was said; null if none.</param>
    /// <param name="now">The time.</param>
    public bool TryAddHearsay(PeerAddress address, LinkId? source, Instant now)
    {
        var isFull = _hearsayCount >= MaximumHearsayCount || _entries.Count >= MaximumCount;
        if (_byAddress.ContainsKey(address) || !IsHopeful(address) || (isFull && !TryEvict(isForHearsay: true)))
        {
            return false;
        }

        _hearsayCount++;
        Keep(new Entry(address) { NextAttemptAt = now, IsHearsay = true, Source = source });
        return true;
    }

    /// <summary>Hearsay that came over the link, of which nothing has come yet.</summary>
    public int CountFrom(LinkId source)
    {
        var count = 0;
        foreach (var entry in _entries)
        {
            count += entry.IsHearsay && entry.Source == source ? 1 : 0;
        }

        return count;
    }

    /// <summary>Whether the address is known.</summary>
    public bool Contains(PeerAddress address) => _byAddress.ContainsKey(address);

    /// <summary>Forgets all that began as hearsay and was named by nobody since, whether a link proved it or not.</summary>
    public void ForgetUnnamed()
    {
        foreach (var entry in _entries.FindAll(entry => !entry.IsNamed))
        {
            Forget(entry);
        }
    }

    /// <summary>The next address to try now: fewest failures first, hearsay last of these, then in the order they were named.</summary>
    public bool TryTake(Instant now, out PeerAddress address)
    {
        Entry? best = null;
        foreach (var entry in _entries)
        {
            if (!entry.IsLinked && entry.NextAttemptAt <= now && (best is null || IsBetter(entry, best)))
            {
                best = entry;
            }
        }

        address = best?.Address ?? default;
        if (best is null)
        {
            return false;
        }

        best.IsLinked = true;
        _deadline = null;
        CandidateCount--;
        return true;
    }

    /// <summary>A link to the address got through its handshake.</summary>
    public void Succeeded(PeerAddress address)
    {
        if (_byAddress.TryGetValue(address, out var entry))
        {
            entry.FailureCount = 0;
            Believe(entry);
        }
    }

    /// <summary>
    /// A link to the address has ended; it is tried again, later after each failure, and much later if the link was
    /// of no use: there is a better one, or neither side lacks anything.
    /// </summary>
    public void Ended(PeerAddress address, bool failed, bool useless, Instant now)
    {
        if (!_byAddress.TryGetValue(address, out var entry) || !entry.IsLinked)
        {
            return;
        }

        entry.IsLinked = false;
        _deadline = null;
        CandidateCount++;
        entry.FailureCount += failed ? 1 : 0;
        if (entry.FailureCount >= (entry.IsHearsay ? MaximumHearsayFailureCount : MaximumFailureCount))
        {
            Forget(entry);
            return;
        }

        var wait = useless ? LastRetry : TimeSpan.FromTicks(FirstRetry.Ticks << Math.Min(entry.FailureCount, 8));
        entry.NextAttemptAt = now + (wait < LastRetry ? wait : LastRetry);
    }

    /// <summary>That is where we live ourselves: never try again, whoever names it.</summary>
    public void MarkOurs(PeerAddress address)
    {
        if (_ours.Count < MaximumOwnCount)
        {
            _ours.Add(address);
        }

        Remove(address);
    }

    /// <summary>Nobody of the swarm lives there.</summary>
    public void Remove(PeerAddress address)
    {
        if (_byAddress.TryGetValue(address, out var entry))
        {
            Forget(entry);
        }
    }

    /// <summary>Never talk to the peer again.</summary>
    public void Ban(PeerAddress address, PeerId id)
    {
        var host = address.WithPort(0);
        if (!_banned.Add((host, id)))
        {
            return;
        }

        _bans.Enqueue((host, id));
        _bansOfHost[host] = _bansOfHost.GetValueOrDefault(host) + 1;
        if (_bans.Count > MaximumBanCount)
        {
            var oldest = _bans.Dequeue();
            _banned.Remove(oldest);
            if (--_bansOfHost[oldest.Host] == 0)
            {
                _bansOfHost.Remove(oldest.Host);
            }
        }

        Remove(address);
    }

    public bool IsBanned(PeerAddress address, PeerId id) =>
        IsHostBanned(address) || _banned.Contains((address.WithPort(0), id));

    private bool IsHostBanned(PeerAddress address) =>
        _bansOfHost.GetValueOrDefault(address.WithPort(0)) >= BansPerHost;

    private bool IsHopeful(PeerAddress address) =>
        !address.IsUnreachable && !IsHostBanned(address) && !_ours.Contains(address);

    private static bool IsBetter(Entry one, Entry other) => one.FailureCount != other.FailureCount
        ? one.FailureCount < other.FailureCount
        : other.IsHearsay && !one.IsHearsay;

    private void Keep(Entry entry)
    {
        _entries.Add(entry);
        _byAddress.Add(entry.Address, entry);
        CandidateCount++;
        _deadline = null;
    }

    private void Believe(Entry entry)
    {
        _hearsayCount -= entry.IsHearsay ? 1 : 0;
        (entry.IsHearsay, entry.Source) = (false, null);
    }

    // Hearsay makes room for what was named, and only where it has failed for other hearsay; of each kind what failed most often.
    private bool TryEvict(bool isForHearsay)
    {
        Entry? worst = null;
        foreach (var entry in _entries)
        {
            var mayGo = !entry.IsLinked && (isForHearsay ? entry is { IsHearsay: true, FailureCount: > 0 } : entry.IsHearsay || entry.FailureCount > 0);
            if (mayGo && (worst is null || (entry.IsHearsay, entry.FailureCount).CompareTo((worst.IsHearsay, worst.FailureCount)) > 0))
            {
                worst = entry;
            }
        }

        if (worst is null)
        {
            return false;
        }

        Forget(worst);
        return true;
    }

    private Instant Earliest()
    {
        var earliest = Instant.Never;
        foreach (var entry in _entries)
        {
            if (!entry.IsLinked)
            {
                earliest = Instant.Min(earliest, entry.NextAttemptAt);
            }
        }

        return earliest;
    }

    private void Forget(Entry entry)
    {
        _deadline = null;
        _entries.Remove(entry);
        _byAddress.Remove(entry.Address);
        CandidateCount -= entry.IsLinked ? 0 : 1;
        _hearsayCount -= entry.IsHearsay ? 1 : 0;
    }

    private sealed class Entry(PeerAddress address)
    {
        public PeerAddress Address { get; } = address;

        public Instant NextAttemptAt { get; set; }

        public int FailureCount { get; set; }

        public bool IsLinked { get; set; }

        public bool IsHearsay { get; set; }

        /// <summary>Whether somebody who should know named it.</summary>
        public bool IsNamed { get; set; }

        /// <summary>The link over which it was heard; null if there was none.</summary>
        public LinkId? Source { get; set; }
    }
}
