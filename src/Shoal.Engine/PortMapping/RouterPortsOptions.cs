using Shoal.Protocol;

namespace Shoal.Engine.PortMapping;

/// <summary>Which router is asked to let ports in, and how. Immutable.</summary>
public sealed record RouterPortsOptions
{
    /// <summary>The default gateway, with the port at which it takes NAT-PMP and PCP.</summary>
    public required PeerAddress Gateway { get; init; }

    /// <summary>The address of this machine, as the gateway sees it; its port does not count.</summary>
    public required PeerAddress Self { get; init; }

    /// <summary>The ways to try, in this order. PCP, then NAT-PMP, then UPnP.</summary>
    public IReadOnlyList<MappingProtocol> Protocols { get; init; } = [MappingProtocol.Pcp, MappingProtocol.NatPmp, MappingProtocol.Upnp];

    /// <summary>For how long a port is asked for at a time. One hour.</summary>
    public TimeSpan Lifetime { get; init; } = TimeSpan.FromHours(1);
}
