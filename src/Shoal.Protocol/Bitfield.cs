using System.Numerics;

namespace Shoal.Protocol;

/// <summary>
/// One bit for each piece, high bit first as on the wire (BEP 3), with a running count of those set.
/// Spare bits are always zero. Not thread-safe.
/// </summary>
public sealed class Bitfield
{
    private readonly byte[] _bits;

    /// <summary>All clear.</summary>
    public Bitfield(int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        Length = length;
        _bits = new byte[(length + 7) / 8];
    }

    private Bitfield(int length, byte[] bits, int count)
    {
        Length = length;
        _bits = bits;
        Count = count;
    }

    /// <summary>The number of bits.</summary>
    public int Length { get; }

    /// <summary>The number of bits set.</summary>
    public int Count { get; private set; }

    /// <summary>Whether every bit is set. True of an empty bitfield.</summary>
    public bool IsFull => Count == Length;

    /// <summary>Whether no bit is set.</summary>
    public bool IsEmpty => Count == 0;

    /// <summary>The bytes as they go on the wire.</summary>
    public ReadOnlySpan<byte> Bytes => _bits;

    /// <summary>Whether the bit is set.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The index is outside the bitfield.</exception>
    public bool this[int index]
    {
        get
        {
            if ((uint)index >= (uint)Length)
            {
                throw new ArgumentOutOfRangeException(nameof(index), index, $"there are {Length} bits");
            }

            return (_bits[index >> 3] & (0x80 >> (index & 7))) != 0;
        }
    }

    /// <summary>Whether the piece's bit is set.</summary>
    public bool this[PieceIndex piece] => this[piece.Value];

    /// <summary>Sets the bit; tells whether it was clear before.</summary>
    public bool Set(int index)
    {
        if (this[index])
        {
            return false;
        }

        _bits[index >> 3] |= (byte)(0x80 >> (index & 7));
        Count++;
        return true;
    }

    /// <summary>Clears the bit; tells whether it was set before.</summary>
    public bool Clear(int index)
    {
        if (!this[index])
        {
            return false;
        }

        _bits[index >> 3] &= (byte)~(0x80 >> (index & 7));
        Count--;
        return true;
    }

    /// <summary>Sets every bit.</summary>
    public void SetAll()
    {
        _bits.AsSpan().Fill(0xff);
        if ((Length & 7) != 0)
        {
            _bits[^1] = (byte)(0xff << (8 - (Length & 7)));
        }

        Count = Length;
    }

    /// <summary>Clears every bit.</summary>
    public void ClearAll()
    {
        _bits.AsSpan().Clear();
        Count = 0;
    }

    /// <summary>The first set bit at or after <paramref name="from"/>, or -1.</summary>
    public int NextSet(int from) => Next(from, 0);

    /// <summary>The first clear bit at or after <paramref name="from"/>, or -1.</summary>
    public int NextClear(int from) => Next(from, 0xff);

    /// <summary>Adds what the other has, which is of the same length.</summary>
    public void Add(Bitfield other)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(other.Length, Length, nameof(other));
        Count = 0;
        for (var i = 0; i < _bits.Length; i++)
        {
            _bits[i] |= other._bits[i];
            Count += BitOperations.PopCount(_bits[i]);
        }
    }

    /// <summary>Becomes what <paramref name="left"/> has and <paramref name="right"/> has not; all are of the same length.</summary>
    public void SetDifference(Bitfield left, Bitfield right)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(left.Length, Length, nameof(left));
        ArgumentOutOfRangeException.ThrowIfNotEqual(right.Length, Length, nameof(right));
        Count = 0;
        for (var i = 0; i < _bits.Length; i++)
        {
            _bits[i] = (byte)(left._bits[i] & ~right._bits[i]);
            Count += BitOperations.PopCount(_bits[i]);
        }
    }

    /// <summary>Whether <paramref name="other"/> has a bit that this one lacks. Both must have the same length.</summary>
    public bool Lacks(Bitfield other)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(other.Length, Length, nameof(other));
        for (var i = 0; i < _bits.Length; i++)
        {
            if ((other._bits[i] & ~_bits[i]) != 0)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>A copy that shares nothing with this one.</summary>
    public Bitfield Clone() => new(Length, (byte[])_bits.Clone(), Count);

    /// <summary>Reads a bitfield of <paramref name="length"/> bits. Null if the byte count is wrong or a spare bit is set (BEP 3).</summary>
    public static Bitfield? TryRead(ReadOnlySpan<byte> bytes, int length)
    {
        if (bytes.Length != (length + 7) / 8 ||
            ((length & 7) != 0 && (bytes[^1] & (0xff >> (length & 7))) != 0))
        {
            return null;
        }

        var count = 0;
        foreach (var value in bytes)
        {
            count += BitOperations.PopCount(value);
        }

        return new Bitfield(length, bytes.ToArray(), count);
    }

    private int Next(int from, byte skip)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(from);
        for (var index = from; index < Length;)
        {
            var rest = (byte)((_bits[index >> 3] ^ skip) << (index & 7));
            if (rest != 0)
            {
                index += BitOperations.LeadingZeroCount((uint)rest << 24);
                return index < Length ? index : -1;
            }

            index = (index | 7) + 1;
        }

        return -1;
    }
}
