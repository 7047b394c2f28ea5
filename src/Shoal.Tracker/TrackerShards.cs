using System.Net;
using Shoal.Engine;
using Shoal.Engine.Trackers;
using Shoal.Protocol;
using Shoal.Protocol.Trackers;
using Shoal.Tracker.Metrics;

namespace Shoal.Tracker;

/// <summary>
/// The cores of a tracker, one for each shard of the info-hashes, with a lock for each: what HTTP and UDP share.
/// Thread-safe. Knows the clock and whose word to take for an address; the rest is the core's.
/// </summary>
internal sealed class TrackerShards
{
    /// <summary>The most peers in an answer.</summary>
    public const int MaximumPeerCount = 200;

    private const int ShardCount = 16;

    private readonly TrackerCore[] _cores = new TrackerCore[ShardCount];
    private readonly Lock[] _locks = new Lock[ShardCount];
    private readonly TimeProvider _time;
    private readonly long _start;
    private readonly IPAddress? _advertise;

    public TrackerShards(TrackerOptions options, TimeProvider time, Func<ulong> seed)
    {
        _time = time;
        _start = time.GetTimestamp();
        _advertise = options.AdvertiseAddress;
        var policy = new TrackerPolicy
        {
            Interval = options.Interval,
            MinimumInterval = options.MinimumInterval,
            PeerTimeout = options.PeerTimeout,
            Allowed = options.AllowedInfoHashes,
            Denied = options.DeniedInfoHashes,
            MaximumPeerCount = MaximumPeerCount,
        };
        var capacity = new SharedCapacity(options.MaximumSwarmCount, options.MaximumPeerCount);
        for (var i = 0; i < ShardCount; i++)
        {
            _cores[i] = new TrackerCore(policy, capacity, new Prng(seed()));
            _locks[i] = new Lock();
        }
    }

    /// <summary>How it was asked, over all shards.</summary>
    public TrackerTraffic Traffic { get; } = new();

    /// <summary>Now. Reading a clock costs more than an announce does in the core, so a batch reads it once.</summary>
    public Instant Now => new(_time.GetElapsedTime(_start).Ticks * 100);

    /// <summary>The sums over all shards.</summary>
    public TrackerStatistics Statistics
    {
        get
        {
            var sum = default(TrackerStatistics);
            for (var i = 0; i < ShardCount; i++)
            {
                lock (_locks[i])
                {
                    sum += _cores[i].Statistics;
                }
            }

            return sum;
        }
    }

    /// <summary>
    /// Takes an announce in, whose address is the one that the peer claims (none, as a rule). It is believed only from
    /// this very machine: anybody else could point a swarm at a victim.
    /// </summary>
    public AnnounceAnswer Announce(Instant now, in AnnounceRequest claimed, PeerAddress source, Span<byte> peers)
    {
        var request = claimed with { Address = PlaceOf(source, claimed.Address).WithPort(claimed.Port) };
        var shard = TrackerCore.ShardOf(request.InfoHash, ShardCount);
        lock (_locks[shard])
        {
            return _cores[shard].Handle(now, request, peers);
        }
    }

    /// <summary>The counts of one swarm.</summary>
    public SwarmCounts Scrape(Instant now, InfoHash infoHash)
    {
        var shard = TrackerCore.ShardOf(infoHash, ShardCount);
        lock (_locks[shard])
        {
            return _cores[shard].Scrape(now, infoHash);
        }
    }

    /// <summary>Lets go of what has expired.</summary>
    public void Expire()
    {
        var now = Now;
        for (var i = 0; i < ShardCount; i++)
        {
            lock (_locks[i])
            {
                _cores[i].Expire(now);
            }
        }
    }

    private PeerAddress PlaceOf(PeerAddress source, PeerAddress claimed)
    {
        if (!IsLoopback(source))
        {
            return source;
        }

        return claimed.Kind != PeerAddressKind.None ? claimed
            : _advertise is not null ? PeerAddress.From(_advertise, 0)
            : source;
    }

    private static bool IsLoopback(PeerAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        var length = address.WriteAddress(bytes);
        return length == 4 ? bytes[0] == 127 : bytes[..15].IndexOfAnyExcept((byte)0) < 0 && bytes[15] == 1;
    }
}
