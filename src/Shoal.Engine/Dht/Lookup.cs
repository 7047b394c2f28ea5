using Shoal.Protocol;
using Shoal.Protocol.Dht;

namespace Shoal.Engine.Dht;

internal enum CandidateState : byte
{
    New,
    Asked,
    Answered,
    Failed,
}

/// <summary>A node that a lookup may ask.</summary>
internal sealed class Candidate(DhtContact contact, NodeId distance, int hops)
{
    public DhtContact Contact { get; set; } = contact;

    public NodeId Distance { get; set; } = distance;

    /// <summary>How many nodes in a row led to it, itself counted.</summary>
    public int Hops { get; } = hops;

    public CandidateState State { get; set; }

    /// <summary>What to show when announcing to it; null if it gave none.</summary>
    public byte[]? Token { get; set; }
}

/// <summary>
/// One way through the DHT to the nodes nearest to a target (BEP 5): ask the nearest that are known, a few at a time, until the nearest 8 of
/// those that live have answered. Bounds: 160 candidates, one for each host; 128 queries; 16 nodes from each answer; 2,000 peers. Not thread-safe.
/// </summary>
internal sealed class Lookup(long number, NodeId target, bool findsPeers, int? announcePort, Instant now)
{
    /// <summary>Queries that one lookup has out at once: Kademlia's alpha.</summary>
    public const int Parallelism = 4;

    public const int MaximumCandidateCount = 160;

    public const int MaximumQueryCount = 128;

    public const int MaximumNodesPerAnswer = 16;

    public const int MaximumPeerCount = 2000;

    // Nearest first; those whose ids nobody knows yet last.
    private readonly List<Candidate> _candidates = [];
    private readonly HashSet<PeerAddress> _hosts = [];
    private readonly HashSet<PeerAddress> _peers = [];

    /// <summary>How the driver knows it; 0 for one of a standing search, or our own.</summary>
    public long Number { get; } = number;

    public NodeId Target { get; } = target;

    /// <summary>Whether peers are asked for; else nodes alone.</summary>
    public bool FindsPeers { get; } = findsPeers;

    /// <summary>The port to announce once the nearest nodes are found; 0 for that of the packets. Null: nothing is announced.</summary>
    public int? AnnouncePort { get; } = announcePort;

    public Instant BeganAt { get; } = now;

    /// <summary>Whether the announces are on their way.</summary>
    public bool IsAnnouncing { get; set; }

    public int InFlight { get; set; }

    public int QueryCount { get; private set; }

    public int AnswerCount { get; private set; }

    public int AnnounceCount { get; set; }

    public int PeerCount => _peers.Count;

    /// <summary>Takes a node for a candidate, unless its host is one already, or it is too far to matter.</summary>
    public void Add(DhtContact contact, int hops, bool isIdKnown = true)
    {
        var distance = isIdKnown ? contact.Id.DistanceTo(Target) : NodeId.Greatest;
        if (_candidates.Count == MaximumCandidateCount && (_candidates[^1].State != CandidateState.New || _candidates[^1].Distance < distance))
        {
            return;
        }

        if (!_hosts.Add(KeyOf(contact.Address)))
        {
            return;
        }

        if (_candidates.Count == MaximumCandidateCount)
        {
            _hosts.Remove(KeyOf(_candidates[^1].Contact.Address));
            _candidates.RemoveAt(_candidates.Count - 1);
        }

        Insert(new Candidate(contact, distance, hops));
    }

    /// <summary>The next to be asked just now.</summary>
    public bool TryNext(out Candidate next)
    {
        next = null!;
        if (InFlight >= Parallelism || QueryCount >= MaximumQueryCount)
        {
            return false;
        }

        var living = 0;
        foreach (var candidate in _candidates)
        {
            if (candidate.State == CandidateState.New)
            {
                next = candidate;
                return true;
            }

            if (candidate.State != CandidateState.Failed && ++living == RoutingTable.BucketSize)
            {
                return false;
            }
        }

        return false;
    }

    public void Asked(Candidate candidate)
    {
        candidate.State = CandidateState.Asked;
        InFlight++;
        QueryCount++;
    }

    /// <summary>The candidate answered, and so told its id if that was not known.</summary>
    public void Answered(Candidate candidate, NodeId id, ReadOnlySpan<byte> token)
    {
        InFlight--;
        AnswerCount++;
        candidate.State = CandidateState.Answered;
        candidate.Token = token.IsEmpty ? null : token.ToArray();
        if (candidate.Distance == NodeId.Greatest)
        {
            _candidates.Remove(candidate);
            candidate.Contact = candidate.Contact with { Id = id };
            candidate.Distance = id.DistanceTo(Target);
            Insert(candidate);
        }
    }

    public void Failed(Candidate candidate)
    {
        InFlight--;
        candidate.State = CandidateState.Failed;
    }

    /// <summary>Whether the peer is news.</summary>
    public bool IsNew(PeerAddress peer) => _peers.Count < MaximumPeerCount && _peers.Add(peer);

    /// <summary>The nearest that answered, nearest first.</summary>
    public IEnumerable<Candidate> Nearest() =>
        _candidates.Where(candidate => candidate.State == CandidateState.Answered).Take(RoutingTable.BucketSize);

    /// <summary>
    /// To whom to announce: of all that answered the nearest whose ids follow from their addresses (BEP 42), and where these are fewer than 8 the nearest others;
    /// so nobody takes a torrent by calling himself near to it.
    /// </summary>
    public IEnumerable<Candidate> Trusted() => _candidates
        .Where(candidate => candidate.State == CandidateState.Answered)
        .OrderByDescending(candidate => SecureNodeId.Fits(candidate.Contact.Id, candidate.Contact.Address))
        .Take(RoutingTable.BucketSize);

    public DhtLookupResult ToResult(Instant now)
    {
        var nearest = Nearest().ToList();
        return new DhtLookupResult(
            Target, PeerCount, nearest.Count > 0 ? nearest[0].Hops : 0, QueryCount, AnswerCount, AnnounceCount,
            [.. nearest.Select(candidate => candidate.Contact)], now - BeganAt);
    }

    private static PeerAddress KeyOf(PeerAddress address) => SecureNodeId.IsLocal(address) ? address : DhtHosts.HostOf(address);

    private void Insert(Candidate candidate)
    {
        var at = _candidates.Count;
        while (at > 0 && _candidates[at - 1].Distance > candidate.Distance)
        {
            at--;
        }

        _candidates.Insert(at, candidate);
    }
}
