namespace Shoal.Mpi.Copying;

/// <summary>Who is linked with whom: everybody is near, and nobody has many links.</summary>
public sealed class CopyLinksTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 1)]
    [InlineData(64, 1)]
    [InlineData(65, 1)]
    [InlineData(70, 1)]
    [InlineData(129, 1)]
    [InlineData(130, 2)]
    [InlineData(1000, 1)]
    public void Everybody_is_a_few_links_from_everybody(int count, int perNode)
    {
        // Some ranks take no part.
        int[] peers = [.. Enumerable.Range(0, count).Select(i => 3 * i)];
        int[] leaders = [.. Enumerable.Range(0, 3 * count).Select(rank => rank / (3 * perNode))];
        var links = peers.ToDictionary(rank => rank, _ => new HashSet<int>());
        foreach (var rank in peers)
        {
            foreach (var called in CopyLinks.CalledBy(rank, peers, leaders))
            {
                Assert.True(links[rank].Add(called) && links[called].Add(rank), $"{rank} and {called} are linked twice");
            }
        }

        Assert.All(links.Values, linked => Assert.InRange(linked.Count, 0, count <= CopyLinks.FullMeshCount ? count - 1 : 2 * int.Log2(count) + 2 + perNode));
        Assert.InRange(Farthest(links, peers[0]), 0, count <= CopyLinks.FullMeshCount ? 1 : int.Log2(count));
    }

    [Fact]
    public void All_of_one_node_are_linked()
    {
        int[] peers = [.. Enumerable.Range(0, 200)];
        Assert.Equal(199, CopyLinks.CalledBy(199, peers, new int[200]).Count());
    }

    private static int Farthest(Dictionary<int, HashSet<int>> links, int from)
    {
        var distances = new Dictionary<int, int> { [from] = 0 };
        var next = new Queue<int>([from]);
        while (next.TryDequeue(out var rank))
        {
            foreach (var linked in links[rank].Where(linked => distances.TryAdd(linked, distances[rank] + 1)))
            {
                next.Enqueue(linked);
            }
        }

        Assert.Equal(links.Count, distances.Count);
        return distances.Values.Max();
    }
}
