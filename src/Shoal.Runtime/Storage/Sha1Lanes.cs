using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Shoal.Protocol;

namespace Shoal.Runtime.Storage;

/// <summary>
/// SHA-1 (FIPS 180-4) of sixteen messages of one length at once, one in each 32-bit lane of AVX-512 registers: about twice
/// a core's rate for one message after another with SHA instructions, reading included. Only for lengths that are whole
/// 64-byte blocks. Not thread-safe; allocates nothing after its making.
/// </summary>
internal sealed unsafe class Sha1Lanes
{
    /// <summary>The number of messages.</summary>
    public const int LaneCount = 16;

    /// <summary>SHA-1 eats blocks of so many bytes.</summary>
    public const int BlockLength = 64;

    private readonly Vector512<uint>[] _state = new Vector512<uint>[5];

    /// <summary>Whether this processor can.</summary>
    public static bool IsSupported => Avx512F.IsSupported && Avx512BW.IsSupported;

    /// <summary>Begins sixteen new messages.</summary>
    public void Begin()
    {
        _state[0] = Vector512.Create(0x67452301u);
        _state[1] = Vector512.Create(0xefcdab89u);
        _state[2] = Vector512.Create(0x98badcfeu);
        _state[3] = Vector512.Create(0x10325476u);
        _state[4] = Vector512.Create(0xc3d2e1f0u);
    }

    /// <summary>
    /// Appends <paramref name="length"/> bytes to each: message <c>i</c>'s begin at <c>i * stride</c>. A stride that is a
    /// multiple of 4096 would have all lanes fight for the same lines of the cache.
    /// </summary>
    public void Append(ReadOnlySpan<byte> buffer, int stride, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(length % BlockLength, 0, nameof(length));
        ArgumentOutOfRangeException.ThrowIfLessThan(buffer.Length, ((LaneCount - 1) * stride) + length, nameof(buffer));
        fixed (byte* start = buffer)
        {
            for (var offset = 0; offset < length; offset += BlockLength)
            {
                Compress(start + offset, stride);
            }
        }
    }

    /// <summary>Ends the messages, which had <paramref name="messageLength"/> bytes each, and gives their hashes.</summary>
    public void End(long messageLength, Span<PieceHash> hashes)
    {
        // The padding is a block of its own and the same for all: a stride of 0.
        Span<byte> padding = stackalloc byte[BlockLength];
        padding.Clear();
        padding[0] = 0x80;
        System.Buffers.Binary.BinaryPrimitives.WriteInt64BigEndian(padding[56..], messageLength * 8);
        fixed (byte* start = padding)
        {
            Compress(start, 0);
        }

        Span<byte> hash = stackalloc byte[PieceHash.Sha1Length];
        for (var lane = 0; lane < hashes.Length; lane++)
        {
            for (var word = 0; word < 5; word++)
            {
                System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(hash[(word * 4)..], _state[word][lane]);
            }

            hashes[lane] = new PieceHash(hash);
        }
    }

    [SkipLocalsInit]
    private void Compress(byte* data, int stride)
    {
        var w = stackalloc Vector512<uint>[80];
        LoadTransposed(data, stride, w);
        for (var t = 16; t < 80; t++)
        {
            var mixed = Avx512F.TernaryLogic(w[t - 3], w[t - 8], w[t - 14], 0x96);
            w[t] = Avx512F.RotateLeft(mixed ^ w[t - 16], 1);
        }

        var (a, b, c, d, e) = (_state[0], _state[1], _state[2], _state[3], _state[4]);
        var k = Vector512.Create(0x5a827999u);
        for (var t = 0; t < 20; t += 5)
        {
            Step(a, Choose(b, c, d), ref e, ref b, k, w[t]);
            Step(e, Choose(a, b, c), ref d, ref a, k, w[t + 1]);
            Step(d, Choose(e, a, b), ref c, ref e, k, w[t + 2]);
            Step(c, Choose(d, e, a), ref b, ref d, k, w[t + 3]);
            Step(b, Choose(c, d, e), ref a, ref c, k, w[t + 4]);
        }

        k = Vector512.Create(0x6ed9eba1u);
        for (var t = 20; t < 40; t += 5)
        {
            Step(a, Parity(b, c, d), ref e, ref b, k, w[t]);
            Step(e, Parity(a, b, c), ref d, ref a, k, w[t + 1]);
            Step(d, Parity(e, a, b), ref c, ref e, k, w[t + 2]);
            Step(c, Parity(d, e, a), ref b, ref d, k, w[t + 3]);
            Step(b, Parity(c, d, e), ref a, ref c, k, w[t + 4]);
        }

        k = Vector512.Create(0x8f1bbcdcu);
        for (var t = 40; t < 60; t += 5)
        {
            Step(a, Majority(b, c, d), ref e, ref b, k, w[t]);
            Step(e, Majority(a, b, c), ref d, ref a, k, w[t + 1]);
            Step(d, Majority(e, a, b), ref c, ref e, k, w[t + 2]);
            Step(c, Majority(d, e, a), ref b, ref d, k, w[t + 3]);
            Step(b, Majority(c, d, e), ref a, ref c, k, w[t + 4]);
        }

        k = Vector512.Create(0xca62c1d6u);
        for (var t = 60; t < 80; t += 5)
        {
            Step(a, Parity(b, c, d), ref e, ref b, k, w[t]);
            Step(e, Parity(a, b, c), ref d, ref a, k, w[t + 1]);
            Step(d, Parity(e, a, b), ref c, ref e, k, w[t + 2]);
            Step(c, Parity(d, e, a), ref b, ref d, k, w[t + 3]);
            Step(b, Parity(c, d, e), ref a, ref c, k, w[t + 4]);
        }

        _state[0] += a;
        _state[1] += b;
        _state[2] += c;
        _state[3] += d;
        _state[4] += e;
    }

    /// <summary>One round; the five words change roles from call to call rather than places.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Step(
        Vector512<uint> a, Vector512<uint> mixed, ref Vector512<uint> e, ref Vector512<uint> b, Vector512<uint> k, Vector512<uint> w)
    {
        e = Avx512F.RotateLeft(a, 5) + mixed + (e + (k + w));
        b = Avx512F.RotateLeft(b, 30);
    }

    // The control bytes are the functions' truth tables.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> Choose(Vector512<uint> b, Vector512<uint> c, Vector512<uint> d) => Avx512F.TernaryLogic(b, c, d, 0xca);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> Parity(Vector512<uint> b, Vector512<uint> c, Vector512<uint> d) => Avx512F.TernaryLogic(b, c, d, 0x96);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> Majority(Vector512<uint> b, Vector512<uint> c, Vector512<uint> d) => Avx512F.TernaryLogic(b, c, d, 0xe8);

    /// <summary>Loads a block of each message, so that <c>w[t]</c> holds word <c>t</c> of all sixteen: a 16×16 transposition.</summary>
    private static void LoadTransposed(byte* data, int stride, Vector512<uint>* w)
    {
        var swap = Vector512.Create(
            Vector128.Create((byte)3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12));
        var quads = stackalloc Vector512<uint>[16];
        for (var row = 0; row < 16; row += 4)
        {
            var r0 = LoadRow(data, row * (long)stride, swap);
            var r1 = LoadRow(data, (row + 1) * (long)stride, swap);
            var r2 = LoadRow(data, (row + 2) * (long)stride, swap);
            var r3 = LoadRow(data, (row + 3) * (long)stride, swap);
            var low01 = Avx512F.UnpackLow(r0, r1).AsUInt64();
            var high01 = Avx512F.UnpackHigh(r0, r1).AsUInt64();
            var low23 = Avx512F.UnpackLow(r2, r3).AsUInt64();
            var high23 = Avx512F.UnpackHigh(r2, r3).AsUInt64();
            quads[row] = Avx512F.UnpackLow(low01, low23).AsUInt32();
            quads[row + 1] = Avx512F.UnpackHigh(low01, low23).AsUInt32();
            quads[row + 2] = Avx512F.UnpackLow(high01, high23).AsUInt32();
            quads[row + 3] = Avx512F.UnpackHigh(high01, high23).AsUInt32();
        }

        // Now quads[4g + j] has in its k-th quarter the words 4k + j of the messages 4g to 4g + 3.
        for (var j = 0; j < 4; j++)
        {
            var even01 = Avx512F.Shuffle4x128(quads[j], quads[4 + j], 0x88);
            var odd01 = Avx512F.Shuffle4x128(quads[j], quads[4 + j], 0xdd);
            var even23 = Avx512F.Shuffle4x128(quads[8 + j], quads[12 + j], 0x88);
            var odd23 = Avx512F.Shuffle4x128(quads[8 + j], quads[12 + j], 0xdd);
            w[j] = Avx512F.Shuffle4x128(even01, even23, 0x88);
            w[4 + j] = Avx512F.Shuffle4x128(odd01, odd23, 0x88);
            w[8 + j] = Avx512F.Shuffle4x128(even01, even23, 0xdd);
            w[12 + j] = Avx512F.Shuffle4x128(odd01, odd23, 0xdd);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> LoadRow(byte* data, long offset, Vector512<byte> swap) =>
        Avx512BW.Shuffle(Vector512.Load(data + offset), swap).AsUInt32();
}
