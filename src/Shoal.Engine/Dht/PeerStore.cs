using Shoal.Protocol;
using Shoal.Protocol.Dht;

namespace Shoal.Engine.Dht;

/// <summary>
/// The peers that were announced to us (BEP 5), forgotten half an hour after they were last heard of. When there is no room for another
/// torrent, the one furthest from our id makes it if the new one is nearer: what is near us is what others look for here.
/// Bounded by <see cref="DhtLimits"/>. Not thread-safe.
/// </summary>
internal sealed class PeerStore(DhtLimits limits, Prng prng)
{
    /// <summary>How long a peer is kept after its last announce.</summary>
    public static readonly TimeSpan PeerLifetime = TimeSpan.FromMinutes(30);

    /// <summary>How long the same samples are given (BEP 51).</summary>
    public static readonly TimeSpan SampleLifetime = TimeSpan.FromMinutes(5);

    /// <summary>Info-hashes in one answer at most (BEP 51).</summary>
    public const int MaximumSampleCount = 20;

    private readonly Dictionary<InfoHash, Torrent> _byHash = [];
    private readonly SortedSet<Torrent> _nearestFirst = new(Comparer<Torrent>.Create((left, right) => left.Distance.CompareTo(right.Distance)));
    private readonly Dictionary<PeerAddress, int> _countOfHost = [];
    private InfoHash[] _samples = [];
    private Instant _samplesUntil = Instant.Zero;
    private NodeId _self;

    public int TorrentCount => _byHash.Count;

    public int PeerCount { get; private set; }

    /// <summary>Keeps a peer, or that it was heard of again.</summary>
    public void Add(InfoHash infoHash, PeerAddress peer, NodeId self, Instant now)
    {
        Centre(self);
        if (_byHash.TryGetValue(infoHash, out var torrent) && torrent.Peers.FindIndex(kept => kept.Address == peer) is >= 0 and var known)
        {
            torrent.Peers.RemoveAt(known);
            torrent.Peers.Add(new Peer(peer, now));
            return;
        }

        var host = DhtHosts.HostOf(peer);
        if (torrent is not null && torrent.Peers.Count(kept => DhtHosts.HostOf(kept.Address) == host) >= limits.MaximumPeersPerHostAndTorrent)
        {
            RemovePeer(torrent, torrent.Peers.FindIndex(kept => DhtHosts.HostOf(kept.Address) == host));
        }

        if (_countOfHost.GetValueOrDefault(host) >= limits.MaximumPeersPerHost ||
            (torrent is null && !TryMakeRoom(NodeId.Of(infoHash).DistanceTo(self))))
        {
            return;
        }

        torrent ??= AddTorrent(infoHash);
        if (torrent.Peers.Count == limits.MaximumPeersPerTorrent || (PeerCount >= limits.MaximumPeerCount && torrent.Peers.Count > 0))
        {
            RemovePeer(torrent, 0);
        }

        torrent.Peers.Add(new Peer(peer, now));
        PeerCount++;
        _countOfHost[host] = _countOfHost.GetValueOrDefault(host) + 1;
    }

    /// <summary>Fills the span with peers of the torrent, chosen by chance, and returns how many.</summary>
    public int Choose(InfoHash infoHash, Span<PeerAddress> chosen)
    {
        if (!_byHash.TryGetValue(infoHash, out var torrent))
        {
            return 0;
        }

        var count = Math.Min(chosen.Length, torrent.Peers.Count);
        var start = torrent.Peers.Count > count ? prng.Next(torrent.Peers.Count) : 0;
        for (var i = 0; i < count; i++)
        {
            chosen[i] = torrent.Peers[(start + i) % torrent.Peers.Count].Address;
        }

        return count;
    }

    /// <summary>Info-hashes chosen by chance, the same for a while; and for how long still.</summary>
    public ReadOnlySpan<InfoHash> Sample(Instant now, out TimeSpan until)
    {
        if (now >= _samplesUntil)
        {
            var start = TorrentCount > MaximumSampleCount ? prng.Next(TorrentCount) : 0;
            _samples = [.. _nearestFirst.Skip(start).Concat(_nearestFirst.Take(start)).Take(MaximumSampleCount).Select(torrent => torrent.InfoHash)];
            _samplesUntil = now + SampleLifetime;
        }

        until = _samplesUntil - now;
        return _samples;
    }

    /// <summary>Forgets what is too old; takes time by how much is kept, so once a minute will do.</summary>
    public void Expire(Instant now)
    {
        foreach (var torrent in _nearestFirst.ToList())
        {
            while (torrent.Peers.Count > 0 && now - torrent.Peers[0].HeardAt > PeerLifetime)
            {
                RemovePeer(torrent, 0);
            }

            if (torrent.Peers.Count == 0)
            {
                Remove(torrent);
            }
        }
    }

    // Our id changes seldom.
    private void Centre(NodeId self)
    {
        if (self == _self)
        {
            return;
        }

        _self = self;
        Torrent[] torrents = [.. _nearestFirst];
        _nearestFirst.Clear();
        foreach (var torrent in torrents)
        {
            torrent.Distance = NodeId.Of(torrent.InfoHash).DistanceTo(self);
            _nearestFirst.Add(torrent);
        }
    }

    private bool TryMakeRoom(NodeId distance)
    {
        if (TorrentCount < limits.MaximumTorrentCount && PeerCount < limits.MaximumPeerCount)
        {
            return true;
        }

        var furthest = _nearestFirst.Max!;
        if (distance > furthest.Distance)
        {
            return false;
        }

        while (furthest.Peers.Count > 0)
        {
            RemovePeer(furthest, furthest.Peers.Count - 1);
        }

        Remove(furthest);
        return true;
    }

    private Torrent AddTorrent(InfoHash infoHash)
    {
        var torrent = new Torrent(infoHash) { Distance = NodeId.Of(infoHash).DistanceTo(_self) };
        _nearestFirst.Add(torrent);
        _byHash.Add(infoHash, torrent);
        return torrent;
    }

    private void Remove(Torrent torrent)
    {
        _byHash.Remove(torrent.InfoHash);
        _nearestFirst.Remove(torrent);
    }

    private void RemovePeer(Torrent torrent, int index)
    {
        var host = DhtHosts.HostOf(torrent.Peers[index].Address);
        torrent.Peers.RemoveAt(index);
        PeerCount--;
        if (--_countOfHost[host] is 0)
        {
            _countOfHost.Remove(host);
        }
    }

    private readonly record struct Peer(PeerAddress Address, Instant HeardAt);

    /// <summary>A torrent's peers, the one heard of longest ago first.</summary>
    private sealed class Torrent(InfoHash infoHash)
    {
        public InfoHash InfoHash { get; } = infoHash;

        /// <summary>From our id; its place in the order.</summary>
        public NodeId Distance { get; set; }

        public List<Peer> Peers { get; } = [];
    }
}
