using Shoal.Protocol;
using Shoal.Protocol.Dht;

namespace Shoal.Engine.Dht;

/// <summary>What one DHT node is and how it begins. Immutable.</summary>
/// <param name="Family">IPv4 or IPv6: each has a DHT of its own (BEP 32), and a node is in one.</param>
/// <param name="Seed">Decides all that is left to chance.</param>
/// <param name="Secrets">The keys of tokens and transaction ids: unforeseeable for others.</param>
public sealed record DhtOptions(PeerAddressKind Family, ulong Seed, (ulong Key0, ulong Key1) Secrets)
{
    /// <summary>Our id of an earlier run; null for a new one.</summary>
    public NodeId? Id { get; init; }

    /// <summary>Nodes of an earlier run, to be asked before <see cref="Bootstrap"/>; the first <see cref="DhtSnapshot.MaximumNodeCount"/> count.</summary>
    public IReadOnlyList<DhtContact> KnownNodes { get; init; } = [];

    /// <summary>Where to begin when nobody is known.</summary>
    public IReadOnlyList<PeerAddress> Bootstrap { get; init; } = [];

    /// <summary>Whether it only asks, and tells others so (BEP 43). No.</summary>
    public bool IsReadOnly { get; init; }

    /// <summary>The bounds.</summary>
    public DhtLimits Limits { get; init; } = new();
}

/// <summary>The bounds of one DHT node. Each holds at all times, whatever others send. Immutable.</summary>
public sealed record DhtLimits
{
    /// <summary>Torrents whose peers are kept; of more, those furthest from our id are forgotten. 4,000.</summary>
    public int MaximumTorrentCount { get; init; } = 4000;

    /// <summary>Peers kept of one torrent; the one heard of longest ago makes room. 100.</summary>
    public int MaximumPeersPerTorrent { get; init; } = 100;

    /// <summary>Peers kept of all torrents. 40,000.</summary>
    public int MaximumPeerCount { get; init; } = 40_000;

    /// <summary>Peers kept of one torrent for one host, the latest: whoever announces more displaces himself alone. 8.</summary>
    public int MaximumPeersPerHostAndTorrent { get; init; } = 8;

    /// <summary>Peers kept for one host (an IPv4 address, or 64 bits of an IPv6 address). 256.</summary>
    public int MaximumPeersPerHost { get; init; } = 256;

    /// <summary>Queries that are out at once. 512.</summary>
    public int MaximumPendingCount { get; init; } = 512;

    /// <summary>Lookups that run at once. 32.</summary>
    public int MaximumLookupCount { get; init; } = 32;

    /// <summary>Torrents that are looked for again and again. 4,096.</summary>
    public int MaximumSearchCount { get; init; } = 4096;

    /// <summary>Queries that one host may ask in a second, on average. 20.</summary>
    public int QueriesPerHostPerSecond { get; init; } = 20;

    /// <summary>Queries that one host may ask at once after a rest. 60.</summary>
    public int QueriesPerHostBurst { get; init; } = 60;

    /// <summary>Full answers that the strangers of one neighbourhood get in a second, on average; to more queries there are small ones. 4.</summary>
    public int FullAnswersPerNeighbourhoodPerSecond { get; init; } = 4;

    /// <summary>Full answers that the strangers of one neighbourhood get at once after a rest. 16.</summary>
    public int FullAnswersPerNeighbourhoodBurst { get; init; } = 16;

    /// <summary>
    /// Bytes of answers a second to hosts that never proved to be where their packets say they come from; those in the routing table have as
    /// much again for themselves. 3 MiB: more than ten thousand small answers.
    /// </summary>
    public long ReplyRateBytesPerSecond { get; init; } = 3 * 1024 * 1024;

    /// <summary>Places in each of the two tables by which queries are counted, a power of two; two hosts may share one. 16,384, of 8 bytes.</summary>
    public int HostSlotCount { get; init; } = 16 * 1024;
}
