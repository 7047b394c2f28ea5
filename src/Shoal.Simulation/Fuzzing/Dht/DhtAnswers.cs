using Shoal.Engine;
using Shoal.Engine.Dht;
using Shoal.Protocol;
using Shoal.Protocol.Dht;

namespace Shoal.Simulation.Fuzzing.Dht;

/// <summary>
/// What a node answers: once to each query and to who asked, within the bounds of a host and of all together; tokens as they were given, and
/// peers that were announced with them.
/// </summary>
internal sealed class DhtAnswers(DhtOptions options)
{
    /// <summary>How long a token may count, and how long a peer is kept after its announce; it is swept once a minute.</summary>
    private static readonly TimeSpan TokenLife = TimeSpan.FromMinutes(10);

    private static readonly TimeSpan PeerLife = TimeSpan.FromMinutes(31.5);

    private const int MostPacketBytes = 1400;
    private const int MostPeers = 50;

    private readonly Dictionary<(PeerAddress Address, string Token), Instant> _tokens = [];
    private readonly Dictionary<(InfoHash, PeerAddress), Instant> _announced = [];
    private readonly Dictionary<PeerAddress, Level> _hosts = [];
    private readonly List<PeerAddress> _peers = [];
    private Level _all;
    private Query? _query; // that may be answered in this turn

    /// <summary>Whether what was asked may make a peer be kept.</summary>
    public bool MayKeep { get; private set; }

    /// <summary>A turn begins.</summary>
    public void Begin() => (_query, MayKeep) = (null, false);

    /// <summary>A query has come.</summary>
    public void Asked(Instant now, PeerAddress from, in KrpcMessage query)
    {
        _query = new Query(from, Convert.ToHexString(query.Transaction), query.Method, query.Target.ToInfoHash());
        if (query.Method == KrpcMethod.AnnouncePeer)
        {
            MayKeep = !options.IsReadOnly &&
                _tokens.TryGetValue((from.WithPort(0), Convert.ToHexString(query.Token)), out var given) && now - given <= TokenLife;
            if (MayKeep)
            {
                _announced[(_query.InfoHash, query.HasImpliedPort ? from : from.WithPort(query.Port))] = now;
            }
        }
    }

    /// <summary>Whether the peer was ever announced here.</summary>
    public bool Keeps(InfoHash infoHash, PeerAddress peer) => _announced.ContainsKey((infoHash, peer));

    /// <summary>An answer goes out.</summary>
    public void Answer(Instant now, PeerAddress to, int length, in KrpcMessage answer, DhtAsked asked)
    {
        Safety.Require(_query is not null && _query.From == to, "an answer goes to one who did not ask, or a second one to who did");
        Safety.Require(_query!.Transaction == Convert.ToHexString(answer.Transaction), "an answer has another transaction id than the query");
        var query = _query;
        _query = null;
        Count(now, to, length);
        if (answer.Kind == KrpcKind.Error)
        {
            return;
        }

        Safety.Require(query.Method != KrpcMethod.AnnouncePeer || MayKeep, "an announce is taken without a token that was given to its address");
        if (!answer.Token.IsEmpty)
        {
            _tokens[(to.WithPort(0), Convert.ToHexString(answer.Token))] = now;
        }

        CheckNodes(answer, asked);
        CheckPeers(now, query, answer);
    }

    private void Count(Instant now, PeerAddress to, int length)
    {
        var limits = options.Limits;
        var host = _hosts.GetValueOrDefault(DhtHost.Of(to));
        Safety.Require(
            host.Add(now, 1, limits.QueriesPerHostPerSecond) <= limits.QueriesPerHostBurst + 1, "a host is given more answers than it may have");
        _hosts[DhtHost.Of(to)] = host;

        // Two buckets: of strangers, and of nodes in the table. Each may be overdrawn by one packet.
        var burst = Math.Max(limits.ReplyRateBytesPerSecond / 4, 32 * 1024);
        Safety.Require(
            _all.Add(now, length, 2 * limits.ReplyRateBytesPerSecond) <= 2 * (burst + MostPacketBytes), "more bytes are answered in all than may be");
    }

    private void CheckNodes(in KrpcMessage answer, DhtAsked asked)
    {
        var isIPv4 = options.Family == PeerAddressKind.IPv4;
        var list = isIPv4 ? answer.Nodes : answer.Nodes6;
        var size = isIPv4 ? DhtContact.CompactLengthIPv4 : DhtContact.CompactLengthIPv6;
        while (DhtContact.TryTake(ref list, size, out var contact))
        {
            Safety.Require(asked.HasAnswered(contact), "a node is named to others that never answered");
        }
    }

    private void CheckPeers(Instant now, Query query, in KrpcMessage answer)
    {
        _peers.Clear();
        KrpcReader.ReadPeers(answer.Peers, options.Family, int.MaxValue, _peers);
        Safety.Require(_peers.Count <= MostPeers, "too many peers are named");
        foreach (var peer in _peers)
        {
            Safety.Require(
                _announced.TryGetValue((query.InfoHash, peer), out var at) && now - at <= PeerLife, "a peer is named that was not announced, or long ago");
        }
    }

    private sealed record Query(PeerAddress From, string Transaction, KrpcMethod Method, InfoHash InfoHash);

    /// <summary>A leaking bucket: how full it is.</summary>
    private struct Level
    {
        private Instant _at;
        private double _level;

        public double Add(Instant now, double amount, double leakPerSecond)
        {
            _level = Math.Max(0, _level - (leakPerSecond * (now - _at).TotalSeconds)) + amount;
            _at = now;
            return _level;
        }
    }
}
