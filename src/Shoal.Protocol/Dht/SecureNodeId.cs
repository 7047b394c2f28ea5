using System.Buffers.Binary;
using System.Numerics;

namespace Shoal.Protocol.Dht;

/// <summary>
/// Ids that follow from a node's address (BEP 42), so that nobody can choose where in the DHT its nodes stand: the first 21 bits are a
/// checksum (CRC32C) of the address and of three bits that the node may choose.
/// </summary>
public static class SecureNodeId
{
    private const int BoundBits = 21;

    private static ReadOnlySpan<byte> MaskIPv4 => [0x03, 0x0f, 0x3f, 0xff];

    private static ReadOnlySpan<byte> MaskIPv6 => [0x01, 0x03, 0x07, 0x0f, 0x1f, 0x3f, 0x7f, 0xff];

    /// <summary>An id that fits the address; what the address leaves open is <paramref name="noise"/>'s.</summary>
    public static NodeId For(PeerAddress address, NodeId noise)
    {
        Span<byte> bytes = stackalloc byte[NodeId.Length];
        noise.WriteTo(bytes);
        var checksum = Checksum(address, bytes[19]);
        bytes[0] = (byte)(checksum >> 24);
        bytes[1] = (byte)(checksum >> 16);
        bytes[2] = (byte)(((checksum >> 8) & 0xf8) | (bytes[2] & 7u));
        return new NodeId(bytes);
    }

    /// <summary>Whether the id fits the address. Local addresses, which differ from what others see, fit any.</summary>
    public static bool Fits(NodeId id, PeerAddress address)
    {
        if (IsLocal(address))
        {
            return true;
        }

        Span<byte> bytes = stackalloc byte[NodeId.Length];
        id.WriteTo(bytes);
        var differing = BinaryPrimitives.ReadUInt32BigEndian(bytes) ^ Checksum(address, bytes[19]);
        return differing >> (32 - BoundBits) == 0;
    }

    /// <summary>Whether the address means something on this machine or its own network only (the exceptions that BEP 42 lists, and IPv6's like).</summary>
    public static bool IsLocal(PeerAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        if (address.Kind == PeerAddressKind.IPv4)
        {
            address.WriteAddress(bytes);
            return bytes[0] is 10 or 127 || (bytes[0] == 172 && bytes[1] >> 4 == 1) ||
                (bytes[0] == 192 && bytes[1] == 168) || (bytes[0] == 169 && bytes[1] == 254);
        }

        if (address.Kind != PeerAddressKind.IPv6)
        {
            return false;
        }

        address.WriteAddress(bytes);
        return bytes[0] >> 1 == 0xfc >> 1 || (bytes[0] == 0xfe && bytes[1] >> 6 == 2) ||
            (bytes[..15].IndexOfAnyExcept((byte)0) < 0 && bytes[15] == 1);
    }

    private static uint Checksum(PeerAddress address, byte chosen)
    {
        Span<byte> bytes = stackalloc byte[16];
        var mask = address.WriteAddress(bytes) == 4 ? MaskIPv4 : MaskIPv6;
        var checksum = uint.MaxValue;
        for (var i = 0; i < mask.Length; i++)
        {
            var masked = (byte)(bytes[i] & mask[i]);
            checksum = BitOperations.Crc32C(checksum, i == 0 ? (byte)(masked | ((chosen & 7) << 5)) : masked);
        }

        return ~checksum;
    }
}
