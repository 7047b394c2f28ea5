using Shoal.Engine.Choking;
using Shoal.Protocol;

namespace Shoal.Engine.Swarms;

/// <summary>What one swarm is about and how it behaves. Every limit is a bound that holds at all times.</summary>
public sealed record SwarmOptions
{
    /// <summary>Which torrent.</summary>
    public required InfoHash InfoHash { get; init; }

    /// <summary>The trackers, in tiers (BEP 12).</summary>
    public IReadOnlyList<IReadOnlyList<string>> Trackers { get; init; } = [];

    /// <summary>Whether each tracker is announced to, rather than the first that answers.</summary>
    public bool AnnouncesToAll { get; init; }

    /// <summary>Links of this swarm at most, half-open ones included.</summary>
    public int MaximumConnectionCount { get; init; } = 100;

    /// <summary>Peers that we upload to at once, the optimistic one included. A seeder whose pieces nobody else has may serve more.</summary>
    public int UploadSlotCount { get; init; } = 8;

    /// <summary>
    /// Whether all peers are parts of one job: nobody is choked, links between those that have everything stay open, since more may come to
    /// be wanted, nobody is taken for an attacker who sends much, and each is asked for no more than its part of what there are buffers for.
    /// </summary>
    public bool IsTrusted { get; init; }

    /// <summary>
    /// Whether peers are told of each other (BEP 11). Not where all are parts of one job, and not those of a private torrent, whatever stands
    /// here.
    /// </summary>
    public bool ExchangesPeers { get; init; }

    /// <summary>Whether peers are told that we would rather be spoken to encrypted (BEP 10).</summary>
    public bool PrefersEncryption { get; init; }

    /// <summary>Tells peers that are cheap to fetch from, on the same node: what they have is not asked of others. Null: none are.</summary>
    public Func<PeerAddress, bool>? IsNear { get; init; }

    /// <summary>
    /// Our own address as the near peers know it: with it those of a node share among themselves what to fetch from afar. Null: each
    /// fetches whatever it finds.
    /// </summary>
    public PeerAddress? Self { get; init; }

    /// <summary>Whom a seeder unchokes.</summary>
    public SeedingPolicy SeedingPolicy { get; init; } = SeedingPolicy.RoundRobin;

    /// <summary>How requests are spread over those who have what we want.</summary>
    public BalancePolicy Balance { get; init; } = BalancePolicy.Swarm;

    /// <summary>
    /// Whether a piece that we got is told to those also who have it: that shows them how far we are, and when we need them no longer.
    /// Else they cannot tell that we are a seeder; half of all messages are saved.
    /// </summary>
    public bool TellsHoldersToo { get; init; } = true;

    /// <summary>Bytes of pieces in memory at most; but never fewer than two pieces.</summary>
    public long BufferBytes { get; init; } = 48 * 1024 * 1024;

    /// <summary>
    /// Requests that may be out on one link, however fast it is. Under a <see cref="Balance"/> that is told whom to ask, that order decides:
    /// then 64 may be out, over all links.
    /// </summary>
    public int MaximumRequestDepth { get; init; } = 512;

    /// <summary>The port that we accept links at, told to peers (BEP 10); 0 if none.</summary>
    public int ListenPort { get; init; }

    /// <summary>The port of our DHT node, told to peers that have one, too (BEP 5); 0 if none, or if the torrent is not for it.</summary>
    public int DhtPort { get; init; }

    /// <summary>How long a stop waits for queued uploads.</summary>
    public TimeSpan StopGrace { get; init; } = TimeSpan.FromSeconds(5);
}
