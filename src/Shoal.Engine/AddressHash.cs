using System.Buffers.Binary;
using System.Numerics;
using Shoal.Protocol;

namespace Shoal.Engine;

/// <summary>
/// SipHash-2-4 (Aumasson and Bernstein, 2012) of an IP address and a number under a secret key: a proof, without anything being stored, that
/// whoever shows the hash got what was sent to that address; and a hash that nobody can foresee. Immutable, thread-safe.
/// </summary>
public sealed class AddressHash(ulong key0, ulong key1)
{
    /// <summary>The hash of the address without its port, and of the number.</summary>
    public ulong Of(PeerAddress address, long number)
    {
        Span<byte> bytes = stackalloc byte[16];
        bytes.Clear();
        var length = address.WriteAddress(bytes);
        var a = key0 ^ 0x736f6d6570736575;
        var b = key1 ^ 0x646f72616e646f6d;
        var c = key0 ^ 0x6c7967656e657261;
        var d = key1 ^ 0x7465646279746573;
        Absorb(ref a, ref b, ref c, ref d, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        Absorb(ref a, ref b, ref c, ref d, BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]));
        Absorb(ref a, ref b, ref c, ref d, (ulong)number);
        Absorb(ref a, ref b, ref c, ref d, (24ul << 56) | (uint)length);
        c ^= 0xff;
        for (var i = 0; i < 4; i++)
        {
            Round(ref a, ref b, ref c, ref d);
        }

        return a ^ b ^ c ^ d;
    }

    private static void Absorb(ref ulong a, ref ulong b, ref ulong c, ref ulong d, ulong word)
    {
        d ^= word;
        Round(ref a, ref b, ref c, ref d);
        Round(ref a, ref b, ref c, ref d);
        a ^= word;
    }

    private static void Round(ref ulong a, ref ulong b, ref ulong c, ref ulong d)
    {
        a += b;
        b = BitOperations.RotateLeft(b, 13) ^ a;
        a = BitOperations.RotateLeft(a, 32);
        c += d;
        d = BitOperations.RotateLeft(d, 16) ^ c;
        a += d;
        d = BitOperations.RotateLeft(d, 21) ^ a;
        c += b;
        b = BitOperations.RotateLeft(b, 17) ^ c;
        c = BitOperations.RotateLeft(c, 32);
    }
}
