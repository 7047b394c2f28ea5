using Shoal.Protocol;

namespace Shoal.Simulation.Dht;

/// <summary>A DHT to be simulated: nodes that come by way of one that stays, leave without a word, and look for what others announced. Immutable.</summary>
/// <param name="NodeCount">Nodes at a time, each in a /24 of its own: 2 to 1,000,000. For one that leaves another comes.</param>
/// <param name="Seed">Decides all that is left to chance.</param>
public sealed record DhtScene(int NodeCount, ulong Seed)
{
    /// <summary>Time over which the first nodes come, evenly. 2 min.</summary>
    public TimeSpan Growth { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>Time between the last of them and the first announce. 3 min.</summary>
    public TimeSpan Rest { get; init; } = TimeSpan.FromMinutes(3);

    /// <summary>How long a node stays on average, exponentially distributed. 1 h.</summary>
    public TimeSpan MeanLife { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Announces, each of a torrent of its own by some node, and each followed by a lookup from another one. 500.</summary>
    public int LookupCount { get; init; } = 500;

    /// <summary>Time from one announce to the next. 200 ms.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>Time from an announce to its lookup. 1 min.</summary>
    public TimeSpan Gap { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How long a packet takes at least and at most, drawn for each pair of nodes. 10 to 150 ms.</summary>
    public (TimeSpan Least, TimeSpan Most) Latency { get; init; } = (TimeSpan.FromMilliseconds(10), TimeSpan.FromMilliseconds(150));

    /// <summary>Packets of a thousand that are lost. 10.</summary>
    public int LostPerThousand { get; init; } = 10;
}

/// <summary>How one lookup went.</summary>
/// <param name="IsFound">Whether the peer that was announced was found.</param>
/// <param name="Hops">How many nodes in a row led to the nearest one that answered, itself counted.</param>
/// <param name="QueryCount">Queries sent.</param>
/// <param name="FirstPeerAfter">Virtual time until the peer was found; zero if it was not.</param>
/// <param name="Duration">Virtual time until the lookup was over.</param>
public readonly record struct DhtLookupMeasure(bool IsFound, int Hops, int QueryCount, TimeSpan FirstPeerAfter, TimeSpan Duration);

/// <summary>What a simulated DHT did.</summary>
/// <param name="Lookups">The lookups in the order in which they were over; those whose node left before are none.</param>
/// <param name="JoinCount">Nodes that ever came.</param>
/// <param name="PacketCount">Packets sent.</param>
/// <param name="Fingerprint">A hash of when each packet arrived where: two runs that share it went alike.</param>
public sealed record DhtSceneResult(IReadOnlyList<DhtLookupMeasure> Lookups, int JoinCount, long PacketCount, ulong Fingerprint)
{
    /// <summary>Share of the lookups that found the peer, 0 to 1; 0 without lookups.</summary>
    public double FoundShare => Lookups.Count == 0 ? 0 : Lookups.Count(lookup => lookup.IsFound) / (double)Lookups.Count;

    /// <summary>The least number of hops that this share of the lookups did not exceed, by nearest rank; 0 without lookups.</summary>
    public int HopsAt(double share)
    {
        var hops = Lookups.Select(lookup => lookup.Hops).Order().ToArray();
        return hops.Length == 0 ? 0 : hops[Math.Clamp((int)Math.Ceiling(share * hops.Length) - 1, 0, hops.Length - 1)];
    }
}

/// <summary>What was announced, and by whom.</summary>
internal sealed record DhtAnnounce(InfoHash InfoHash, PeerAddress Peer);
