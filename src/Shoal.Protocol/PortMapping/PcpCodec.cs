using System.Buffers.Binary;

namespace Shoal.Protocol.PortMapping;

/// <summary>What a PCP server answers (RFC 6887, 7.4).</summary>
public enum PcpResult : byte
{
    /// <summary>Done.</summary>
    Success = 0,

    /// <summary>It speaks another version only: perhaps NAT-PMP.</summary>
    UnsupportedVersion = 1,

    /// <summary>Its owner does not want mappings.</summary>
    NotAuthorized = 2,

    /// <summary>It could not read the request.</summary>
    MalformedRequest = 3,

    /// <summary>It does not know the opcode.</summary>
    UnsupportedOpcode = 4,

    /// <summary>It does not know an option that we call mandatory.</summary>
    UnsupportedOption = 5,

    /// <summary>It could not read an option.</summary>
    MalformedOption = 6,

    /// <summary>It has no external address itself just now.</summary>
    NetworkFailure = 7,

    /// <summary>It cannot keep any more mappings.</summary>
    NoResources = 8,

    /// <summary>It does not map that transport.</summary>
    UnsupportedProtocol = 9,

    /// <summary>We have as many mappings as we may.</summary>
    UserExceededQuota = 10,

    /// <summary>The external port that we insist on is not to be had.</summary>
    CannotProvideExternal = 11,

    /// <summary>It sees us at another address than we said: there is another NAT between.</summary>
    AddressMismatch = 12,

    /// <summary>It cannot filter by so many remote peers.</summary>
    ExcessiveRemotePeers = 13,
}

/// <summary>96 bits that only the owner of a mapping and its server know: an answer without them is no answer, and nobody else can end the mapping.</summary>
public readonly record struct PcpNonce(ulong First, uint Last)
{
    /// <summary>Length in bytes.</summary>
    public const int Length = 12;

    /// <summary>From <see cref="Length"/> bytes.</summary>
    public static PcpNonce Read(ReadOnlySpan<byte> bytes) => new(BinaryPrimitives.ReadUInt64BigEndian(bytes), BinaryPrimitives.ReadUInt32BigEndian(bytes[8..]));

    /// <summary>Writes <see cref="Length"/> bytes.</summary>
    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64BigEndian(destination, First);
        BinaryPrimitives.WriteUInt32BigEndian(destination[8..], Last);
    }
}

/// <summary>What is, or shall be, mapped (RFC 6887, 11.1).</summary>
/// <param name="Nonce">Names the mapping.</param>
/// <param name="Transport">What the port belongs to.</param>
/// <param name="InternalPort">The port on this machine.</param>
/// <param name="External">The address and port that are liked best, or that were given; the address of all zeros if any will do.</param>
public readonly record struct PcpMap(PcpNonce Nonce, PortTransport Transport, ushort InternalPort, PeerAddress External);

/// <summary>A request to map a port, or with a lifetime of 0 to end its mapping.</summary>
/// <param name="Client">The address of this machine; its port does not count.</param>
/// <param name="LifetimeSeconds">How long.</param>
/// <param name="Map">What.</param>
public readonly record struct PcpMapRequest(PeerAddress Client, uint LifetimeSeconds, PcpMap Map);

/// <summary>An answer to a request to map.</summary>
/// <param name="Result">Whether it is mapped.</param>
/// <param name="LifetimeSeconds">How long; after an error, for how long the same would come of it.</param>
/// <param name="EpochSeconds">How long the server has known its mappings.</param>
/// <param name="Map">What; after an error, as it was asked for.</param>
public readonly record struct PcpMapReply(PcpResult Result, uint LifetimeSeconds, uint EpochSeconds, PcpMap Map);

/// <summary>
/// PCP's MAP opcode, both ways, and its announcements (RFC 6887): fixed layouts in network order, options passed over. Writers return a
/// packet; readers return false for one that is too short or of another kind.
/// </summary>
public static class PcpCodec
{
    private const byte Version = 2;
    private const byte ReplyBit = 0x80;
    private const byte AnnounceOpcode = 0;
    private const byte MapOpcode = 1;
    private const int HeaderLength = 24;
    private const int AddressLength = 16;
    private const int MapLength = HeaderLength + PcpNonce.Length + 8 + AddressLength;

    /// <summary>Asks for a mapping, or for its end.</summary>
    public static byte[] WriteMapRequest(in PcpMapRequest request)
    {
        var packet = new byte[MapLength];
        (packet[0], packet[1]) = (Version, MapOpcode);
        BinaryPrimitives.WriteUInt32BigEndian(packet.AsSpan(4), request.LifetimeSeconds);
        WriteAddress(packet.AsSpan(8), request.Client);
        WriteMap(packet.AsSpan(HeaderLength), request.Map);
        return packet;
    }

    /// <summary>Reads a request for a mapping, or for its end.</summary>
    public static bool TryReadMapRequest(ReadOnlySpan<byte> packet, out PcpMapRequest request)
    {
        request = default;
        if (packet.Length < MapLength || packet[0] != Version || packet[1] != MapOpcode || !TryReadMap(packet[HeaderLength..], out var map))
        {
            return false;
        }

        request = new PcpMapRequest(PeerAddress.FromBytes(packet.Slice(8, AddressLength), 0), BinaryPrimitives.ReadUInt32BigEndian(packet[4..]), map);
        return true;
    }

    /// <summary>Answers a request to map.</summary>
    public static byte[] WriteMapReply(in PcpMapReply reply)
    {
        var packet = new byte[MapLength];
        (packet[0], packet[1], packet[3]) = (Version, MapOpcode | ReplyBit, (byte)reply.Result);
        BinaryPrimitives.WriteUInt32BigEndian(packet.AsSpan(4), reply.LifetimeSeconds);
        BinaryPrimitives.WriteUInt32BigEndian(packet.AsSpan(8), reply.EpochSeconds);
        WriteMap(packet.AsSpan(HeaderLength), reply.Map);
        return packet;
    }

    /// <summary>Reads an answer to a request to map.</summary>
    public static bool TryReadMapReply(ReadOnlySpan<byte> packet, out PcpMapReply reply)
    {
        reply = default;
        if (packet.Length < MapLength || packet[0] != Version || packet[1] != (MapOpcode | ReplyBit) || !TryReadMap(packet[HeaderLength..], out var map))
        {
            return false;
        }

        reply = new PcpMapReply(
            (PcpResult)packet[3], BinaryPrimitives.ReadUInt32BigEndian(packet[4..]), BinaryPrimitives.ReadUInt32BigEndian(packet[8..]), map);
        return true;
    }

    /// <summary>Tells all of a network that the server has started.</summary>
    public static byte[] WriteAnnouncement(uint epochSeconds)
    {
        var packet = new byte[HeaderLength];
        (packet[0], packet[1]) = (Version, AnnounceOpcode | ReplyBit);
        BinaryPrimitives.WriteUInt32BigEndian(packet.AsSpan(8), epochSeconds);
        return packet;
    }

    /// <summary>Reads an announcement (RFC 6887, 14.1).</summary>
    public static bool TryReadAnnouncement(ReadOnlySpan<byte> packet, out uint epochSeconds)
    {
        epochSeconds = 0;
        if (packet.Length < HeaderLength || packet[0] != Version || packet[1] != (AnnounceOpcode | ReplyBit) || packet[3] != (byte)PcpResult.Success)
        {
            return false;
        }

        epochSeconds = BinaryPrimitives.ReadUInt32BigEndian(packet[8..]);
        return true;
    }

    /// <summary>
    /// Whether a gateway that was spoken to in PCP says that it knows another version only (RFC 6887, 9): one that speaks NAT-PMP says so in
    /// NAT-PMP, in as little as four bytes.
    /// </summary>
    public static bool IsVersionRefused(ReadOnlySpan<byte> packet) => packet.Length >= 4 && (packet[1] & ReplyBit) != 0 &&
        packet[3] == (byte)PcpResult.UnsupportedVersion && (packet[0] == Version || packet[2] == 0);

    private static void WriteMap(Span<byte> destination, in PcpMap map)
    {
        map.Nonce.Write(destination);
        destination[12] = (byte)map.Transport;
        BinaryPrimitives.WriteUInt16BigEndian(destination[16..], map.InternalPort);
        BinaryPrimitives.WriteUInt16BigEndian(destination[18..], map.External.Port);
        WriteAddress(destination[20..], map.External);
    }

    private static bool TryReadMap(ReadOnlySpan<byte> source, out PcpMap map)
    {
        var transport = (PortTransport)source[12];
        map = new PcpMap(
            PcpNonce.Read(source),
            transport,
            BinaryPrimitives.ReadUInt16BigEndian(source[16..]),
            PeerAddress.FromBytes(source.Slice(20, AddressLength), BinaryPrimitives.ReadUInt16BigEndian(source[18..])));
        return transport is PortTransport.Tcp or PortTransport.Udp;
    }

    // An IPv4 address stands as one mapped into IPv6 (RFC 6887, 5).
    private static void WriteAddress(Span<byte> destination, PeerAddress address)
    {
        if (address.Kind == PeerAddressKind.IPv4)
        {
            destination[..10].Clear();
            destination[10..12].Fill(0xff);
            address.WriteAddress(destination[12..]);
        }
        else if (address.Kind == PeerAddressKind.IPv6)
        {
            address.WriteAddress(destination);
        }
        else
        {
            destination[..AddressLength].Clear();
        }
    }
}
