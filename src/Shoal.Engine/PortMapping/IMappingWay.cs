using Shoal.Protocol;
using Shoal.Protocol.PortMapping;

namespace Shoal.Engine.PortMapping;

/// <summary>What is asked of a router.</summary>
/// <param name="Transport">What the port belongs to.</param>
/// <param name="InternalPort">The port on this machine.</param>
/// <param name="Suggested">What is liked best outside: at first any address, and the same port as inside.</param>
/// <param name="Nonce">PCP's name for it.</param>
/// <param name="LifetimeSeconds">How long; 0 ends the mapping.</param>
internal readonly record struct MappingRequest(
    PortTransport Transport, ushort InternalPort, PeerAddress Suggested, PcpNonce Nonce, uint LifetimeSeconds);

/// <summary>What came of it.</summary>
/// <param name="External">Where others reach the port; of no kind if it was not granted, or ended.</param>
/// <param name="LifetimeSeconds">How long.</param>
/// <param name="EpochSeconds">How long the router has known its mappings, if it said so.</param>
/// <param name="Failure">What the router has against it; null where nobody answered, or not in this protocol.</param>
internal readonly record struct MappingOutcome(
    PeerAddress External = default, uint LifetimeSeconds = 0, uint? EpochSeconds = null, string? Failure = null);

/// <summary>
/// One way to ask a router: carries out one request at a time, in bounded time and with bounded memory, whatever is answered. Not thread-safe.
/// </summary>
internal interface IMappingWay
{
    /// <summary>Which it is.</summary>
    MappingProtocol Protocol { get; }

    /// <summary>When it next wants a Timer.</summary>
    Instant Deadline { get; }

    /// <summary>What came of the request; null while it is under way.</summary>
    MappingOutcome? Outcome { get; }

    /// <summary>Begins with a request; what was under way is forgotten.</summary>
    void Begin(Instant now, in MappingRequest request);

    /// <summary>Tells of something that happened; what does not belong to the request is passed over.</summary>
    void Handle(Instant now, PortMappingInput input);
}
