using Shoal.Protocol;

namespace Shoal.Cli.Reporting;

/// <summary>How one DHT node stands.</summary>
/// <param name="Family">ipv4 or ipv6.</param>
/// <param name="Id">Its id, in hexadecimal digits.</param>
/// <param name="ExternalAddress">Where others see it; null while they have not said so.</param>
/// <param name="Nodes">Nodes in the routing table.</param>
/// <param name="Buckets">Its buckets.</param>
/// <param name="Torrents">Torrents whose peers it keeps.</param>
/// <param name="Peers">Those peers.</param>
/// <param name="QueriesPerSecond">Queries that came, lately.</param>
/// <param name="Queries">Queries that came.</param>
/// <param name="Refused">Of them those not answered, since too many came.</param>
/// <param name="Dropped">Packets that were nothing to us.</param>
internal sealed record DhtEvent(
    string Family, string Id, string? ExternalAddress, int Nodes, int Buckets, int Torrents, int Peers,
    double QueriesPerSecond, long Queries, long Refused, long Dropped) : Event
{
    public override string ToLine() =>
        $"{(Family == "ipv4" ? "IPv4" : "IPv6")}: {Units.Count(Nodes, "node")} in {Units.Count(Buckets, "bucket")}, " +
        $"{Units.Count(Torrents, "torrent")} with {Units.Count(Peers, "peer")}, " +
        $"{QueriesPerSecond:F1} queries/s ({Queries} in all, {Refused} refused, {Dropped} packets dropped), " +
        $"seen at {ExternalAddress ?? "?"}, id {Id}";
}

/// <summary>A peer that the DHT names.</summary>
internal sealed record DhtPeerEvent(InfoHash InfoHash, string Address) : Event
{
    public override string ToLine() => Address;
}

/// <summary>A lookup in the DHT is over.</summary>
internal sealed record DhtLookupEvent(string Family, InfoHash InfoHash, int Peers, int Hops, int Queries, int Answers, double Seconds) : Event
{
    public override string ToLine() =>
        $"{(Family == "ipv4" ? "IPv4" : "IPv6")}: {Units.Count(Peers, "peer")}, {Units.Count(Hops, "hop")}, {Answers} of {Queries} nodes answered, {Seconds:F1} s";
}
