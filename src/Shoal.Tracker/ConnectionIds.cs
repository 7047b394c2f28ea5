using System.Buffers.Binary;
using System.Numerics;
using Shoal.Engine;
using Shoal.Protocol;

namespace Shoal.Tracker;

/// <summary>
/// The connection ids of the UDP tracker protocol (BEP 15): proof that whoever announces gets what is sent to its
/// address, so that nobody can announce others or have answers sent to them. SipHash-2-4 (Aumasson and Bernstein, 2012)
/// of address and time under a secret key, so nothing is stored; good for 64 to 128 s. Thread-safe.
/// </summary>
internal sealed class ConnectionIds(ulong key0, ulong key1)
{
    private const long PeriodNanoseconds = 64_000_000_000;

    /// <summary>The id for an address at this time.</summary>
    public ulong Create(PeerAddress address, Instant now) => Hash(address, now.Nanoseconds / PeriodNanoseconds);

    /// <summary>Whether the id was made for this address, not long ago. Takes the same time whatever the id.</summary>
    public bool IsValid(ulong id, PeerAddress address, Instant now)
    {
        var period = now.Nanoseconds / PeriodNanoseconds;
        return (id == Hash(address, period)) | (id == Hash(address, period - 1));
    }

    private ulong Hash(PeerAddress address, long period)
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
        Absorb(ref a, ref b, ref c, ref d, (ulong)period);
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
