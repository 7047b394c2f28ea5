using Shoal.Engine;
using Shoal.Engine.Dht;
using Shoal.Protocol;
using Shoal.Protocol.Dht;

namespace Shoal.Simulation.Fuzzing.Dht;

/// <summary>
/// Stands before one node's machine and holds all that passes against what a node promises. Knows only what passes: whom it asked, who answered
/// from where, which tokens it gave, and what was announced with them.
/// </summary>
/// <param name="inner">The machine.</param>
/// <param name="address">Where it is.</param>
/// <param name="options">What it was told.</param>
internal sealed class CheckedDht(IDhtMachine inner, PeerAddress address, DhtOptions options)
{
    /// <summary>What one input may make a machine want.</summary>
    private const int MostOutputs = 1000;

    private const int MostPacketBytes = 1400;
    private const int MostQueryBytes = 250;
    private const int MostLookupQueries = 128;
    private const int MostNearest = 8;
    private const int MostLookupPeers = 2000;

    /// <summary>How long a lookup may take: all its queries, so many at once, each unanswered; and the announces.</summary>
    private static readonly TimeSpan LongestLookup = TimeSpan.FromSeconds(2.5 * ((MostLookupQueries / 4) + 2));

    /// <summary>How long a machine may sleep: it looks after its table.</summary>
    private static readonly TimeSpan LongestSleep = TimeSpan.FromSeconds(12);

    private readonly DhtAsked _asked = new(address, options.Limits.MaximumPendingCount);
    private readonly DhtAnswers _answers = new(options);
    private readonly Dictionary<long, (Instant BeganAt, HashSet<PeerAddress> Peers)> _lookups = [];
    private Instant _now;
    private DhtStatus _before;
    private int _outputCount;
    private bool _isTick;
    private bool _isAnswered; // what came is the answer to a query

    public Instant Deadline => inner.Deadline;

    public NodeId Id => inner.Id;

    public PeerAddress Address => address;

    /// <summary>Nodes that it knows.</summary>
    public int NodeCount => inner.Status.NodeCount;

    /// <summary>Lookups that are not over.</summary>
    public int OpenLookupCount => _lookups.Count;

    public void Handle(Instant now, PeerAddress from, ReadOnlySpan<byte> packet)
    {
        Begin(now);
        if (KrpcReader.TryRead(packet, out var message) && from.Kind == options.Family && !from.IsUnreachable)
        {
            if (message.Kind == KrpcKind.Query)
            {
                _answers.Asked(now, from, message);
                if (message.Id != inner.Id)
                {
                    _asked.HeardOf(from);
                }
            }
            else
            {
                _isAnswered = _asked.TryAnswer(now, from, message, inner.Id);
            }
        }

        inner.Handle(now, from, packet);
    }

    public void Tick(Instant now)
    {
        Begin(now);
        _isTick = true;
        inner.Tick(now);
    }

    public void AddNode(Instant now, PeerAddress node)
    {
        Begin(now);
        _asked.Told(node);
        inner.AddNode(now, node);
    }

    public void Search(Instant now, InfoHash infoHash)
    {
        Begin(now);
        inner.TrySearch(now, infoHash, announcePort: 0);
    }

    public long Find(Instant now, NodeId target, int? announcePort)
    {
        Begin(now);
        var number = inner.Find(now, target, findsPeers: true, announcePort);
        if (number != 0)
        {
            _lookups.Add(number, (now, []));
        }

        return number;
    }

    /// <summary>Takes the next output; where there is none, the turn is over, and what it did to the machine is looked at.</summary>
    public bool TryPoll(out DhtOutput output)
    {
        if (!inner.TryPoll(out output))
        {
            EndTurn();
            return false;
        }

        Safety.Require(++_outputCount <= MostOutputs, "there is no end to what is wanted after one input");
        Check(output);
        return true;
    }

    /// <summary>Looks at what shall hold at any time. To be asked now and then.</summary>
    public void Look(Instant now)
    {
        _now = now;
        Safety.Require(inner.Deadline <= now + LongestSleep, "a timer is lost: none is set for the next twelve seconds");
        foreach (var (_, (beganAt, _)) in _lookups)
        {
            Safety.Require(now - beganAt <= LongestLookup, $"a lookup does not come to an end within {LongestLookup.TotalSeconds:F0} s");
        }

        LookAtTable(inner.Save().Nodes, inner.Status.BucketCount);
    }

    private void Begin(Instant now)
    {
        (_now, _outputCount, _isTick, _isAnswered, _before) = (now, 0, false, false, inner.Status);
        _answers.Begin();
    }

    private void Check(in DhtOutput output)
    {
        switch (output.Kind)
        {
            case DhtOutputKind.Send:
                CheckPacket(output.Address, output.Packet.Span);
                break;
            case DhtOutputKind.PeerFound:
                Safety.Require(_isAnswered || _answers.Keeps(output.Target.ToInfoHash(), output.Address), "a peer is found that nobody named");
                Safety.Require(output.Address.Kind == options.Family && DhtHost.IsSomewhere(output.Address), $"a peer is found where none can be, {output.Address}");
                if (_lookups.TryGetValue(output.Lookup, out var lookup))
                {
                    Safety.Require(lookup.Peers.Add(output.Address), "a peer is found twice by one lookup");
                    Safety.Require(lookup.Peers.Count <= MostLookupPeers, "a lookup finds peers without end");
                }

                break;
            case DhtOutputKind.LookupEnded:
                End(output);
                break;
            default:
                break;
        }
    }

    private void CheckPacket(PeerAddress to, ReadOnlySpan<byte> packet)
    {
        Safety.Require(packet.Length <= MostPacketBytes, "a packet is longer than what goes in one piece");
        Safety.Require(KrpcReader.TryRead(packet, out var message), "a packet is sent that is no message");
        Safety.Require(to.Kind == options.Family && DhtHost.IsSomewhere(to), $"a packet is sent to where nobody can be, {to}");
        if (message.Kind == KrpcKind.Query)
        {
            Safety.Require(packet.Length <= MostQueryBytes, "a query is long");
            _asked.Ask(_now, to, message);
        }
        else
        {
            Safety.Require(!options.IsReadOnly, "a node that only asks answers");
            _answers.Answer(_now, to, packet.Length, message, _asked);
        }
    }

    private void End(in DhtOutput output)
    {
        var result = output.Result!;
        Safety.Require(result.QueryCount <= MostLookupQueries, $"a lookup sent {result.QueryCount} queries");
        Safety.Require(result.Nearest.Count <= MostNearest, $"a lookup ends at {result.Nearest.Count} nodes");
        foreach (var contact in result.Nearest)
        {
            Safety.Require(_asked.HasAnswered(contact), "a lookup ends at a node that never answered");
        }

        if (output.Lookup != 0)
        {
            Safety.Require(_lookups.Remove(output.Lookup), "a lookup ends that is none, or ended before");
        }
    }

    private void EndTurn()
    {
        var (status, limits) = (inner.Status, options.Limits);
        Safety.Require(status.TorrentCount <= limits.MaximumTorrentCount, $"{status.TorrentCount} torrents are kept");
        Safety.Require(status.PeerCount <= limits.MaximumPeerCount, $"{status.PeerCount} peers are kept");
        Safety.Require(status.PeerCount <= limits.MaximumPeersPerTorrent * status.TorrentCount, "too many peers of one torrent are kept");
        Safety.Require(status.PendingCount <= limits.MaximumPendingCount, $"{status.PendingCount} queries are out");
        Safety.Require(status.LookupCount <= limits.MaximumLookupCount + 2, $"{status.LookupCount} lookups run"); // of those two join
        Safety.Require(status.SearchCount <= limits.MaximumSearchCount, $"{status.SearchCount} searches stand");
        Safety.Require(status.BucketCount <= NodeId.Bits && status.NodeCount + status.SpareCount <= 16 * status.BucketCount, "the table has outgrown its bounds");
        Safety.Require(
            _answers.MayKeep || status.PeerCount <= _before.PeerCount, "a peer is kept that nobody announced with a token of its own");
        Safety.Require(_isAnswered || status.RepliesReceived == _before.RepliesReceived, "an answer counts that nobody was asked for");
        Safety.Require(
            _isAnswered || status.NodeCount + status.SpareCount <= _before.NodeCount + _before.SpareCount, "a node is taken into the table that did not answer");
        Safety.Require(!_isTick || inner.Deadline > _now, "a timer spins: its deadline is no later after it than before");
    }

    private void LookAtTable(IReadOnlyList<DhtContact> nodes, int bucketCount)
    {
        HashSet<PeerAddress> hosts = [];
        HashSet<NodeId> ids = [];
        Dictionary<(int, PeerAddress), int> neighbours = [];
        foreach (var node in nodes)
        {
            Safety.Require(node.Address != address && node.Id != inner.Id, "a node stands in its own table");
            Safety.Require(_asked.HasAnswered(node), "a node stands in the table that never answered there under its id");
            Safety.Require(ids.Add(node.Id), "an id stands in the table twice");
            if (SecureNodeId.IsLocal(node.Address))
            {
                continue;
            }

            Safety.Require(hosts.Add(DhtHost.Of(node.Address)), "a host stands in the table twice");
            var place = (Math.Min(inner.Id.CommonBits(node.Id), bucketCount - 1), DhtHost.NeighbourhoodOf(node.Address));
            neighbours[place] = neighbours.GetValueOrDefault(place) + 1;
            Safety.Require(neighbours[place] <= 2, "a neighbourhood has more than two places in a bucket");
        }
    }
}
