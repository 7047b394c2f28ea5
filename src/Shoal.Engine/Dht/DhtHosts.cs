using Shoal.Protocol;
using Shoal.Protocol.Dht;

namespace Shoal.Engine.Dht;

/// <summary>What counts as one host and one neighbourhood, for the limits that keep one attacker from being many nodes.</summary>
internal static class DhtHosts
{
    /// <summary>The IPv4 address; of an IPv6 address the first 64 bits, which one customer has to himself. No port.</summary>
    public static PeerAddress HostOf(PeerAddress address) => Cut(address, 4, 8);

    /// <summary>The first 24 bits of an IPv4 address; of an IPv6 address 48, since one customer may have as many networks as fit into these.</summary>
    public static PeerAddress NeighbourhoodOf(PeerAddress address) => Cut(address, 3, 6);

    /// <summary>Whether packets can be sent there, and a node of such an address may be named by <paramref name="teller"/>: nobody far away knows our own network's.</summary>
    public static bool IsBelievable(PeerAddress address, PeerAddressKind family, PeerAddress teller) =>
        address.Kind == family && !address.IsUnreachable && !IsMulticast(address) && (!SecureNodeId.IsLocal(address) || SecureNodeId.IsLocal(teller));

    private static bool IsMulticast(PeerAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.WriteAddress(bytes);
        return address.Kind == PeerAddressKind.IPv4 ? bytes[0] >= 224 : bytes[0] == 0xff;
    }

    private static PeerAddress Cut(PeerAddress address, int lengthIPv4, int lengthIPv6)
    {
        Span<byte> bytes = stackalloc byte[16];
        if (address.WriteAddress(bytes) == 4)
        {
            bytes[lengthIPv4..4].Clear();
            return PeerAddress.FromBytes(bytes[..4], 0);
        }

        bytes[lengthIPv6..].Clear();
        bytes[15] = 1; // so that no IPv4 address comes out of it
        return PeerAddress.FromBytes(bytes, 0);
    }
}
