using System.Buffers.Binary;

namespace Shoal.Protocol;

/// <summary>
/// The hash of one piece, as a value: 20 bytes of SHA-1 (BEP 3). Held in 32 bytes, so that a SHA-256 (BEP 52) fits.
/// </summary>
public readonly record struct PieceHash
{
    /// <summary>Length in bytes of a SHA-1.</summary>
    public const int Sha1Length = 20;

    private readonly UInt128 _high;
    private readonly UInt128 _low;

    /// <summary>Reads 20 or 32 bytes.</summary>
    /// <exception cref="ArgumentException">It is neither 20 nor 32 bytes.</exception>
    public PieceHash(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length is not (Sha1Length or 32))
        {
            throw new ArgumentException($"a piece hash has 20 or 32 bytes, not {bytes.Length}", nameof(bytes));
        }

        Span<byte> padded = stackalloc byte[32];
        padded.Clear();
        bytes.CopyTo(padded);
        _high = BinaryPrimitives.ReadUInt128BigEndian(padded);
        _low = BinaryPrimitives.ReadUInt128BigEndian(padded[16..]);
    }

    /// <summary>Writes the first bytes of the hash: as many as <paramref name="destination"/> holds, at most 32.</summary>
    public void WriteTo(Span<byte> destination)
    {
        Span<byte> padded = stackalloc byte[32];
        BinaryPrimitives.WriteUInt128BigEndian(padded, _high);
        BinaryPrimitives.WriteUInt128BigEndian(padded[16..], _low);
        padded[..Math.Min(32, destination.Length)].CopyTo(destination);
    }
}
