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
    private long _strangerCount;

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

    /// <summary>Whether the holder of a passkey may take part in a swarm; null if all may in all.</summary>
    public Func<InfoHash, Passkey, bool>? Admits { get; set; }

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

            return sum with { RefusalCount = sum.RefusalCount + Interlocked.Read(ref _strangerCount) };
        }
    }

    /// <summary>
    /// Takes an announce in, whose address is the one that the peer claims (none, as a rule). It is believed only from
    /// this very machine: anybody else could point a swarm at a victim.
    /// </summary>
    public AnnounceAnswer Announce(Instant now, in AnnounceRequest claimed, Announcer announcer, Span<byte> peers)
    {
        if (Admits is { } admits && !announcer.IsFromHere && !admits(claimed.InfoHash, announcer.Passkey))
        {
            Interlocked.Increment(ref _strangerCount);
            return AnnounceAnswer.Refuse(TrackerRefusal.NotMember, "this torrent is for members: get its .torrent from the catalogue with a token", retryMinutes: -1);
        }

        var request = claimed with { Address = PlaceOf(announcer.Source, claimed.Address).WithPort(claimed.Port) };
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
        if (!Announcer.IsLoopback(source))
        {
            return source;
        }

        return claimed.Kind != PeerAddressKind.None ? claimed
            : _advertise is not null ? PeerAddress.From(_advertise, 0)
            : source;
    }
}

/// <summary>Who announces.</summary>
/// <param name="Source">Whose packet or connection it came by, or for whom a trusted proxy asks.</param>
/// <param name="Passkey">What stood in the URL that it announced to.</param>
/// <param name="IsFromHere">Whether it is on this very machine, and not behind a proxy on it.</param>
internal readonly record struct Announcer(PeerAddress Source, Passkey Passkey, bool IsFromHere)
{
    public static bool IsLoopback(PeerAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        var length = address.WriteAddress(bytes);
        return length == 4 ? bytes[0] == 127 : bytes[..15].IndexOfAnyExcept((byte)0) < 0 && bytes[15] == 1;
    }
}
