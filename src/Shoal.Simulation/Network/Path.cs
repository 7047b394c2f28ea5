namespace Shoal.Simulation.Network;

/// <summary>A peer's ways to and from the middle of the network.</summary>
/// <param name="Up">What it sends through, from the peer outwards: its own uplink, its rack's, its zone's.</param>
/// <param name="Down">What it receives through, from the peer outwards.</param>
/// <param name="Rack">Its rack; negative if it has none. Peers of one rack do not leave it.</param>
/// <param name="Zone">Its zone; negative if it has none.</param>
/// <param name="Latency">Nanoseconds one way to the edge of its zone.</param>
internal sealed record Path(IReadOnlyList<int> Up, IReadOnlyList<int> Down, int Rack, int Zone, long Latency)
{
    /// <summary>The resources that a flow from one peer to another passes.</summary>
    public static int Between(Path from, Path to, Span<int> resources)
    {
        var isNear = from.Rack >= 0 && from.Rack == to.Rack;
        var isSameZone = from.Zone >= 0 && from.Zone == to.Zone;
        var count = 0;
        resources[count++] = from.Up[0];
        resources[count++] = to.Down[0];
        if (!isNear)
        {
            count = AddShared(from.Up, from, isSameZone, resources, count);
            count = AddShared(to.Down, to, isSameZone, resources, count);
        }

        return count;
    }

    private static int AddShared(IReadOnlyList<int> way, Path path, bool isSameZone, Span<int> resources, int count)
    {
        var zoneAt = way.Count - (path.Zone >= 0 ? 1 : 0);
        for (var i = 1; i < way.Count; i++)
        {
            if (i < zoneAt || !isSameZone)
            {
                resources[count++] = way[i];
            }
        }

        return count;
    }
}
