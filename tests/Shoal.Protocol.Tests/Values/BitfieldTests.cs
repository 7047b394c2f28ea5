using FsCheck;
using FsCheck.Fluent;

namespace Shoal.Protocol.Tests.Values;

/// <summary>Against an array of booleans.</summary>
public sealed class BitfieldTests
{
    private static readonly Arbitrary<bool[]> AnyBits =
        Gen.OneOf(
            ArbMap.Default.GeneratorFor<bool>().ArrayOf(),
            Gen.Choose(0, 40).Select(length => new bool[length]),
            Gen.Choose(0, 40).Select(length => Enumerable.Repeat(true, length).ToArray())).ToArbitrary();

    private static Bitfield Of(bool[] bits)
    {
        var bitfield = new Bitfield(bits.Length);
        for (var i = 0; i < bits.Length; i++)
        {
            if (bits[i])
            {
                Assert.True(bitfield.Set(i));
                Assert.False(bitfield.Set(i));
            }
        }

        return bitfield;
    }

    // "high bit first", spelled out.
    private static byte[] Pack(bool[] bits)
    {
        var text = string.Concat(bits.Select(bit => bit ? '1' : '0'));
        text = text.PadRight((text.Length + 7) / 8 * 8, '0');
        return [.. text.Chunk(8).Select(eight => Convert.ToByte(new string(eight), 2))];
    }

    private static void AssertSame(bool[] bits, Bitfield bitfield)
    {
        Assert.Equal(bits.Length, bitfield.Length);
        Assert.Equal(bits.Count(bit => bit), bitfield.Count);
        Assert.Equal(bits.All(bit => bit), bitfield.IsFull);
        Assert.Equal(!bits.Any(bit => bit), bitfield.IsEmpty);
        Assert.Equal(Pack(bits), bitfield.Bytes.ToArray());
        for (var i = 0; i < bits.Length; i++)
        {
            Assert.Equal(bits[i], bitfield[i]);
            Assert.Equal(bits[i], bitfield[new PieceIndex(i)]);
        }

        for (var from = 0; from <= bits.Length + 9; from++)
        {
            Assert.Equal(from < bits.Length ? Array.IndexOf(bits, true, from) : -1, bitfield.NextSet(from));
            Assert.Equal(from < bits.Length ? Array.IndexOf(bits, false, from) : -1, bitfield.NextClear(from));
        }
    }

    [Fact]
    public void Bits_read_as_they_were_set() =>
        Prop.ForAll(AnyBits, bits => AssertSame(bits, Of(bits))).QuickCheckThrowOnFailure();

    [Fact]
    public void Bytes_from_the_wire_read_as_they_were_written() =>
        Prop.ForAll(AnyBits, bits => AssertSame(bits, Bitfield.TryRead(Pack(bits), bits.Length)!)).QuickCheckThrowOnFailure();

    [Fact]
    public void Setting_and_clearing_keeps_the_count() =>
        Prop.ForAll(AnyBits, bits =>
        {
            var bitfield = Of(bits);
            var flipped = (bool[])bits.Clone();
            for (var i = 0; i < bits.Length; i += 2)
            {
                flipped[i] = !flipped[i];
                Assert.True(flipped[i] ? bitfield.Set(i) : bitfield.Clear(i));
                Assert.False(flipped[i] ? bitfield.Set(i) : bitfield.Clear(i));
            }

            AssertSame(flipped, bitfield);
            bitfield.SetAll();
            AssertSame([.. bits.Select(_ => true)], bitfield);
            bitfield.ClearAll();
            AssertSame(new bool[bits.Length], bitfield);
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void One_lacks_what_only_the_other_has() =>
        Prop.ForAll(AnyBits, bits =>
        {
            var ours = Of(bits);
            var reversed = bits.Reverse().ToArray();
            Assert.Equal(bits.Zip(reversed).Any(pair => pair.Second && !pair.First), ours.Lacks(Of(reversed)));
            Assert.False(ours.Lacks(ours.Clone()));
            Assert.Equal(bits.Contains(false), ours.Lacks(Of([.. bits.Select(_ => true)])));
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_clone_is_on_its_own()
    {
        var first = Of([true, false]);
        var second = first.Clone();
        second.Set(1);
        AssertSame([true, false], first);
        AssertSame([true, true], second);
    }

    [Theory]
    [InlineData("", 0, true)]
    [InlineData("00", 0, false)]
    [InlineData("", 1, false)]
    [InlineData("80", 1, true)]
    [InlineData("40", 1, false)]
    [InlineData("FF", 8, true)]
    [InlineData("FF", 7, false)]
    [InlineData("FE", 7, true)]
    [InlineData("FFFF", 8, false)]
    [InlineData("FF", 9, false)]
    [InlineData("FF80", 9, true)]
    [InlineData("FF81", 9, false)]
    public void A_wrong_length_or_a_spare_bit_is_refused(string hex, int length, bool isRead) =>
        Assert.Equal(isRead, Bitfield.TryRead(Convert.FromHexString(hex), length) is not null);

    [Theory]
    [InlineData(-1)]
    [InlineData(9)]
    [InlineData(15)]
    [InlineData(int.MinValue)]
    public void An_index_outside_is_our_bug(int index)
    {
        var bitfield = new Bitfield(9);
        Assert.Throws<ArgumentOutOfRangeException>(() => bitfield[index]);
        Assert.Throws<ArgumentOutOfRangeException>(() => bitfield.Set(index));
        Assert.Throws<ArgumentOutOfRangeException>(() => bitfield.Clear(index));
    }
}
