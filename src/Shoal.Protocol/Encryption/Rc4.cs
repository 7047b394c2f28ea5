using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Shoal.Protocol.Encryption;

/// <summary>
/// The stream cipher RC4, as message stream encryption uses it: its first 1024 bytes are thrown away. It hides a stream from who
/// looks in passing, and is no protection against who means to read it. One object for each direction of a link. Not thread-safe.
/// </summary>
public sealed class Rc4
{
    private const int StateLength = 256;
    private const int DiscardedLength = 1024;

    private readonly uint[] _state = new uint[StateLength]; // bytes, but a word each is quicker to read back after a write
    private uint _i;
    private uint _j;

    /// <summary>A stream under the key, of 1 to 256 bytes.</summary>
    public Rc4(ReadOnlySpan<byte> key)
    {
        ArgumentOutOfRangeException.ThrowIfZero(key.Length, nameof(key));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(key.Length, StateLength, nameof(key));
        for (var i = 0u; i < StateLength; i++)
        {
            _state[i] = i;
        }

        byte j = 0;
        for (var i = 0; i < StateLength; i++)
        {
            j += (byte)(_state[i] + key[i % key.Length]);
            (_state[i], _state[j]) = (_state[j], _state[i]);
        }

        Span<byte> discarded = stackalloc byte[DiscardedLength];
        Apply(discarded);
    }

    /// <summary>Encrypts or decrypts the next bytes of the stream, in place.</summary>
    public void Apply(Span<byte> bytes)
    {
        ref var state = ref MemoryMarshal.GetArrayDataReference(_state);
        var (i, j) = (_i, _j);
        for (; bytes.Length >= sizeof(ulong); bytes = bytes[sizeof(ulong)..])
        {
            // Eight at once: twice as fast as one by one.
            var mask = (ulong)Next(ref state, ref i, ref j);
            mask |= (ulong)Next(ref state, ref i, ref j) << 8;
            mask |= (ulong)Next(ref state, ref i, ref j) << 16;
            mask |= (ulong)Next(ref state, ref i, ref j) << 24;
            mask |= (ulong)Next(ref state, ref i, ref j) << 32;
            mask |= (ulong)Next(ref state, ref i, ref j) << 40;
            mask |= (ulong)Next(ref state, ref i, ref j) << 48;
            mask |= (ulong)Next(ref state, ref i, ref j) << 56;
            BinaryPrimitives.WriteUInt64LittleEndian(bytes, BinaryPrimitives.ReadUInt64LittleEndian(bytes) ^ mask);
        }

        foreach (ref var one in bytes)
        {
            one ^= (byte)Next(ref state, ref i, ref j);
        }

        (_i, _j) = (i, j);
    }

    // Indices are cut to bytes, and the state has 256 words: nothing to check.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Next(ref uint state, ref uint i, ref uint j)
    {
        i = (byte)(i + 1);
        ref var first = ref Unsafe.Add(ref state, i);
        var x = first;
        j = (byte)(j + x);
        ref var second = ref Unsafe.Add(ref state, j);
        var y = second;
        first = y;
        second = x;
        return Unsafe.Add(ref state, (uint)(byte)(x + y));
    }
}
