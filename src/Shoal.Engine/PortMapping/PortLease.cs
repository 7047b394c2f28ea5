using Shoal.Protocol;
using Shoal.Protocol.PortMapping;

namespace Shoal.Engine.PortMapping;

/// <summary>One port of ours and what the router gave for it. Not thread-safe.</summary>
internal sealed class PortLease(PortTransport transport, ushort internalPort, PcpNonce nonce)
{
    public PortTransport Transport => transport;

    public ushort InternalPort => internalPort;

    /// <summary>What the router lets in; null if nothing.</summary>
    public MappedPort? Held { get; set; }

    /// <summary>Whether the router may keep something for us: it was asked, and did not refuse.</summary>
    public bool MayBeHeld { get; set; }

    /// <summary>When the router forgets it.</summary>
    public Instant ExpiresAt { get; set; } = Instant.Never;

    /// <summary>When it is asked for next.</summary>
    public Instant DueAt { get; set; } = Instant.Zero;

    /// <summary>Why it was not to be had; null if it was, or has not been asked for.</summary>
    public string? Failure { get; set; }

    /// <summary>Rounds through all the ways without success, in a row.</summary>
    public int FailureCount { get; set; }

    /// <summary>What is asked of the router: what it gave before, else <paramref name="suggested"/>.</summary>
    public MappingRequest Request(uint lifetimeSeconds, PeerAddress suggested) =>
        new(transport, internalPort, Held?.External ?? suggested, nonce, lifetimeSeconds);
}
