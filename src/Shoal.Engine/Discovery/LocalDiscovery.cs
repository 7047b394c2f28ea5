using Shoal.Protocol;
using Shoal.Protocol.Discovery;

namespace Shoal.Engine.Discovery;

/// <summary>A peer on the local network that takes links for a torrent of ours.</summary>
public readonly record struct LocalPeer(InfoHash InfoHash, PeerAddress Address);

/// <summary>
/// Finds peers on the local network and lets them find us (BEP 14): when to announce which torrent, whom to answer, whom to believe.
/// A torrent is announced when it comes, once more after a minute, since a datagram may be lost, and every five minutes; sooner when a
/// neighbour is new, but never twice within a minute, and after a moment by chance, so that not all who have a torrent answer at once.
/// Anybody on the wire can say anything, from any address: all that it can do is to fill these bounds. Not thread-safe.
/// </summary>
public sealed class LocalDiscovery
{
    /// <summary>Torrents at most; those beyond are neither announced nor listened for.</summary>
    public const int MaximumTorrentCount = 2000;

    /// <summary>Neighbours remembered of each torrent; of more the oldest is forgotten.</summary>
    public const int MaximumNeighbourCount = 50;

    /// <summary>Peers of each torrent that are told of in a minute at most.</summary>
    public const int MaximumFoundPerMinute = 50;

    /// <summary>Datagrams read in a second at most.</summary>
    public const int MaximumDatagramsPerSecond = 200;

    private const ulong AnswerJitterTicks = 2 * TimeSpan.TicksPerSecond;
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan LeastInterval = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LeastAnswerDelay = TimeSpan.FromMilliseconds(50);

    private readonly string _cookie;
    private readonly Prng _prng;
    private readonly List<Torrent> _torrents = []; // in the order they came
    private readonly Dictionary<InfoHash, Torrent> _byInfoHash = [];
    private Allowance _datagrams = new(MaximumDatagramsPerSecond, TimeSpan.FromSeconds(1));

    /// <param name="cookie">By which our own announces are known again: unguessable, at most <see cref="LocalAnnounce.MaximumCookieLength"/> characters.</param>
    /// <param name="seed">The seed of all chance.</param>
    public LocalDiscovery(string cookie, ulong seed) => (_cookie, _prng) = (cookie, new Prng(seed));

    /// <summary>When <see cref="TryAnnounce"/> next has something to say; <see cref="Instant.Never"/> if never.</summary>
    public Instant Deadline
    {
        get
        {
            var deadline = Instant.Never;
            foreach (var torrent in _torrents)
            {
                deadline = Instant.Min(deadline, torrent.NextAt);
            }

            return deadline;
        }
    }

    /// <summary>A torrent is here, and its links are taken at <paramref name="port"/>. False if there are too many; one that is here already only moves.</summary>
    public bool Add(Instant now, InfoHash infoHash, ushort port)
    {
        if (_byInfoHash.TryGetValue(infoHash, out var known))
        {
            known.Port = port;
            return true;
        }

        if (_torrents.Count >= MaximumTorrentCount)
        {
            return false;
        }

        var torrent = new Torrent(infoHash) { Port = port, NextAt = now };
        _torrents.Add(torrent);
        _byInfoHash.Add(infoHash, torrent);
        return true;
    }

    /// <summary>A torrent is here no longer.</summary>
    public void Remove(InfoHash infoHash)
    {
        if (_byInfoHash.Remove(infoHash, out var torrent))
        {
            _torrents.Remove(torrent);
        }
    }

    /// <summary>There is another network to be heard on: all is announced again, as soon as may be.</summary>
    public void NetworkCame(Instant now) => _torrents.ForEach(torrent => AnnounceSoon(torrent, now));

    /// <summary>The next announce that is due; false if none is, and <see cref="Deadline"/> lies ahead.</summary>
    public bool TryAnnounce(Instant now, out LocalAnnounce announce)
    {
        List<InfoHash> due = [];
        ushort port = 0;
        foreach (var torrent in _torrents)
        {
            if (torrent.NextAt <= now && due.Count < LocalAnnounce.MaximumCount && (port == 0 || port == torrent.Port))
            {
                port = torrent.Port;
                due.Add(torrent.InfoHash);
                torrent.NextAt = now + (torrent.LastAt is null ? LeastInterval : Interval);
                torrent.LastAt = now;
            }
        }

        announce = new LocalAnnounce(port, due, _cookie);
        return due.Count > 0;
    }

    /// <summary>A datagram came. Appends the peers that it tells of.</summary>
    /// <param name="now">The time.</param>
    /// <param name="sender">Where it came from.</param>
    /// <param name="datagram">What it is.</param>
    /// <param name="found">Gets the peers.</param>
    public void Received(Instant now, PeerAddress sender, ReadOnlySpan<byte> datagram, ICollection<LocalPeer> found)
    {
        if (!_datagrams.TryTake(now) || !LocalAnnounce.TryRead(datagram, out var announce) || announce.Cookie == _cookie)
        {
            return;
        }

        var address = sender.WithPort(announce.Port);
        if (address.IsUnreachable || address.IsLinkLocal)
        {
            return; // an address that means something on one wire only cannot be told on (PeerAddress)
        }

        foreach (var infoHash in announce.InfoHashes)
        {
            if (_byInfoHash.TryGetValue(infoHash, out var torrent) && torrent.Found.TryTake(now))
            {
                found.Add(new LocalPeer(infoHash, address));
                if (torrent.Meet(address))
                {
                    AnnounceSoon(torrent, now);
                }
            }
        }
    }

    private void AnnounceSoon(Torrent torrent, Instant now)
    {
        var soon = now + LeastAnswerDelay + TimeSpan.FromTicks((long)(_prng.NextUInt64() % AnswerJitterTicks));
        var allowed = torrent.LastAt is { } last ? last + LeastInterval : now;
        torrent.NextAt = Instant.Min(torrent.NextAt, Instant.Max(soon, allowed));
    }

    private sealed class Torrent(InfoHash infoHash)
    {
        private readonly List<PeerAddress> _neighbours = []; // the oldest first
        private Allowance _found = new(MaximumFoundPerMinute, TimeSpan.FromMinutes(1));

        public InfoHash InfoHash => infoHash;

        public ushort Port { get; set; }

        public Instant NextAt { get; set; }

        /// <summary>When it was announced last; null if never.</summary>
        public Instant? LastAt { get; set; }

        public ref Allowance Found => ref _found;

        /// <summary>Remembers a neighbour; false if it was known.</summary>
        public bool Meet(PeerAddress neighbour)
        {
            if (_neighbours.Contains(neighbour))
            {
                return false;
            }

            if (_neighbours.Count >= MaximumNeighbourCount)
            {
                _neighbours.RemoveAt(0);
            }

            _neighbours.Add(neighbour);
            return true;
        }
    }

    // So many in each span of time, which begins with the first of them.
    private struct Allowance(int most, TimeSpan span)
    {
        private Instant _until;
        private int _count;

        public bool TryTake(Instant now)
        {
            if (now >= _until)
            {
                (_until, _count) = (now + span, 0);
            }

            return _count++ < most;
        }
    }
}
