using Shoal.Simulation.Faults;
using Shoal.Simulation.Scenarios;

namespace Shoal.Simulation.Fuzzing.Swarms;

/// <summary>
/// Until when honest leechers that stay must be complete. Quiet is the time at which the last of them has come, the last fault is over
/// and nothing breaks any more. From then on there is an honest seeder in reach of everybody for ever, so it takes at most the time in
/// which all find it, and the time in which it alone could serve them all, one after the other and far from its best.
/// </summary>
/// <remarks>
/// bound = find + serve.
/// find = 10 min (the longest wait before an address is tried again) + 3 min (a dead link is found by its silence) + 2 min (one that
/// takes nothing) + 1.1 tracker intervals + the tracker's rest, if it was down: at most twice that time and 15 s, or 33 min.
/// In a job all have found each other, and find = 2 min: what an owner that cannot read keeps back is asked of another after 1 at most.
/// serve = 8 · N · F / r + 4 · N · blocks · round trip / 16 + (2 min + 5 s · pieces) for each peer that is not honest + the piece that a slow disk
/// has begun: r is the least of the seeder's uplink and the leechers' ways and disks, 16 the requests that are out at least (fewer if so
/// told). A peer that keeps back what it was asked for is found out in a while, and until then holds up each piece for 5 s where slots are few.
/// </remarks>
internal static class Liveness
{
    private const int ServeFactor = 8;
    private const int RoundTripFactor = 4;
    private const int RequestDepth = 16;

    private static readonly TimeSpan Find = TimeSpan.FromMinutes(10 + 3 + 2);
    private static readonly TimeSpan FindInJob = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan LongestRest = TimeSpan.FromMinutes(33);
    private static readonly TimeSpan FirstRest = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan PerCulprit = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan PerHeldPiece = TimeSpan.FromSeconds(5);

    /// <summary>When nothing more goes wrong.</summary>
    public static TimeSpan QuietOf(Scenario scenario, Adversity adversity)
    {
        var times = scenario.Faults.Select(fault => fault.At + fault.Duration)
            .Concat(scenario.Classes.Select(peers => peers.JoinAt + peers.JoinWithin))
            .Append(adversity.Until);
        return times.Max();
    }

    /// <summary>How long it may take from then on.</summary>
    public static TimeSpan BoundOf(Scenario scenario, Adversity adversity)
    {
        var down = Sum(scenario.Faults.Where(fault => fault.Kind is FaultKind.TrackerDown or FaultKind.Partition).Select(fault => fault.Duration));
        var rest = down == TimeSpan.Zero ? down : Least(LongestRest, (2 * down) + FirstRest);
        var honest = scenario.Classes.Where(IsExpected).ToArray();
        var received = honest.Sum(peers => (double)peers.Count) * scenario.ContentLength;
        var rate = honest.Select(peers => Math.Min(peers.DownBytesPerSecond, peers.WriteBytesPerSecond))
            .Concat(honest.Where(peers => peers.RackSize > 0).Select(peers => peers.RackBytesPerSecond))
            .Concat(scenario.Zones.Select(zone => Math.Min(zone.UpBytesPerSecond, zone.DownBytesPerSecond)))
            .Concat(scenario.Classes.Where(peers => peers.Name == adversity.Spared).Select(peers => peers.UpBytesPerSecond))
            .Min();
        var way = Sum(scenario.Classes.Select(peers => peers.Latency).OrderDescending().Take(2)) + Sum(scenario.Zones.Select(zone => zone.Latency));
        var roundTrip = 2 * (way + adversity.Jitter);
        var blocks = received / (scenario.BlockLength ?? scenario.ContentLength);
        var culprits = scenario.Classes.Where(peers => peers.Behavior != Behavior.Honest).Sum(peers => peers.Count);
        var find = scenario.Swarm.IsJob ? FindInJob : Find + rest + (1.1 * scenario.Tracker.Interval);
        return find + TimeSpan.FromSeconds(ServeFactor * received / rate) +
            (roundTrip * (RoundTripFactor * blocks / Math.Min(RequestDepth, adversity.RequestDepth ?? RequestDepth))) +
            (culprits * (PerCulprit + (PerHeldPiece * ((double)scenario.ContentLength / (scenario.PieceLength ?? scenario.ContentLength))))) +
            TimeSpan.FromSeconds((double)FaultBook.SlowDiskFactor * (scenario.PieceLength ?? 0) / honest.Min(peers => peers.WriteBytesPerSecond));
    }

    public static bool IsExpected(PeerClass peers) => peers is { IsSeeder: false, Behavior: Behavior.Honest };

    private static TimeSpan Sum(IEnumerable<TimeSpan> times) => times.Aggregate(TimeSpan.Zero, (sum, time) => sum + time);

    private static TimeSpan Least(TimeSpan one, TimeSpan other) => one < other ? one : other;
}
