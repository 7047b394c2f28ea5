using Shoal.Protocol;

namespace Shoal.Engine.Swarms;

/// <summary>
/// The addresses where peers of the swarm may be, when to try each next, and who is banned. Bounded; the addresses that
/// failed most often make room for new ones.
/// </summary>
internal sealed class PeerBook
{
    /// <summary>Addresses kept at most.</summary>
    public const int MaximumCount = 2000;

    /// <summary>Bans kept at most; beyond it the oldest is forgotten.</summary>
    public const int MaximumBanCount = 2000;

    /// <summary>Addresses of our own that we remember.</summary>
    private const int MaximumOwnCount = 32;

    /// <summary>So many banned peers on one host ban the host: whoever changes its peer id gains little.</summary>
    private const int BansPerHost = 3;

    /// <summary>An address that failed so often in a row is forgotten.</summary>
    private const int MaximumFailureCount = 8;

    private static readonly TimeSpan FirstRetry = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LastRetry = TimeSpan.FromMinutes(10);

    private readonly List<Entry> _entries = [];
    private readonly Dictionary<PeerAddress, Entry> _byAddress = [];
    private readonly Queue<(PeerAddress Host, PeerId Id)> _bans = new();
    private readonly HashSet<(PeerAddress Host, PeerId Id)> _banned = [];
    private readonly Dictionary<PeerAddress, int> _bansOfHost = [];
    private readonly HashSet<PeerAddress> _ours = [];
    private Instant? _deadline;

    /// <summary>Addresses that no link leads to.</summary>
    public int CandidateCount { get; private set; }

    /// <summary>When the next address may be tried; <see cref="Instant.Never"/> if none.</summary>
    public Instant Deadline => _deadline ??= Earliest();

    /// <summary>Somebody named an address. Known and hopeless ones are passed over.</summary>
    public void Add(PeerAddress address, Instant now)
    {
        if (address.IsUnreachable || IsHostBanned(address) || _ours.Contains(address) || _byAddress.ContainsKey(address))
        {
            return;
        }

        if (_entries.Count >= MaximumCount && !TryEvict())
        {
            return;
        }

        var entry = new Entry(address) { NextAttemptAt = now };
        _entries.Add(entry);
        _byAddress.Add(address, entry);
        CandidateCount++;
        _deadline = null;
    }

    /// <summary>The next address to try now: fewest failures first, then in the order they were named.</summary>
    public bool TryTake(Instant now, out PeerAddress address)
    {
        Entry? best = null;
        foreach (var entry in _entries)
        {
            if (!entry.IsLinked && entry.NextAttemptAt <= now && (best is null || entry.FailureCount < best.FailureCount))
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
        if (entry.FailureCount >= MaximumFailureCount)
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

    private bool TryEvict()
    {
        Entry? worst = null;
        foreach (var entry in _entries)
        {
            if (!entry.IsLinked && entry.FailureCount > (worst?.FailureCount ?? 0))
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
    }

    private sealed class Entry(PeerAddress address)
    {
        public PeerAddress Address { get; } = address;

        public Instant NextAttemptAt { get; set; }

        public int FailureCount { get; set; }

        public bool IsLinked { get; set; }
    }
}
