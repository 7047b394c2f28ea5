using Shoal.Runtime.Hosting;

namespace Shoal.Runtime.Tests.Hosting;

/// <summary>The memory of buffer slots: bounded, not shared by two, given back.</summary>
public sealed class SlotMemoryTests
{
    private const int MiB = 1 << 20;

    [Theory]
    [InlineData(1)]
    [InlineData(16 * 1024)]
    [InlineData(262144)]
    [InlineData(MiB + 1)]
    [InlineData(3 * MiB)]
    public unsafe void No_byte_has_two_owners(int length)
    {
        using var memory = new SlotMemory(64L * length, 0);
        var slots = Enumerable.Range(0, 64).Select(_ => memory.Rent(length)).ToList();

        for (var i = 0; i < slots.Count; i++)
        {
            new Span<byte>((void*)slots[i], length).Fill((byte)i);
        }

        for (var i = 0; i < slots.Count; i++)
        {
            Assert.Equal(-1, new Span<byte>((void*)slots[i], length).IndexOfAnyExcept((byte)i));
            Assert.Equal(0, slots[i] % 4096);
        }

        Assert.Throws<InvalidOperationException>(() => memory.Rent(1));
        slots.ForEach(memory.Return);
        Assert.Equal((0, 0), (memory.UsedBytes, memory.SlabBytes));
    }

    [Fact]
    public void What_came_back_last_is_handed_out_first()
    {
        using var memory = new SlotMemory(8 * MiB, 8 * MiB);
        var first = memory.Rent(MiB);
        var second = memory.Rent(MiB);

        memory.Return(second);
        memory.Return(first);

        Assert.Equal(first, memory.Rent(MiB));
        Assert.Equal(second, memory.Rent(MiB));
    }

    [Fact]
    public void It_takes_no_more_of_the_system_than_was_ever_in_use()
    {
        using var memory = new SlotMemory(64 * MiB, 64 * MiB);
        var random = new Random(1);
        var slots = new List<nint>();
        for (var i = 0; i < 10_000; i++)
        {
            if (slots.Count < 32 && (slots.Count == 0 || random.Next(2) == 0))
            {
                slots.Add(memory.Rent(MiB));
            }
            else
            {
                var at = random.Next(slots.Count);
                memory.Return(slots[at]);
                slots.RemoveAt(at);
            }

            Assert.InRange(memory.SlabBytes, 0, 32 * MiB);
        }

        slots.ForEach(memory.Return);
    }

    [Fact]
    public void Beyond_what_is_retained_memory_of_another_length_goes_first()
    {
        using var memory = new SlotMemory(16 * MiB, 4 * MiB);
        var old = Enumerable.Range(0, 4).Select(_ => memory.Rent(MiB)).ToList();
        old.ForEach(memory.Return);
        Assert.Equal(4 * MiB, memory.SlabBytes);

        var slots = Enumerable.Range(0, 2).Select(_ => memory.Rent(2 * MiB)).ToList();
        slots.ForEach(memory.Return);

        Assert.Equal(4 * MiB, memory.SlabBytes);
        Assert.Equal(slots[1], memory.Rent(2 * MiB));
        Assert.Equal(4 * MiB, memory.SlabBytes);
    }
}
