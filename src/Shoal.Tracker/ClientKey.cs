using System.Buffers.Binary;
using Shoal.Protocol;

namespace Shoal.Tracker;

/// <summary>What stands for a client where clients are limited: its IPv4 address, or the /64 of its IPv6 address, which is one customer.</summary>
internal static class ClientKey
{
    /// <summary>The key of an address; all of kind None have one. Never 0.</summary>
    public static ulong Of(PeerAddress client)
    {
        Span<byte> bytes = stackalloc byte[16];
        var length = client.Kind == PeerAddressKind.None ? 0 : client.WriteAddress(bytes);
        // No network's prefix begins as IPv4 does here: those are multicast.
        return length == 16 ? Math.Max(1, BinaryPrimitives.ReadUInt64BigEndian(bytes)) : 0xffffffff_00000000 | BinaryPrimitives.ReadUInt32BigEndian(bytes);
    }
}
