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

    private readonly byte[] _state = new byte[StateLength];
    private byte _i;
    private byte _j;

    /// <summary>A stream under the key, of 1 to 256 bytes.</summary>
    public Rc4(ReadOnlySpan<byte> key)
    {
        ArgumentOutOfRangeException.ThrowIfZero(key.Length, nameof(key));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(key.Length, StateLength, nameof(key));
        for (var i = 0; i < StateLength; i++)
        {
            _state[i] = (byte)i;
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
        // Indices are bytes and the state has 256 of them: nothing to check.
        ref var state = ref MemoryMarshal.GetArrayDataReference(_state);
        var (i, j) = (_i, _j);
        for (var at = 0; at < bytes.Length; at++)
        {
            ref var first = ref Unsafe.Add(ref state, (nuint)(byte)(i + 1));
            i++;
            var x = first;
            j += x;
            ref var second = ref Unsafe.Add(ref state, (nuint)j);
            var y = second;
            first = y;
            second = x;
            bytes[at] ^= Unsafe.Add(ref state, (nuint)(byte)(x + y));
        }

        (_i, _j) = (i, j);
    }
}
