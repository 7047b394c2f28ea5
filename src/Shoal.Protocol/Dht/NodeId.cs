using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Numerics;

namespace Shoal.Protocol.Dht;

/// <summary>
/// A place in the DHT's space of 160 bits: a node's name, or what is looked for (BEP 5). The distance between two is their exclusive or,
/// read as a number.
/// </summary>
public readonly record struct NodeId : IComparable<NodeId>
{
    /// <summary>Length in bytes.</summary>
    public const int Length = 20;

    /// <summary>Length in bits.</summary>
    public const int Bits = 8 * Length;

    private readonly ulong _high;
    private readonly ulong _middle;
    private readonly uint _low;

    /// <summary>Reads the first 20 bytes of <paramref name="bytes"/>.</summary>
    /// <exception cref="ArgumentException">There are fewer than 20 bytes.</exception>
    public NodeId(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < Length)
        {
            throw new ArgumentException($"a node id has {Length} bytes, not {bytes.Length}", nameof(bytes));
        }

        _high = BinaryPrimitives.ReadUInt64BigEndian(bytes);
        _middle = BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]);
        _low = BinaryPrimitives.ReadUInt32BigEndian(bytes[16..]);
    }

    private NodeId(ulong high, ulong middle, uint low) => (_high, _middle, _low) = (high, middle, low);

    /// <summary>The greatest: further than any distance that can be.</summary>
    public static NodeId Greatest => new(ulong.MaxValue, ulong.MaxValue, uint.MaxValue);

    public static bool operator <(NodeId left, NodeId right) => left.CompareTo(right) < 0;

    public static bool operator >(NodeId left, NodeId right) => left.CompareTo(right) > 0;

    /// <summary>The place at which a torrent's peers are kept.</summary>
    public static NodeId Of(InfoHash infoHash)
    {
        Span<byte> bytes = stackalloc byte[Length];
        infoHash.WriteTo(bytes);
        return new NodeId(bytes);
    }

    /// <summary>The same 20 bytes as the name of a torrent.</summary>
    public InfoHash ToInfoHash()
    {
        Span<byte> bytes = stackalloc byte[Length];
        WriteTo(bytes);
        return new InfoHash(bytes);
    }

    /// <summary>How far the other is.</summary>
    public NodeId DistanceTo(NodeId other) => new(_high ^ other._high, _middle ^ other._middle, _low ^ other._low);

    /// <summary>How many bits the two have in common from the first on: 0 to 160.</summary>
    public int CommonBits(NodeId other)
    {
        var (high, middle, low) = (_high ^ other._high, _middle ^ other._middle, _low ^ other._low);
        return high != 0 ? BitOperations.LeadingZeroCount(high)
            : middle != 0 ? 64 + BitOperations.LeadingZeroCount(middle)
            : 128 + BitOperations.LeadingZeroCount(low);
    }

    /// <summary>A place that has exactly the first <paramref name="bits"/> bits (at most 159) in common with this one; the rest is <paramref name="noise"/>'s.</summary>
    public NodeId Beside(int bits, NodeId noise)
    {
        Span<byte> bytes = stackalloc byte[Length];
        Span<byte> other = stackalloc byte[Length];
        WriteTo(bytes);
        noise.WriteTo(other);
        var mask = (byte)(0xff >> (bits % 8));
        var at = bits / 8;
        bytes[at] = (byte)((bytes[at] & ~mask) | (other[at] & mask));
        other[(at + 1)..].CopyTo(bytes[(at + 1)..]);
        var bit = (byte)(0x80 >> (bits % 8));
        Span<byte> own = stackalloc byte[Length];
        WriteTo(own);
        bytes[at] = (byte)((bytes[at] & ~bit) | (~own[at] & bit));
        return new NodeId(bytes);
    }

    /// <summary>Writes the 20 bytes into the start of <paramref name="destination"/>.</summary>
    public void WriteTo(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64BigEndian(destination, _high);
        BinaryPrimitives.WriteUInt64BigEndian(destination[8..], _middle);
        BinaryPrimitives.WriteUInt32BigEndian(destination[16..], _low);
    }

    /// <summary>Reads 40 hexadecimal digits.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out NodeId id)
    {
        Span<byte> bytes = stackalloc byte[Length];
        var read = text?.Length == 2 * Length && Convert.FromHexString(text, bytes, out _, out _) == System.Buffers.OperationStatus.Done;
        id = read ? new NodeId(bytes) : default;
        return read;
    }

    /// <summary>As a number: what is smaller as a distance is nearer.</summary>
    public int CompareTo(NodeId other) =>
        _high != other._high ? _high.CompareTo(other._high)
        : _middle != other._middle ? _middle.CompareTo(other._middle)
        : _low.CompareTo(other._low);

    /// <summary>Forty lower-case hexadecimal digits.</summary>
    public override string ToString()
    {
        Span<byte> bytes = stackalloc byte[Length];
        WriteTo(bytes);
        return Convert.ToHexStringLower(bytes);
    }
}
