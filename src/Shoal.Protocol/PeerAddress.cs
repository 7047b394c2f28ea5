using System.Buffers.Binary;
using System.Net;

namespace Shoal.Protocol;

/// <summary>What kind of place a <see cref="PeerAddress"/> names.</summary>
public enum PeerAddressKind : byte
{
    /// <summary>No address.</summary>
    None,

    /// <summary>An IPv4 address and a port.</summary>
    IPv4,

    /// <summary>An IPv6 address and a port.</summary>
    IPv6,

    /// <summary>A rank of a cluster job, or a host of a simulation.</summary>
    Rank,
}

/// <summary>
/// Where a peer can be reached: an endpoint or a rank. A small value, so that the engine needs no socket types
/// and a tracker can keep millions.
/// </summary>
public readonly record struct PeerAddress : IComparable<PeerAddress>
{
    /// <summary>Length in bytes of an IPv4 peer in a compact list (BEP 23).</summary>
    public const int CompactLengthIPv4 = 6;

    /// <summary>Length in bytes of an IPv6 peer in a compact list (BEP 7).</summary>
    public const int CompactLengthIPv6 = 18;

    // The address as 128 bits, an IPv4 address or a rank in the lowest 32. Two words, because ahead-of-time code leaves
    // out whatever holds a UInt128, and this value is in most of what the engine takes and gives.
    private readonly ulong _high;
    private readonly ulong _low;

    private PeerAddress(PeerAddressKind kind, ulong high, ulong low, ushort port)
    {
        Kind = kind;
        _high = high;
        _low = low;
        Port = port;
    }

    /// <summary>What the address names.</summary>
    public PeerAddressKind Kind { get; }

    /// <summary>The TCP or UDP port; 0 for a rank.</summary>
    public ushort Port { get; }

    /// <summary>The rank, where <see cref="Kind"/> is <see cref="PeerAddressKind.Rank"/>.</summary>
    public int Rank => Kind == PeerAddressKind.Rank ? (int)_low : throw new InvalidOperationException("not a rank");

    /// <summary>Whether nothing could ever be reached there: port 0, or the unspecified address.</summary>
    public bool IsUnreachable => Kind != PeerAddressKind.Rank && (Port == 0 || (_high | _low) == 0);

    /// <summary>Whether it is this machine's own, from whatever machine it is said: 127.0.0.0/8 or ::1.</summary>
    public bool IsLoopback => Kind switch
    {
        PeerAddressKind.IPv4 => _low >> 24 == 127,
        PeerAddressKind.IPv6 => _high == 0 && _low == 1,
        _ => false,
    };

    /// <summary>Whether it is an IPv6 address that means something on one wire only (fe80::/10), and names none here.</summary>
    public bool IsLinkLocal => Kind == PeerAddressKind.IPv6 && _high >> 54 == 0xfe80 >> 6;

    /// <summary>The same host at another port.</summary>
    public PeerAddress WithPort(ushort port) => new(Kind, _high, _low, port);

    /// <summary>The address of a rank.</summary>
    public static PeerAddress FromRank(int rank)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rank);
        return new PeerAddress(PeerAddressKind.Rank, 0, (uint)rank, 0);
    }

    /// <summary>From an IP address and a port; an IPv4 address mapped into IPv6 becomes IPv4.</summary>
    public static PeerAddress From(IPAddress address, int port)
    {
        ArgumentNullException.ThrowIfNull(address);
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out var written);
        return FromBytes(bytes[..written], checked((ushort)port));
    }

    /// <summary>From 4 or 16 address bytes in network order; an IPv4 address mapped into IPv6 becomes IPv4.</summary>
    public static PeerAddress FromBytes(ReadOnlySpan<byte> address, ushort port)
    {
        if (address.Length == 4)
        {
            return new PeerAddress(PeerAddressKind.IPv4, 0, BinaryPrimitives.ReadUInt32BigEndian(address), port);
        }

        var high = BinaryPrimitives.ReadUInt64BigEndian(address);
        var low = BinaryPrimitives.ReadUInt64BigEndian(address[8..]);
        return high == 0 && low >> 32 == 0xffff
            ? new PeerAddress(PeerAddressKind.IPv4, 0, (uint)low, port)
            : new PeerAddress(PeerAddressKind.IPv6, high, low, port);
    }

    /// <summary>Reads one compact peer: 6 bytes (BEP 23) or 18 bytes (BEP 7), by the length of the span.</summary>
    public static PeerAddress ReadCompact(ReadOnlySpan<byte> bytes) =>
        FromBytes(bytes[..^2], BinaryPrimitives.ReadUInt16BigEndian(bytes[^2..]));

    /// <summary>Writes the compact form and returns its length, 6 or 18.</summary>
    public int WriteCompact(Span<byte> destination)
    {
        var length = WriteAddress(destination);
        BinaryPrimitives.WriteUInt16BigEndian(destination[length..], Port);
        return length + 2;
    }

    /// <summary>Writes the address bytes alone and returns their length, 4 or 16.</summary>
    public int WriteAddress(Span<byte> destination)
    {
        switch (Kind)
        {
            case PeerAddressKind.IPv4:
                BinaryPrimitives.WriteUInt32BigEndian(destination, (uint)_low);
                return 4;
            case PeerAddressKind.IPv6:
                BinaryPrimitives.WriteUInt64BigEndian(destination, _high);
                BinaryPrimitives.WriteUInt64BigEndian(destination[8..], _low);
                return 16;
            default:
                throw new InvalidOperationException("only an IP address has a compact form");
        }
    }

    /// <summary>The IP address.</summary>
    public IPAddress ToIPAddress()
    {
        Span<byte> bytes = stackalloc byte[16];
        return new IPAddress(bytes[..WriteAddress(bytes)]);
    }

    /// <summary>"127.0.0.1:6881", "[::1]:6881" or "rank 3".</summary>
    public override string ToString() => Kind switch
    {
        PeerAddressKind.IPv4 => $"{ToIPAddress()}:{Port}",
        PeerAddressKind.IPv6 => $"[{ToIPAddress()}]:{Port}",
        PeerAddressKind.Rank => $"rank {Rank}",
        _ => "nowhere",
    };

    /// <summary>By kind, then address, then port.</summary>
    public int CompareTo(PeerAddress other) =>
        (Kind, _high, _low, Port).CompareTo((other.Kind, other._high, other._low, other.Port));
}
