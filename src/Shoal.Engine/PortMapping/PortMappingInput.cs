using Shoal.Protocol;
using Shoal.Protocol.PortMapping;

namespace Shoal.Engine.PortMapping;

/// <summary>What a driver tells <see cref="RouterPorts"/>.</summary>
public abstract record PortMappingInput
{
    private PortMappingInput()
    {
    }

    /// <summary>A port of ours shall be let in, too, from now on. One of each transport counts: of more, the first.</summary>
    /// <param name="Transport">What the port belongs to.</param>
    /// <param name="InternalPort">The port on this machine.</param>
    /// <param name="Nonce">Bytes that nobody can guess.</param>
    public sealed record Want(PortTransport Transport, ushort InternalPort, PcpNonce Nonce) : PortMappingInput;

    /// <summary>The deadline has come.</summary>
    public sealed record Timer : PortMappingInput;

    /// <summary>A datagram came to the socket that talks to the gateway.</summary>
    public sealed record Datagram(PeerAddress Source, ReadOnlyMemory<byte> Packet) : PortMappingInput;

    /// <summary>The gateway says that nobody listens at that port of it.</summary>
    public sealed record Unreachable : PortMappingInput;

    /// <summary>A datagram came to the port at which gateways tell all of the network of themselves.</summary>
    public sealed record Announcement(PeerAddress Source, ReadOnlyMemory<byte> Packet) : PortMappingInput;

    /// <summary>A datagram came to the socket that searches.</summary>
    public sealed record SearchAnswer(PeerAddress Source, ReadOnlyMemory<byte> Packet) : PortMappingInput;

    /// <summary>What became of a <see cref="PortMappingOutput.Http"/>. Each is answered once, in bounded time.</summary>
    /// <param name="Id">Which.</param>
    /// <param name="Status">The status; 0 if there was no answer.</param>
    /// <param name="Body">The body, never longer than <see cref="Protocol.PortMapping.UpnpReader.MaximumLength"/>.</param>
    /// <param name="Failure">Why there was no answer, in a few words.</param>
    public sealed record HttpAnswer(int Id, int Status, ReadOnlyMemory<byte> Body, string? Failure = null) : PortMappingInput;

    /// <summary>This machine has another router now: this one is not asked any more.</summary>
    public sealed record Moved : PortMappingInput;

    /// <summary>The end has come: what was mapped shall be so no more.</summary>
    public sealed record Release : PortMappingInput;
}
