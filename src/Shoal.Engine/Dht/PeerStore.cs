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

    private readonly List<Torrent> _torrents = [];
    private readonly Dictionary<InfoHash, Torrent> _byHash = [];
    private readonly Dictionary<PeerAddress, int> _countOfHost = [];
    private InfoHash[] _samples = [];
    private Instant _samplesUntil = Instant.Zero;

    public int TorrentCount => _torrents.Count;

    public int PeerCount { get; private set; }

    /// <summary>Keeps a peer, or that it was heard of again.</summary>
    public void Add(InfoHash infoHash, PeerAddress peer, NodeId self, Instant now)
    {
        if (_byHash.TryGetValue(infoHash, out var torrent) && torrent.Peers.FindIndex(kept => kept.Address == peer) is >= 0 and var known)
        {
            torrent.Peers.RemoveAt(known);
            torrent.Peers.Add(new Peer(peer, now));
            return;
        }

        if (_countOfHost.GetValueOrDefault(DhtHosts.HostOf(peer)) >= limits.MaximumPeersPerHost ||
            (torrent is null && !TryMakeRoom(NodeId.Of(infoHash), self)))
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
        var host = DhtHosts.HostOf(peer);
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
            _samples = new InfoHash[Math.Min(MaximumSampleCount, _torrents.Count)];
            var start = _torrents.Count > _samples.Length ? prng.Next(_torrents.Count) : 0;
            for (var i = 0; i < _samples.Length; i++)
            {
                _samples[i] = _torrents[(start + i) % _torrents.Count].InfoHash;
            }

            _samplesUntil = now + SampleLifetime;
        }

        until = _samplesUntil - now;
        return _samples;
    }

    /// <summary>Forgets what is too old; takes time by how much is kept, so once a minute will do.</summary>
    public void Expire(Instant now)
    {
        for (var i = _torrents.Count - 1; i >= 0; i--)
        {
            var torrent = _torrents[i];
            while (torrent.Peers.Count > 0 && now - torrent.Peers[0].HeardAt > PeerLifetime)
            {
                RemovePeer(torrent, 0);
            }

            if (torrent.Peers.Count == 0)
            {
                RemoveTorrent(i);
            }
        }
    }

    private bool TryMakeRoom(NodeId target, NodeId self)
    {
        if (_torrents.Count < limits.MaximumTorrentCount && PeerCount < limits.MaximumPeerCount)
        {
            return true;
        }

        var furthest = 0;
        for (var i = 1; i < _torrents.Count; i++)
        {
            if (NodeId.Of(_torrents[i].InfoHash).DistanceTo(self) > NodeId.Of(_torrents[furthest].InfoHash).DistanceTo(self))
            {
                furthest = i;
            }
        }

        if (target.DistanceTo(self) > NodeId.Of(_torrents[furthest].InfoHash).DistanceTo(self))
        {
            return false;
        }

        while (_torrents[furthest].Peers.Count > 0)
        {
            RemovePeer(_torrents[furthest], _torrents[furthest].Peers.Count - 1);
        }

        RemoveTorrent(furthest);
        return true;
    }

    private Torrent AddTorrent(InfoHash infoHash)
    {
        var torrent = new Torrent(infoHash);
        _torrents.Add(torrent);
        _byHash.Add(infoHash, torrent);
        return torrent;
    }

    private void RemoveTorrent(int index)
    {
        _byHash.Remove(_torrents[index].InfoHash);
        _torrents[index] = _torrents[^1];
        _torrents.RemoveAt(_torrents.Count - 1);
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

        public List<Peer> Peers { get; } = [];
    }
}
