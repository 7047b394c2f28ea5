using System.Buffers.Binary;
using Shoal.Protocol;

namespace Shoal.Simulation.Fuzzing.Dht;

/// <summary>What is one host, and one neighbourhood, by the rules that a node is held to; and where in this world they are.</summary>
internal static class DhtHost
{
    /// <summary>The port at which honest nodes are.</summary>
    public const ushort Port = 6881;

    /// <summary>The IPv4 address, or the first 64 bits of an IPv6 address; no port.</summary>
    public static PeerAddress Of(PeerAddress address) => Cut(address, 4, 8);

    /// <summary>The first 24 bits of an IPv4 address, 48 of an IPv6 address.</summary>
    public static PeerAddress NeighbourhoodOf(PeerAddress address) => Cut(address, 3, 6);

    /// <summary>Whether a packet can be sent there at all: one host's address, and a port.</summary>
    public static bool IsSomewhere(PeerAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        return !address.IsUnreachable && (address.WriteAddress(bytes) == 4 ? bytes[0] < 224 : bytes[0] != 0xff);
    }

    /// <summary>The address of the host of that number, each in a neighbourhood of its own.</summary>
    public static PeerAddress AddressOf(int number, bool isIPv6, ushort port = Port)
    {
        Span<byte> bytes = stackalloc byte[16];
        bytes.Clear();
        if (isIPv6)
        {
            (bytes[0], bytes[1], bytes[15]) = (0x2a, 0x01, 1);
            BinaryPrimitives.WriteInt32BigEndian(bytes[2..], number);
            return PeerAddress.FromBytes(bytes, port);
        }

        BinaryPrimitives.WriteInt32BigEndian(bytes, (20 << 24) + (number << 8) + 1);
        return PeerAddress.FromBytes(bytes[..4], port);
    }

    private static PeerAddress Cut(PeerAddress address, int lengthIPv4, int lengthIPv6)
    {
        Span<byte> bytes = stackalloc byte[16];
        var length = address.WriteAddress(bytes);
        bytes[(length == 4 ? lengthIPv4 : lengthIPv6)..].Clear();
        return PeerAddress.FromBytes(bytes[..length], 0);
    }
}
