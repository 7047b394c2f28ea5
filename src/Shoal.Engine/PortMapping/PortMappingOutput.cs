using Shoal.Protocol.PortMapping;

namespace Shoal.Engine.PortMapping;

/// <summary>What <see cref="RouterPorts"/> asks of its driver, or tells the user.</summary>
public abstract record PortMappingOutput
{
    private PortMappingOutput()
    {
    }

    /// <summary>Send to the gateway.</summary>
    public sealed record ToGateway(ReadOnlyMemory<byte> Packet) : PortMappingOutput;

    /// <summary>Send to the group that devices listen at (<see cref="SsdpCodec.Group"/>).</summary>
    public sealed record Search(ReadOnlyMemory<byte> Packet) : PortMappingOutput;

    /// <summary>Fetch the URL, or post the order to it; answered by <see cref="PortMappingInput.HttpAnswer"/>. One is under way at a time.</summary>
    public sealed record Http(int Id, Uri Url, UpnpOrder? Order) : PortMappingOutput;

    /// <summary>The port is let in, or has another place outside than before.</summary>
    public sealed record Mapped(MappedPort Port) : PortMappingOutput;

    /// <summary>The router has kept the port open for longer.</summary>
    public sealed record Renewed(MappedPort Port) : PortMappingOutput;

    /// <summary>The port is let in no more.</summary>
    public sealed record Lost(MappedPort Port, string Reason) : PortMappingOutput;

    /// <summary>The port cannot be had. Told once for each reason; it is tried again from time to time.</summary>
    public sealed record Failed(PortTransport Transport, ushort InternalPort, string Reason) : PortMappingOutput;
}
