using Shoal.Protocol;
using Shoal.Protocol.PortMapping;

namespace Shoal.Engine.PortMapping;

/// <summary>How a router is asked to let connections in.</summary>
public enum MappingProtocol
{
    /// <summary>PCP (RFC 6887).</summary>
    Pcp,

    /// <summary>NAT-PMP (RFC 6886).</summary>
    NatPmp,

    /// <summary>UPnP: an internet gateway device, version 1 or 2.</summary>
    Upnp,
}

/// <summary>A port that the router lets in.</summary>
/// <param name="Transport">What the port belongs to.</param>
/// <param name="InternalPort">The port on this machine.</param>
/// <param name="External">Where others reach it.</param>
/// <param name="Protocol">How it was asked for.</param>
public sealed record MappedPort(PortTransport Transport, ushort InternalPort, PeerAddress External, MappingProtocol Protocol)
{
    /// <summary>Whether the external address is the internet's: if not, there is another router behind the router, which lets nobody in.</summary>
    public bool IsPublic => !AddressScope.IsLocal(External) && !AddressScope.IsSharedByCarrier(External);

    /// <summary>The protocol's usual name.</summary>
    public string ProtocolName => NameOf(Protocol);

    internal static string NameOf(MappingProtocol protocol) => protocol switch
    {
        MappingProtocol.Pcp => "PCP",
        MappingProtocol.NatPmp => "NAT-PMP",
        _ => "UPnP",
    };
}
