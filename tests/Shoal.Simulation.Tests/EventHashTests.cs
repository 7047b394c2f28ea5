using System.Numerics;

namespace Shoal.Simulation.Tests;

/// <summary>The hash of all events: each bit of what is mixed in may change each bit of it.</summary>
public sealed class EventHashTests
{
    [Fact]
    public void Runs_that_differ_in_nothing_but_kinds_have_hashes_that_differ_everywhere()
    {
        // Two kinds in the high byte, where the kind of an event stands, and the same events after them.
        for (var kind = 1UL; kind < 20; kind++)
        {
            var differing = Hash(kind << 56) ^ Hash(0);
            Assert.InRange(BitOperations.PopCount(differing), 12, 52);
        }
    }

    [Fact]
    public void Of_many_values_in_the_high_byte_no_two_collide() => Assert.Equal(
        256 * 256, Enumerable.Range(0, 256 * 256).Select(pair => Hash((ulong)(pair >> 8) << 56, (ulong)(pair & 255) << 56)).Distinct().Count());

    private static ulong Hash(params ulong[] first)
    {
        var hash = 0xcbf29ce484222325;
        foreach (var value in (ulong[])[.. first, 1, 2, 3])
        {
            World.Mix(ref hash, value);
        }

        return hash;
    }
}
