using System.Buffers.Binary;
using Shoal.Protocol;

namespace Shoal.Engine.PortMapping;

/// <summary>Which addresses mean something in one network only.</summary>
public static class AddressScope
{
    /// <summary>Whether it is private (RFC 1918, RFC 4193), link-local, loopback or none at all.</summary>
    public static bool IsLocal(PeerAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        if (address.Kind == PeerAddressKind.IPv4)
        {
            address.WriteAddress(bytes);
            return BinaryPrimitives.ReadUInt32BigEndian(bytes) >> 16 is var high &&
                ((high >> 8) is 0 or 10 or 127 || high is (>= 0xac10 and <= 0xac1f) or 0xc0a8 or 0xa9fe);
        }

        if (address.Kind != PeerAddressKind.IPv6)
        {
            return true;
        }

        address.WriteAddress(bytes);
        return (bytes[0] & 0xfe) == 0xfc || (bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80) || bytes[..15].IndexOfAnyExcept((byte)0) < 0;
    }

    /// <summary>Whether many customers of a carrier share it (100.64.0.0/10, RFC 6598).</summary>
    public static bool IsSharedByCarrier(PeerAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        return address.Kind == PeerAddressKind.IPv4 && address.WriteAddress(bytes) == 4 && bytes[0] == 100 && (bytes[1] & 0xc0) == 64;
    }
}
