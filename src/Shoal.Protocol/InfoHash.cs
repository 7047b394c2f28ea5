using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Serialization;

namespace Shoal.Protocol;

/// <summary>
/// The 20 bytes that name a torrent on the wire: the SHA-1 of the bencoded info dictionary (BEP 3).
/// A v2 torrent's SHA-256 is truncated to the same 20 bytes wherever the wire has room for no more (BEP 52).
/// </summary>
[JsonConverter(typeof(InfoHashConverter))]
public readonly record struct InfoHash : IComparable<InfoHash>
{
    /// <summary>Length in bytes.</summary>
    public const int Length = 20;

    private readonly ulong _high;
    private readonly ulong _middle;
    private readonly uint _low;

    /// <summary>Reads the first 20 bytes of <paramref name="bytes"/>.</summary>
    /// <exception cref="ArgumentException">There are fewer than 20 bytes.</exception>
    public InfoHash(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < Length)
        {
            throw new ArgumentException($"an info-hash has {Length} bytes, not {bytes.Length}", nameof(bytes));
        }

        _high = BinaryPrimitives.ReadUInt64BigEndian(bytes);
        _middle = BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]);
        _low = BinaryPrimitives.ReadUInt32BigEndian(bytes[16..]);
    }

    /// <summary>Writes the 20 bytes into the start of <paramref name="destination"/>.</summary>
    public void WriteTo(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64BigEndian(destination, _high);
        BinaryPrimitives.WriteUInt64BigEndian(destination[8..], _middle);
        BinaryPrimitives.WriteUInt32BigEndian(destination[16..], _low);
    }

    /// <summary>The 20 bytes in a new array.</summary>
    public byte[] ToArray()
    {
        var bytes = new byte[Length];
        WriteTo(bytes);
        return bytes;
    }

    /// <summary>Reads 40 hexadecimal digits or 32 base32 characters, in either case.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out InfoHash infoHash)
    {
        Span<byte> bytes = stackalloc byte[Length];
        var read = text?.Length switch
        {
            2 * Length => Convert.FromHexString(text, bytes, out _, out _) == System.Buffers.OperationStatus.Done,
            32 => TryDecodeBase32(text, bytes),
            _ => false,
        };
        infoHash = read ? new InfoHash(bytes) : default;
        return read;
    }

    /// <summary>Forty lower-case hexadecimal digits.</summary>
    public override string ToString()
    {
        Span<byte> bytes = stackalloc byte[Length];
        WriteTo(bytes);
        return Convert.ToHexStringLower(bytes);
    }

    /// <summary>Byte-wise order.</summary>
    public int CompareTo(InfoHash other) =>
        (_high, _middle, _low).CompareTo((other._high, other._middle, other._low));

    // RFC 4648 alphabet, no padding: 32 characters are exactly 160 bits.
    private static bool TryDecodeBase32(string text, Span<byte> destination)
    {
        ulong buffer = 0;
        var bits = 0;
        var written = 0;
        foreach (var character in text)
        {
            var value = character switch
            {
                >= 'A' and <= 'Z' => character - 'A',
                >= 'a' and <= 'z' => character - 'a',
                >= '2' and <= '7' => character - '2' + 26,
                _ => -1,
            };
            if (value < 0)
            {
                return false;
            }

            buffer = (buffer << 5) | (uint)value;
            bits += 5;
            if (bits >= 8)
            {
                bits -= 8;
                destination[written++] = (byte)(buffer >> bits);
            }
        }

        return written == Length;
    }
}
