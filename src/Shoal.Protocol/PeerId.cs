using System.Buffers.Binary;

namespace Shoal.Protocol;

/// <summary>The 20 bytes by which a peer names itself in a handshake and to a tracker (BEP 3, prefix by BEP 20).</summary>
public readonly record struct PeerId : IComparable<PeerId>
{
    /// <summary>Length in bytes.</summary>
    public const int Length = 20;

    /// <summary>What our own ids begin with, in the style of BEP 20.</summary>
    public const string Prefix = "-SH0100-";

    private readonly ulong _high;
    private readonly ulong _middle;
    private readonly uint _low;

    /// <summary>Reads the first 20 bytes of <paramref name="bytes"/>.</summary>
    /// <exception cref="ArgumentException">There are fewer than 20 bytes.</exception>
    public PeerId(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < Length)
        {
            throw new ArgumentException($"a peer id has {Length} bytes, not {bytes.Length}", nameof(bytes));
        }

        _high = BinaryPrimitives.ReadUInt64BigEndian(bytes);
        _middle = BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]);
        _low = BinaryPrimitives.ReadUInt32BigEndian(bytes[16..]);
    }

    /// <summary>Our prefix followed by 12 printable characters made of <paramref name="entropy"/> (12 bytes).</summary>
    public static PeerId Create(ReadOnlySpan<byte> entropy)
    {
        const string Alphabet = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-.";
        Span<byte> bytes = stackalloc byte[Length];
        for (var i = 0; i < Prefix.Length; i++)
        {
            bytes[i] = (byte)Prefix[i];
        }

        for (var i = Prefix.Length; i < Length; i++)
        {
            bytes[i] = (byte)Alphabet[entropy[i - Prefix.Length] & 63];
        }

        return new PeerId(bytes);
    }

    /// <summary>Writes the 20 bytes into the start of <paramref name="destination"/>.</summary>
    public void WriteTo(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64BigEndian(destination, _high);
        BinaryPrimitives.WriteUInt64BigEndian(destination[8..], _middle);
        BinaryPrimitives.WriteUInt32BigEndian(destination[16..], _low);
    }

    /// <summary>Byte-wise order.</summary>
    public int CompareTo(PeerId other) => (_high, _middle, _low).CompareTo((other._high, other._middle, other._low));

    /// <summary>The printable characters as they are, any other byte as %xx: fit for a terminal.</summary>
    public override string ToString()
    {
        Span<byte> bytes = stackalloc byte[Length];
        WriteTo(bytes);
        var text = new System.Text.StringBuilder(Length);
        foreach (var value in bytes)
        {
            if (value is > 0x20 and < 0x7f and not (byte)'%')
            {
                text.Append((char)value);
            }
            else
            {
                text.Append('%').Append(value.ToString("x2"));
            }
        }

        return text.ToString();
    }
}
