using Shoal.Tracker.Catalogue;

namespace Shoal.Tracker.Tests.Catalogue;

/// <summary>Names in order.</summary>
public sealed class NameOrderTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(17)]
    [InlineData(5000)]
    [InlineData(100_000)]
    public void Any_names_are_sorted_as_ordinals(int count)
    {
        var random = new Random(count);
        var names = new HashSet<string>(StringComparer.Ordinal);
        while (names.Count < count)
        {
            // Of few characters, so that many begin alike; one that another begins with; beyond the first plane of Unicode.
            names.Add(string.Concat(Enumerable.Range(0, 1 + random.Next(14)).Select(_ => random.Next(6) switch
            {
                0 => "/", 1 => "é", 2 => "\U0001F41F", 3 => "\uFFFD", _ => "a",
            })));
        }

        var sorted = NameOrder.Sort([.. names.Select(name => new NamedVersions(name, 1, []))]);
        Assert.Equal(names.Order(StringComparer.Ordinal), sorted.Select(name => name.Name));
    }

    [Theory]
    [InlineData(3000)]
    [InlineData(30_000)]
    public void Names_that_differ_at_their_end_only_are_sorted_too(int count)
    {
        var beginning = new string('x', 900);
        var names = Enumerable.Range(0, count).Select(number => $"{beginning}{number:d6}").Reverse().ToList();
        var sorted = NameOrder.Sort([.. names.Select(name => new NamedVersions(name, 1, []))]);
        Assert.Equal(Enumerable.Reverse(names), sorted.Select(name => name.Name));
    }
}
