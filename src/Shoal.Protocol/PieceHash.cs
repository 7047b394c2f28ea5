using System.Buffers.Binary;

namespace Shoal.Protocol;

/// <summary>
/// The hash of one piece, as a value: 20 bytes of SHA-1 (BEP 3), or 16 of a checksum among those who trust each other. Held in 32
/// bytes, so that a SHA-256 (BEP 52) fits.
/// </summary>
public readonly record struct PieceHash
{
    /// <summary>Length in bytes of a SHA-1.</summary>
    public const int Sha1Length = 20;

    /// <summary>Length in bytes of a checksum.</summary>
    public const int ChecksumLength = 16;

    private readonly ulong _first;
    private readonly ulong _second;
    private readonly ulong _third;
    private readonly ulong _fourth;

    /// <summary>Reads 16, 20 or 32 bytes.</summary>
    /// <exception cref="ArgumentException">It has another length.</exception>
    public PieceHash(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length is not (ChecksumLength or Sha1Length or 32))
        {
            throw new ArgumentException($"a piece hash has 16, 20 or 32 bytes, not {bytes.Length}", nameof(bytes));
        }

        Span<byte> padded = stackalloc byte[32];
        padded.Clear();
        bytes.CopyTo(padded);
        _first = BinaryPrimitives.ReadUInt64BigEndian(padded);
        _second = BinaryPrimitives.ReadUInt64BigEndian(padded[8..]);
        _third = BinaryPrimitives.ReadUInt64BigEndian(padded[16..]);
        _fourth = BinaryPrimitives.ReadUInt64BigEndian(padded[24..]);
    }

    /// <summary>Writes the first bytes of the hash: as many as <paramref name="destination"/> holds, at most 32.</summary>
    public void WriteTo(Span<byte> destination)
    {
        Span<byte> padded = stackalloc byte[32];
        BinaryPrimitives.WriteUInt64BigEndian(padded, _first);
        BinaryPrimitives.WriteUInt64BigEndian(padded[8..], _second);
        BinaryPrimitives.WriteUInt64BigEndian(padded[16..], _third);
        BinaryPrimitives.WriteUInt64BigEndian(padded[24..], _fourth);
        padded[..Math.Min(32, destination.Length)].CopyTo(destination);
    }
}
