using Shoal.Engine;
using Shoal.Engine.Dht;
using Shoal.Protocol;

namespace Shoal.Simulation.Dht;

/// <summary>One node of a simulated DHT. Not thread-safe.</summary>
internal sealed class SimulatedNode(int number, PeerAddress address, DhtNode machine)
{
    public int Number { get; } = number;

    public PeerAddress Address { get; } = address;

    public DhtNode Machine { get; } = machine;

    /// <summary>Its place among those that are there; -1 once it has left.</summary>
    public int Place { get; set; }

    /// <summary>When it is woken next: an earlier timer than that is void.</summary>
    public Instant ArmedAt { get; set; } = Instant.Never;

    /// <summary>Its announces and lookups that are not over, by the machine's number.</summary>
    public Dictionary<long, SimulatedLookup> Lookups { get; } = [];
}

/// <summary>An announce or a lookup under way.</summary>
internal sealed class SimulatedLookup(DhtAnnounce announce, bool isAnnounce, Instant now)
{
    public DhtAnnounce Announce { get; } = announce;

    public bool IsAnnounce { get; } = isAnnounce;

    public Instant BeganAt { get; } = now;

    /// <summary>When the peer was found; never, so far.</summary>
    public Instant FoundAt { get; set; } = Instant.Never;
}

/// <summary>A packet on its way.</summary>
internal sealed record SimulatedPacket(SimulatedNode From, SimulatedNode To, byte[] Bytes);
