using Shoal.Protocol;
using Shoal.Protocol.Dht;

namespace Shoal.Engine.Dht;

/// <summary>
/// Keeps a node in the DHT (BEP 5): joins it, and again if nobody is left; asks questionable nodes whether they are still there; looks into buckets
/// in which nothing happened for 15 minutes; checks, by a ping, who asks us or is told to us. Not thread-safe.
/// </summary>
internal sealed class Upkeep(DhtContext context, Lookups lookups)
{
    /// <summary>Nodes that are checked at once because somebody named them, or because they asked.</summary>
    public const int MaximumCheckCount = 32;

    private const int PingsPerRound = 4;
    private static readonly TimeSpan Round = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan RefreshInterval = TimeSpan.FromMinutes(15);
    private static readonly TimeSpan ThinRefreshInterval = TimeSpan.FromMinutes(3);
    private static readonly TimeSpan FirstRejoin = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LongestRejoin = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan ExpiryInterval = TimeSpan.FromMinutes(1);

    private readonly List<PeerAddress> _bootstrap = [.. context.Options.Bootstrap.Take(MaximumBootstrapCount)];
    private Instant _nextRound = context.Now;
    private Instant _nextJoin = context.Now;
    private Instant _nextExpiry = context.Now + ExpiryInterval;
    private TimeSpan _rejoinPause = FirstRejoin;
    private Lookup? _joining;

    /// <summary>Addresses to begin at, at most.</summary>
    public const int MaximumBootstrapCount = 64;

    /// <summary>Pings that check somebody, on their way.</summary>
    public int CheckCount { get; set; }

    public Instant Deadline => Instant.Min(_nextRound, IsLonely && _joining is null ? _nextJoin : Instant.Never);

    // Who came among the first has to ask again for those that came later.
    private bool IsLonely => context.Table.Count < RoutingTable.BucketSize;

    /// <summary>Somebody is said to be a node there; with nobody else to begin at, we begin there.</summary>
    public void Hear(PeerAddress address)
    {
        if (!DhtHosts.IsBelievable(address, context.Options.Family, address))
        {
            return;
        }

        if (context.Table.Count == 0 && !_bootstrap.Contains(address) && _bootstrap.Count < MaximumBootstrapCount)
        {
            _bootstrap.Add(address);
            _nextJoin = Instant.Min(_nextJoin, context.Now);
        }

        Check(new DhtContact(default, address));
    }

    /// <summary>A node asked us; if we could use it, it is asked whether it is where its packet says. Ourselves we would ask for ever: a stranger may name us to us.</summary>
    public void Asked(DhtContact contact)
    {
        if (contact.Id != context.Self && CheckCount < MaximumCheckCount && context.Table.Find(contact) is null && context.Table.HasRoomFor(contact) &&
            DhtHosts.IsBelievable(contact.Address, context.Options.Family, contact.Address))
        {
            Check(contact);
        }
    }

    /// <summary>Our id is new: the places that suit it have to be found.</summary>
    public void Rejoin()
    {
        _joining = null;
        Join();
    }

    public void Tick()
    {
        if (context.Now >= _nextExpiry)
        {
            _nextExpiry = context.Now + ExpiryInterval;
            context.Store.Expire(context.Now);
        }

        if (IsLonely && _joining is null && context.Now >= _nextJoin)
        {
            Join();
        }

        if (context.Now < _nextRound)
        {
            return;
        }

        _nextRound = context.Now + context.Jittered(Round);
        for (var i = 0; i < PingsPerRound && context.Table.NextQuestionable(context.Now, Round / 2) is { } node; i++)
        {
            node.AskedAt = context.Now;
            context.Queries.TrySend(new PendingQuery(node.Contact, KrpcMethod.Ping, null, null), default);
        }

        RefreshOne();
    }

    /// <summary>A lookup is over, perhaps the one that joins.</summary>
    public void Ended(DhtLookupResult result)
    {
        if (_joining is null || result.Target != _joining.Target)
        {
            return;
        }

        _joining = null;
        _rejoinPause = !IsLonely ? FirstRejoin : _rejoinPause * 2 < LongestRejoin ? _rejoinPause * 2 : LongestRejoin;
        _nextJoin = context.Now + context.Jittered(_rejoinPause);
    }

    private void Join()
    {
        var known = context.Options.KnownNodes.Take(DhtSnapshot.MaximumNodeCount).Select(node => node.Address).ToArray();
        context.Prng.Shuffle(known.AsSpan());
        if (known.Length + _bootstrap.Count + context.Table.Count == 0)
        {
            _nextJoin = Instant.Never; // until somebody is heard of
            return;
        }

        _joining = new Lookup(0, context.Self, findsPeers: false, announcePort: null, context.Now);
        // Those of an earlier run spare the bootstrap nodes; those stand among the first, so that stale ones do not hold us up.
        lookups.Begin(_joining, known.Take(Lookup.Parallelism).Concat(_bootstrap).Concat(known.Skip(Lookup.Parallelism)));
    }

    private void Check(DhtContact contact)
    {
        if (CheckCount < MaximumCheckCount &&
            context.Queries.TrySend(new PendingQuery(contact, KrpcMethod.Ping, null, null) { IsCheck = true }, default))
        {
            CheckCount++;
        }
    }

    private void RefreshOne()
    {
        if (context.Table.Count == 0 || !lookups.HasRoom)
        {
            return;
        }

        var buckets = context.Table.Buckets;
        for (var i = 0; i < buckets.Count; i++)
        {
            var interval = buckets[i].Nodes.Count < RoutingTable.BucketSize / 2 ? ThinRefreshInterval : RefreshInterval;
            if (context.Now - buckets[i].FreshAt >= interval)
            {
                buckets[i].FreshAt = context.Now;
                lookups.Begin(new Lookup(0, context.Self.Beside(i, context.RandomId()), findsPeers: false, announcePort: null, context.Now), []);
                return;
            }
        }
    }
}
