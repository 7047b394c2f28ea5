using Shoal.Simulation.Scenarios;
using Shoal.Simulation.Time;

namespace Shoal.Simulation.Network;

/// <summary>The capacities that a scenario speaks of, and each peer's way through them.</summary>
internal sealed class Topology
{
    private readonly List<(string Name, long BytesPerSecond, int Resource)> _shared = [];
    private readonly List<(PeerClass Class, Path Path)> _paths = [];
    private readonly long[] _zoneLatencies;

    public Topology(Scenario scenario, VirtualNetwork network)
    {
        Zones = [.. scenario.Zones.Select(zone => (
            Share(network, $"zone {zone.Name} up", zone.UpBytesPerSecond), Share(network, $"zone {zone.Name} down", zone.DownBytesPerSecond)))];
        _zoneLatencies = [.. scenario.Zones.Select(zone => zone.Latency.Nanoseconds())];
        var rack = -1;
        foreach (var peers in scenario.Classes)
        {
            var zone = scenario.Zones.ToList().FindIndex(candidate => candidate.Name == peers.Zone);
            (int Up, int Down) rackWay = default;
            for (var i = 0; i < peers.Count; i++)
            {
                if (peers.RackSize > 0 && i % peers.RackSize == 0)
                {
                    rack++;
                    var name = $"rack {peers.Name} {i / peers.RackSize}";
                    rackWay = (Share(network, $"{name} up", peers.RackBytesPerSecond), Share(network, $"{name} down", peers.RackBytesPerSecond));
                }

                var isSlow = peers.Behavior == Behavior.Slowloris;
                List<int> up = [network.AddResource(isSlow ? SlowlorisBytesPerSecond : peers.UpBytesPerSecond, isCounted: false)];
                List<int> down = [network.AddResource(isSlow ? SlowlorisBytesPerSecond : peers.DownBytesPerSecond, isCounted: false)];
                if (peers.RackSize > 0)
                {
                    up.Add(rackWay.Up);
                    down.Add(rackWay.Down);
                }

                if (zone >= 0)
                {
                    up.Add(Zones[zone].Up);
                    down.Add(Zones[zone].Down);
                }

                _paths.Add((peers, new Path(up, down, peers.RackSize > 0 ? rack : -1, zone, peers.Latency.Nanoseconds())));
            }
        }
    }

    private const long SlowlorisBytesPerSecond = 2_000;

    /// <summary>Every peer's class and way, in order of their numbers.</summary>
    public IReadOnlyList<(PeerClass Class, Path Path)> Paths => _paths;

    /// <summary>The links that several share.</summary>
    public IReadOnlyList<(string Name, long BytesPerSecond, int Resource)> Shared => _shared;

    /// <summary>Each zone's link.</summary>
    public IReadOnlyList<(int Up, int Down)> Zones { get; }

    /// <summary>Nanoseconds from one peer to another.</summary>
    public long LatencyBetween(Path from, Path to) =>
        from.Latency + to.Latency + (from.Zone == to.Zone ? 0 : ZoneLatency(from) + ZoneLatency(to));

    /// <summary>Nanoseconds from a peer to the middle of the network, where the tracker's own way begins.</summary>
    public long LatencyToMiddle(Path path) => path.Latency + ZoneLatency(path);

    private long ZoneLatency(Path path) => path.Zone >= 0 ? _zoneLatencies[path.Zone] : 0;

    private int Share(VirtualNetwork network, string name, long bytesPerSecond)
    {
        var resource = network.AddResource(bytesPerSecond, isCounted: true);
        _shared.Add((name, bytesPerSecond, resource));
        return resource;
    }
}
