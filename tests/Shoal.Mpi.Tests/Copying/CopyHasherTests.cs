using Shoal.Protocol;

namespace Shoal.Mpi.Copying;

/// <summary>The hash of a copy's pieces.</summary>
public sealed class CopyHasherTests
{
    private static readonly InfoHash Job = new([.. Enumerable.Range(1, InfoHash.Length).Select(i => (byte)i)]);

    [Fact]
    public void Equal_pieces_have_equal_hashes_on_every_rank_and_thread()
    {
        using var here = new CopyHasher(Job);
        using var there = new CopyHasher(Job);
        var piece = Bytes(100_000);
        var expected = here.Hash(piece);
        Assert.All(Enumerable.Range(0, 64).AsParallel().Select(i => (i % 2 == 0 ? here : there).Hash(piece)).ToArray(), hash => Assert.Equal(expected, hash));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(15)]
    [InlineData(16)]
    [InlineData(17)]
    [InlineData(4096)]
    [InlineData(1 << 20)]
    public void One_bit_anywhere_makes_another_hash(int length)
    {
        using var hasher = new CopyHasher(Job);
        var piece = Bytes(length);
        var right = hasher.Hash(piece);
        foreach (var at in (int[])[0, length / 2, length - 1])
        {
            piece[at] ^= 0x10;
            Assert.NotEqual(right, hasher.Hash(piece));
            piece[at] ^= 0x10;
        }

        Assert.NotEqual(right, hasher.Hash(piece.AsSpan(1)));
        Assert.NotEqual(right, hasher.Hash([.. piece, 0]));
        Assert.Equal(right, hasher.Hash(piece));
    }

    [Fact]
    public void Another_job_has_other_hashes()
    {
        using var one = new CopyHasher(Job);
        using var other = new CopyHasher(default);
        Assert.NotEqual(one.Hash(Bytes(1000)), other.Hash(Bytes(1000)));
    }

    private static byte[] Bytes(int length)
    {
        var bytes = new byte[length];
        new Random(length).NextBytes(bytes);
        return bytes;
    }
}
