using Shoal.Protocol;
using Shoal.Protocol.Trackers;

namespace Shoal.Engine.Trackers;

/// <summary>
/// The tracker's brain, for HTTP, UDP, ranks and the simulation alike: who is in which swarm, and whom a peer is told
/// (BEP 3, 7, 31, 48). A peer is its address and port; peer ids are not kept. It hears of peers of its own family, never
/// of itself, and a seeder that has ever sent anything not of seeders. A server shards by <see cref="ShardOf"/> over several cores, each with one
/// owner at a time. Allocates nothing but when its tables grow. Deterministic: the same inputs and seed give the same answers.
/// </summary>
public sealed class TrackerCore
{
    // Swarms that may be expired on the way by one announce: bounds what a single caller waits for.
    private const int ExpiryBudget = 16;

    private readonly TrackerPolicy _policy;
    private readonly ITrackerCapacity _capacity;
    private readonly SwarmTable _table;
    private readonly Prng _prng;
    private readonly int _intervalSeconds;
    private readonly int _minimumIntervalSeconds;
    private long _announces;
    private long _scrapes;
    private long _refusals;
    private long _downloads;

    /// <summary>An empty tracker. The capacity may be shared with others.</summary>
    public TrackerCore(TrackerPolicy policy, ITrackerCapacity capacity, Prng prng)
    {
        _policy = policy;
        _capacity = capacity;
        _prng = prng;
        _table = new SwarmTable(policy.EffectivePeerTimeout, capacity, prng);
        _intervalSeconds = (int)Math.Max(1, policy.Interval.TotalSeconds);
        _minimumIntervalSeconds = (int)Math.Clamp(policy.MinimumInterval.TotalSeconds, 1, _intervalSeconds);
    }

    /// <summary>What it has done and holds.</summary>
    public TrackerStatistics Statistics => new(
        _table.Count, _table.PeerCount, _table.SeederCount, _announces, _scrapes, _refusals, _downloads, _table.Bytes);

    /// <summary>The most bytes of compact peers that an answer takes, with the slack that <see cref="Handle"/> wants.</summary>
    public static int BufferLength(int peerCount) => (peerCount * PeerAddress.CompactLengthIPv6) + 2;

    /// <summary>Which of <paramref name="shardCount"/> cores a swarm belongs to; a power of two.</summary>
    public static int ShardOf(InfoHash infoHash, int shardCount)
    {
        Span<byte> bytes = stackalloc byte[InfoHash.Length];
        infoHash.WriteTo(bytes);
        return (bytes[3] ^ bytes[19]) & (shardCount - 1);
    }

    /// <summary>
    /// Takes an announce in. The peers of the answer are written to <paramref name="peers"/>: 6 bytes each for IPv4, 18
    /// for IPv6; for a rank 6 bytes, the rank and two of zero. No more are given than fit with two bytes to spare.
    /// </summary>
    public AnnounceAnswer Handle(Instant now, in AnnounceRequest request, Span<byte> peers)
    {
        _announces++;
        _table.Advance(now, ExpiryBudget);
        var kind = request.Address.Kind;
        if (kind == PeerAddressKind.None || request.Address.IsUnreachable)
        {
            return Refuse(TrackerRefusal.BadRequest, "the port must be from 1 to 65535", retryMinutes: 0);
        }

        var isIPv6 = kind == PeerAddressKind.IPv6;
        var peer = PackedPeer.From(request.Address);
        var number = _table.Find(request.InfoHash);
        if (request.Event == AnnounceEvent.Stopped)
        {
            return Stop(number, peer, kind);
        }

        if (number < 0 && (number = Open(request.InfoHash, out var refusal)) < 0)
        {
            return refusal;
        }

        ref var swarm = ref _table[number];
        var self = Note(ref swarm, request, peer, isIPv6);
        if (self < 0)
        {
            return Refuse(TrackerRefusal.Full, "this tracker is full: too many peers", retryMinutes: 30);
        }

        var wanted = request.WantedPeerCount < 0 ? _policy.DefaultPeerCount : request.WantedPeerCount;
        var room = (peers.Length - 2) / (isIPv6 ? PeerAddress.CompactLengthIPv6 : PeerAddress.CompactLengthIPv4);
        var count = _table.Sample(
            swarm, self, isIPv6, WishOf(request), Math.Min(Math.Min(wanted, _policy.MaximumPeerCount), room), _prng, peers);
        return Answer(swarm, kind, count);
    }

    /// <summary>The counts of a swarm; all zero if it is not known.</summary>
    public SwarmCounts Scrape(Instant now, InfoHash infoHash)
    {
        _scrapes++;
        _table.Advance(now, ExpiryBudget);
        var number = _table.Find(infoHash);
        if (number < 0)
        {
            return default;
        }

        ref var swarm = ref _table[number];
        return new SwarmCounts(swarm.SeederCount, swarm.PeerCount - swarm.SeederCount, swarm.DownloadCount);
    }

    /// <summary>Lets everything expire that has: for a driver to call now and then, for when nobody announces.</summary>
    public void Expire(Instant now) => _table.Advance(now, int.MaxValue);

    // Some clients that have but a magnet link say that nothing is left (aria2 1.36 does). Only who has sent or received
    // is surely a seeder; the others are told of seeders too, lest they never get what they came for.
    private static PeerWish WishOf(in AnnounceRequest request) => !request.IsSeeder ? PeerWish.All
        : request.Uploaded > 0 || request.Downloaded > 0 ? PeerWish.Leechers
        : PeerWish.LeechersFirst;

    private int Open(InfoHash infoHash, out AnnounceAnswer refusal)
    {
        refusal = default;
        if (_policy.Allowed?.Contains(infoHash) == false || _policy.Denied?.Contains(infoHash) == true)
        {
            refusal = Refuse(TrackerRefusal.NotServed, "this tracker does not serve this info-hash", retryMinutes: 0);
            return -1;
        }

        var number = _capacity.IsFullOfPeers ? -1 : _table.Add(infoHash);
        if (number < 0)
        {
            refusal = Refuse(
                TrackerRefusal.Full, _capacity.IsFullOfPeers ? "this tracker is full: too many peers" : "this tracker is full: too many swarms", retryMinutes: 30);
        }

        return number;
    }

    // Enters or refreshes the peer; its position, or -1 if there is no room.
    private int Note(ref SwarmRecord swarm, in AnnounceRequest request, in PackedPeer peer, bool isIPv6)
    {
        var self = _table.FindPeer(swarm, peer, isIPv6);
        var wasSeeder = self >= (isIPv6 ? swarm.IPv6.LeecherCount : swarm.IPv4.LeecherCount);
        var next = self < 0
            ? _table.AddPeer(ref swarm, peer, isIPv6, request.IsSeeder)
            : _table.UpdatePeer(ref swarm, peer, self, isIPv6, request.IsSeeder);

        // A repeated "completed" (a lost UDP answer) finds a seeder and does not count twice.
        if (next >= 0 && request.Event == AnnounceEvent.Completed && request.IsSeeder && (self < 0 || !wasSeeder))
        {
            swarm.DownloadCount++;
            _downloads++;
        }

        return next;
    }

    private AnnounceAnswer Stop(int number, in PackedPeer peer, PeerAddressKind kind)
    {
        if (number < 0)
        {
            return Answer(default, kind, 0);
        }

        ref var swarm = ref _table[number];
        var isIPv6 = kind == PeerAddressKind.IPv6;
        var self = _table.FindPeer(swarm, peer, isIPv6);
        if (self >= 0)
        {
            _table.RemovePeer(ref swarm, self, isIPv6);
        }

        return Answer(swarm, kind, 0);
    }

    private AnnounceAnswer Answer(in SwarmRecord swarm, PeerAddressKind kind, int peerCount) => new(
        _intervalSeconds + _prng.Next((_intervalSeconds / 8) + 1),
        _minimumIntervalSeconds,
        swarm.SeederCount,
        swarm.PeerCount - swarm.SeederCount,
        swarm.DownloadCount,
        kind,
        peerCount);

    private AnnounceAnswer Refuse(TrackerRefusal refusal, string text, int retryMinutes)
    {
        _refusals++;
        return AnnounceAnswer.Refuse(refusal, text, retryMinutes);
    }
}
