using System.Buffers.Binary;
using Shoal.Protocol;

namespace Shoal.Engine.Trackers;

/// <summary>A peer as it lies in memory: address, port and, in the lowest 16 bits, the tick of its last announce.</summary>
internal readonly record struct PackedPeer(ulong High, ulong Low, ulong Tail)
{
    /// <summary>IPv4: address, port, tick in one word. IPv6: the address is in the two others. A rank has port 0.</summary>
    public static PackedPeer From(PeerAddress address)
    {
        if (address.Kind == PeerAddressKind.Rank)
        {
            return new PackedPeer(0, 0, (ulong)(uint)address.Rank << 32);
        }

        Span<byte> bytes = stackalloc byte[PeerAddress.CompactLengthIPv6 + 2];
        bytes.Clear();
        address.WriteCompact(bytes);
        return address.Kind == PeerAddressKind.IPv4
            ? new PackedPeer(0, 0, BinaryPrimitives.ReadUInt64BigEndian(bytes))
            : new PackedPeer(
                BinaryPrimitives.ReadUInt64BigEndian(bytes),
                BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]),
                (ulong)BinaryPrimitives.ReadUInt16BigEndian(bytes[16..]) << 16);
    }

    public PackedPeer At(int tick) => this with { Tail = (Tail & ~0xfffful) | (ushort)tick };
}

/// <summary>How many words a packed peer takes: known when compiled, so that each family gets code of its own.</summary>
internal interface IPeerWidth
{
    static abstract int Words { get; }
}

internal readonly struct WidthIPv4 : IPeerWidth
{
    public static int Words => 1;
}

internal readonly struct WidthIPv6 : IPeerWidth
{
    public static int Words => 3;
}

/// <summary>Whom a peer is told of.</summary>
internal enum PeerWish
{
    /// <summary>Anybody.</summary>
    All,

    /// <summary>Leechers only.</summary>
    Leechers,

    /// <summary>Leechers, and seeders for what is left of the answer.</summary>
    LeechersFirst,
}

/// <summary>The peers of one swarm in one family. What its numbers mean only <see cref="PeerSets{TWidth}"/> knows.</summary>
internal struct PeerSet
{
    /// <summary>Where the peers are, leechers first, then seeders: a block of the slab or, if large, a table of pages.</summary>
    public uint Block;

    /// <summary>The page table of the hash index, if there is one.</summary>
    public uint Index;
    public int Count;
    public int SeederCount;

    /// <summary>Peers that there is room for; 0 for no block.</summary>
    public int Capacity;

    public readonly int LeecherCount => Count - SeederCount;
}
