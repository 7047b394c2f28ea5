using Shoal.Protocol;
using Shoal.Protocol.Dht;

namespace Shoal.Engine.Dht;

/// <summary>
/// The lookups that run, and the standing searches that begin one now and then: after 5 s and twice as long each time while nobody is found,
/// else every 15 minutes, give or take an eighth. Bounded by <see cref="DhtLimits"/>. Not thread-safe.
/// </summary>
internal sealed class Lookups(DhtContext context)
{
    private static readonly TimeSpan SearchInterval = TimeSpan.FromMinutes(15);
    private static readonly TimeSpan FirstRetry = TimeSpan.FromSeconds(5);

    private readonly List<Lookup> _running = [];
    private readonly List<Search> _searches = [];
    private readonly List<PeerAddress> _found = [];

    /// <summary>Told of each lookup that is over.</summary>
    public Action<DhtLookupResult>? Ended { get; set; }

    public int RunningCount => _running.Count;

    public int SearchCount => _searches.Count;

    public bool HasRoom => _running.Count < context.Limits.MaximumLookupCount;

    /// <summary>When the next search is due.</summary>
    public Instant Deadline
    {
        get
        {
            var next = Instant.Never;
            if (HasRoom && context.Table.Count > 0)
            {
                foreach (var search in _searches)
                {
                    next = Instant.Min(next, search.NextAt);
                }
            }

            return next;
        }
    }

    /// <summary>Begins a lookup at the nodes that we know, and at others.</summary>
    public void Begin(Lookup lookup, IEnumerable<PeerAddress> others)
    {
        Span<DhtContact> nearest = stackalloc DhtContact[2 * RoutingTable.BucketSize];
        foreach (var contact in nearest[..context.Table.Nearest(lookup.Target, nearest)])
        {
            lookup.Add(contact, hops: 1);
        }

        foreach (var address in others)
        {
            lookup.Add(new DhtContact(default, address), hops: 1, isIdKnown: false);
        }

        _running.Add(lookup);
        FindHere(lookup);
        Continue(lookup);
    }

    /// <summary>Whether there is such a search now. The first lookup begins at once.</summary>
    public bool TrySearch(InfoHash infoHash, int? announcePort)
    {
        EndSearch(infoHash);
        if (_searches.Count >= context.Limits.MaximumSearchCount)
        {
            return false;
        }

        _searches.Add(new Search(infoHash, announcePort) { NextAt = context.Now });
        BeginDue();
        return true;
    }

    /// <summary>Ends the search and its lookup, which tells nobody of us any more; answers that still come to it count for nothing.</summary>
    public void EndSearch(InfoHash infoHash)
    {
        if (_searches.Find(search => search.InfoHash == infoHash) is { } search)
        {
            _searches.Remove(search);
            _running.RemoveAll(lookup => lookup == search.Lookup);
        }
    }

    /// <summary>Begins those searches that are due while there is room. Without a node to ask they wait.</summary>
    public void BeginDue()
    {
        for (var i = 0; i < _searches.Count && HasRoom && context.Table.Count > 0; i++)
        {
            var search = _searches[i];
            if (search.NextAt <= context.Now)
            {
                search.NextAt = Instant.Never; // until this one is over
                search.Lookup = new Lookup(0, NodeId.Of(search.InfoHash), findsPeers: true, search.AnnouncePort, context.Now);
                Begin(search.Lookup, []);
            }
        }
    }

    public void Answered(in PendingQuery query, in KrpcMessage reply, PeerAddress from)
    {
        var lookup = query.Lookup!;
        if (!_running.Contains(lookup))
        {
            return;
        }

        if (query.Method == KrpcMethod.AnnouncePeer)
        {
            lookup.InFlight--;
            lookup.AnnounceCount++;
        }
        else
        {
            lookup.Answered(query.Candidate!, reply.Id, reply.Token);
            Learn(lookup, query.Candidate!, reply, from);
        }

        Continue(lookup);
    }

    public void Failed(in PendingQuery query)
    {
        var lookup = query.Lookup!;
        if (!_running.Contains(lookup))
        {
            return;
        }

        if (query.Method == KrpcMethod.AnnouncePeer)
        {
            lookup.InFlight--;
        }
        else
        {
            lookup.Failed(query.Candidate!);
        }

        Continue(lookup);
    }

    // What was announced to us, others need not have: where there are few nodes, they are who looks for it.
    private void FindHere(Lookup lookup)
    {
        if (!lookup.FindsPeers)
        {
            return;
        }

        Span<PeerAddress> peers = stackalloc PeerAddress[50];
        foreach (var peer in peers[..context.Store.Choose(lookup.Target.ToInfoHash(), peers)])
        {
            Find(lookup, peer);
        }
    }

    private void Find(Lookup lookup, PeerAddress peer)
    {
        if (lookup.IsNew(peer))
        {
            context.Outbox.Add(new DhtOutput(DhtOutputKind.PeerFound, peer, Target: lookup.Target, Lookup: lookup.Number));
        }
    }

    private void Learn(Lookup lookup, Candidate candidate, in KrpcMessage reply, PeerAddress from)
    {
        var isIPv4 = context.Options.Family == PeerAddressKind.IPv4;
        var list = isIPv4 ? reply.Nodes : reply.Nodes6;
        var length = isIPv4 ? DhtContact.CompactLengthIPv4 : DhtContact.CompactLengthIPv6;
        for (var i = 0; i < Lookup.MaximumNodesPerAnswer && DhtContact.TryTake(ref list, length, out var contact); i++)
        {
            if (contact.Id != context.Self && DhtHosts.IsBelievable(contact.Address, context.Options.Family, from))
            {
                lookup.Add(contact, candidate.Hops + 1);
            }
        }

        if (!lookup.FindsPeers)
        {
            return;
        }

        _found.Clear();
        KrpcReader.ReadPeers(reply.Peers, context.Options.Family, KrpcReader.MaximumPacketLength / 8, _found);
        foreach (var peer in _found)
        {
            if (DhtHosts.IsBelievable(peer, context.Options.Family, from))
            {
                Find(lookup, peer);
            }
        }
    }

    private void Continue(Lookup lookup)
    {
        while (!lookup.IsAnnouncing && lookup.TryNext(out var candidate))
        {
            var method = lookup.FindsPeers ? KrpcMethod.GetPeers : KrpcMethod.FindNode;
            var query = new PendingQuery(candidate.Contact, method, lookup, candidate);
            if (!context.Queries.TrySend(query, new KrpcMessage { Target = lookup.Target, Want = context.Want }))
            {
                break; // goes on with the next answer or time-out
            }

            lookup.Asked(candidate);
        }

        if (lookup.InFlight == 0 && lookup is { IsAnnouncing: false, AnnouncePort: { } port })
        {
            Announce(lookup, port);
        }

        if (lookup.InFlight == 0 && _running.Remove(lookup))
        {
            End(lookup);
        }
    }

    private void Announce(Lookup lookup, int port)
    {
        lookup.IsAnnouncing = true;
        foreach (var candidate in lookup.Trusted())
        {
            var query = new PendingQuery(candidate.Contact, KrpcMethod.AnnouncePeer, lookup, candidate);
            if (candidate.Token is { } token && context.Queries.TrySend(query, new KrpcMessage
            {
                Target = lookup.Target, Token = token, Port = (ushort)(port == 0 ? 1 : port), HasImpliedPort = port == 0,
            }))
            {
                lookup.InFlight++;
            }
        }
    }

    private void End(Lookup lookup)
    {
        foreach (var search in _searches)
        {
            if (search.Lookup == lookup)
            {
                search.Lookup = null;
                search.EmptyCount = lookup.PeerCount > 0 ? 0 : Math.Min(search.EmptyCount + 1, 10);
                var pause = search.EmptyCount == 0 ? SearchInterval : FirstRetry * (1 << (search.EmptyCount - 1));
                search.NextAt = context.Now + context.Jittered(pause < SearchInterval ? pause : SearchInterval);
            }
        }

        var result = lookup.ToResult(context.Now);
        Ended?.Invoke(result);
        context.Outbox.Add(new DhtOutput(DhtOutputKind.LookupEnded, Target: lookup.Target, Lookup: lookup.Number, Result: result));
    }

    private sealed class Search(InfoHash infoHash, int? announcePort)
    {
        public InfoHash InfoHash { get; } = infoHash;

        public int? AnnouncePort { get; } = announcePort;

        public Instant NextAt { get; set; }

        public Lookup? Lookup { get; set; }

        /// <summary>Lookups in a row that found nobody.</summary>
        public int EmptyCount { get; set; }
    }
}
