using System.Buffers.Binary;

namespace Shoal.Protocol.PortMapping;

/// <summary>What a NAT-PMP gateway answers, whatever was asked.</summary>
public enum NatPmpResult : ushort
{
    /// <summary>Done.</summary>
    Success = 0,

    /// <summary>It speaks another version only.</summary>
    UnsupportedVersion = 1,

    /// <summary>Its owner does not want mappings.</summary>
    NotAuthorized = 2,

    /// <summary>It has no external address itself just now.</summary>
    NetworkFailure = 3,

    /// <summary>It cannot keep any more mappings.</summary>
    OutOfResources = 4,

    /// <summary>It does not know the request.</summary>
    UnsupportedOpcode = 5,
}

/// <summary>A request to map a port, or with a lifetime of 0 to end its mapping (RFC 6886, 3.3).</summary>
/// <param name="Transport">What the port belongs to.</param>
/// <param name="InternalPort">The port on this machine.</param>
/// <param name="ExternalPort">The port that is liked best outside; the gateway may choose another.</param>
/// <param name="LifetimeSeconds">How long.</param>
public readonly record struct NatPmpMapRequest(PortTransport Transport, ushort InternalPort, ushort ExternalPort, uint LifetimeSeconds);

/// <summary>An answer about the external address (RFC 6886, 3.2).</summary>
/// <param name="Result">Whether it says anything.</param>
/// <param name="EpochSeconds">How long the gateway has known its mappings.</param>
/// <param name="Address">The address, with port 0; of no kind where the result is no success.</param>
public readonly record struct NatPmpAddressReply(NatPmpResult Result, uint EpochSeconds, PeerAddress Address);

/// <summary>An answer to a request to map (RFC 6886, 3.3).</summary>
/// <param name="Result">Whether the rest says anything.</param>
/// <param name="EpochSeconds">How long the gateway has known its mappings.</param>
/// <param name="Map">What is mapped now; where the result is no success, the transport alone.</param>
public readonly record struct NatPmpMapReply(NatPmpResult Result, uint EpochSeconds, NatPmpMapRequest Map);

/// <summary>
/// NAT-PMP, both ways (RFC 6886): fixed layouts in network order. Writers return a packet; readers return false for one that is too
/// short or of another kind. What is longer than it should be is read all the same. A refusal may end after the epoch (RFC 6886, 3.5).
/// </summary>
public static class NatPmpCodec
{
    /// <summary>The port at which gateways listen, for NAT-PMP and PCP.</summary>
    public const int GatewayPort = 5351;

    /// <summary>The port to which gateways tell all of a network (224.0.0.1) that they have started, or have another address.</summary>
    public const int AnnouncementPort = 5350;

    private const byte Version = 0;
    private const byte ReplyBit = 0x80;
    private const byte AddressOpcode = 0;
    private const byte MapUdpOpcode = 1;
    private const byte MapTcpOpcode = 2;
    private const int HeaderLength = 8;
    private const int AddressReplyLength = 12;
    private const int MapRequestLength = 12;
    private const int MapReplyLength = 16;

    /// <summary>Asks for the external address.</summary>
    public static byte[] WriteAddressRequest() => [Version, AddressOpcode];

    /// <summary>Whether the packet asks for the external address.</summary>
    public static bool IsAddressRequest(ReadOnlySpan<byte> packet) => packet is [Version, AddressOpcode, ..];

    /// <summary>Answers about the external address.</summary>
    public static byte[] WriteAddressReply(in NatPmpAddressReply reply)
    {
        var packet = new byte[AddressReplyLength];
        WriteReplyHeader(packet, AddressOpcode, reply.Result, reply.EpochSeconds);
        if (reply.Address.Kind == PeerAddressKind.IPv4)
        {
            reply.Address.WriteAddress(packet.AsSpan(HeaderLength));
        }

        return packet;
    }

    /// <summary>Reads an answer about the external address, be it asked for or told to all.</summary>
    public static bool TryReadAddressReply(ReadOnlySpan<byte> packet, out NatPmpAddressReply reply)
    {
        reply = default;
        if (!TryReadReplyHeader(packet, out var opcode, out var result, out var epoch) || opcode != AddressOpcode)
        {
            return false;
        }

        reply = new NatPmpAddressReply(result, epoch, default);
        if (result != NatPmpResult.Success)
        {
            return true;
        }

        if (packet.Length < AddressReplyLength)
        {
            return false;
        }

        reply = reply with { Address = PeerAddress.FromBytes(packet.Slice(HeaderLength, sizeof(uint)), 0) };
        return true;
    }

    /// <summary>Asks for a mapping, or for its end.</summary>
    public static byte[] WriteMapRequest(in NatPmpMapRequest request)
    {
        var packet = new byte[MapRequestLength];
        packet[1] = OpcodeOf(request.Transport);
        WriteMap(packet.AsSpan(4), request);
        return packet;
    }

    /// <summary>Reads a request for a mapping, or for its end.</summary>
    public static bool TryReadMapRequest(ReadOnlySpan<byte> packet, out NatPmpMapRequest request)
    {
        request = default;
        if (packet.Length < MapRequestLength || packet[0] != Version || packet[1] is not (MapUdpOpcode or MapTcpOpcode))
        {
            return false;
        }

        request = ReadMap(packet[4..], packet[1]);
        return true;
    }

    /// <summary>Answers a request to map.</summary>
    public static byte[] WriteMapReply(in NatPmpMapReply reply)
    {
        var packet = new byte[MapReplyLength];
        WriteReplyHeader(packet, OpcodeOf(reply.Map.Transport), reply.Result, reply.EpochSeconds);
        WriteMap(packet.AsSpan(HeaderLength), reply.Map);
        return packet;
    }

    /// <summary>Reads an answer to a request to map.</summary>
    public static bool TryReadMapReply(ReadOnlySpan<byte> packet, out NatPmpMapReply reply)
    {
        reply = default;
        if (!TryReadReplyHeader(packet, out var opcode, out var result, out var epoch) || opcode is not (MapUdpOpcode or MapTcpOpcode))
        {
            return false;
        }

        reply = new NatPmpMapReply(result, epoch, new NatPmpMapRequest(TransportOf(opcode), 0, 0, 0));
        if (result != NatPmpResult.Success)
        {
            return true;
        }

        if (packet.Length < MapReplyLength)
        {
            return false;
        }

        reply = reply with { Map = ReadMap(packet[HeaderLength..], opcode) };
        return true;
    }

    private static void WriteReplyHeader(Span<byte> packet, byte opcode, NatPmpResult result, uint epochSeconds)
    {
        packet[1] = (byte)(opcode | ReplyBit);
        BinaryPrimitives.WriteUInt16BigEndian(packet[2..], (ushort)result);
        BinaryPrimitives.WriteUInt32BigEndian(packet[4..], epochSeconds);
    }

    private static bool TryReadReplyHeader(ReadOnlySpan<byte> packet, out byte opcode, out NatPmpResult result, out uint epochSeconds)
    {
        (opcode, result, epochSeconds) = (0, default, 0);
        if (packet.Length < HeaderLength || packet[0] != Version || (packet[1] & ReplyBit) == 0)
        {
            return false;
        }

        opcode = (byte)(packet[1] & ~ReplyBit);
        result = (NatPmpResult)BinaryPrimitives.ReadUInt16BigEndian(packet[2..]);
        epochSeconds = BinaryPrimitives.ReadUInt32BigEndian(packet[4..]);
        return true;
    }

    private static void WriteMap(Span<byte> destination, in NatPmpMapRequest map)
    {
        BinaryPrimitives.WriteUInt16BigEndian(destination, map.InternalPort);
        BinaryPrimitives.WriteUInt16BigEndian(destination[2..], map.ExternalPort);
        BinaryPrimitives.WriteUInt32BigEndian(destination[4..], map.LifetimeSeconds);
    }

    private static NatPmpMapRequest ReadMap(ReadOnlySpan<byte> source, byte opcode) => new(
        TransportOf(opcode),
        BinaryPrimitives.ReadUInt16BigEndian(source),
        BinaryPrimitives.ReadUInt16BigEndian(source[2..]),
        BinaryPrimitives.ReadUInt32BigEndian(source[4..]));

    private static byte OpcodeOf(PortTransport transport) => transport == PortTransport.Tcp ? MapTcpOpcode : MapUdpOpcode;

    private static PortTransport TransportOf(byte opcode) => opcode == MapTcpOpcode ? PortTransport.Tcp : PortTransport.Udp;
}
