using Shoal.Engine;
using Shoal.Simulation.Network;
using Shoal.Simulation.Peers;
using Shoal.Simulation.Scenarios;
using Shoal.Simulation.Time;

namespace Shoal.Simulation.Faults;

/// <summary>Makes a scenario's faults happen, and knows which of them last.</summary>
internal sealed class FaultBook
{
    private const int SlowDiskFactor = 100;

    private readonly World _world;
    private readonly Scenario _scenario;
    private readonly Topology _topology;
    private readonly Dictionary<Fault, VirtualPeer[]> _struck = [];
    private readonly HashSet<VirtualPeer> _slow = [];
    private readonly HashSet<VirtualPeer> _full = [];
    private readonly Instant[] _cutUntil; // by zone
    private int _cutCount;

    public FaultBook(World world, Scenario scenario, Topology topology)
    {
        (_world, _scenario, _topology) = (world, scenario, topology);
        _cutUntil = new Instant[scenario.Zones.Count];
        foreach (var fault in scenario.Faults)
        {
            world.Timeline.Add(Instant.Zero + fault.At, new Event(EventKind.FaultBegins, Detail: fault));
        }
    }

    public long DiskRateOf(VirtualPeer peer) => _slow.Contains(peer)
        ? Math.Max(1, peer.Class.DiskBytesPerSecond / SlowDiskFactor)
        : peer.Class.DiskBytesPerSecond;

    public bool IsDiskFull(VirtualPeer peer) => _full.Contains(peer);

    /// <summary>Whether the event cannot happen yet, since a partition stands between where it comes from and where it goes.</summary>
    public bool IsHeld(in Event happening, out Instant until)
    {
        until = Instant.Zero;
        if (_cutCount == 0)
        {
            return false;
        }

        switch (happening.Kind)
        {
            case EventKind.Message or EventKind.Block or EventKind.Opened:
                until = CutBetween(happening.End!.Owner.Path.Zone, happening.End.Other.Owner.Path.Zone);
                break;
            case EventKind.Closed when happening.End!.Other is { } other && !happening.End.IsHungUp:
                until = CutBetween(happening.End.Owner.Path.Zone, other.Owner.Path.Zone);
                break;
            case EventKind.Call:
                until = CutBetween(happening.End!.Owner.Path.Zone, happening.Peer!.Path.Zone);
                break;
            case EventKind.Announce or EventKind.Answer:
                until = CutBetween(happening.Peer!.Path.Zone, -1);
                break;
            default:
                break;
        }

        return until > _world.Now;
    }

    public void Handle(in Event happening)
    {
        var fault = (Fault)happening.Detail!;
        if (happening.Kind == EventKind.FaultBegins)
        {
            Begin(fault);
            if (fault.Duration > TimeSpan.Zero)
            {
                _world.Timeline.After(fault.Duration.Nanoseconds(), new Event(EventKind.FaultEnds, Detail: fault));
            }
        }
        else
        {
            End(fault);
        }
    }

    private void Begin(Fault fault)
    {
        switch (fault.Kind)
        {
            case FaultKind.Partition:
                Cut(fault, isCut: true);
                break;
            case FaultKind.TrackerDown:
                _world.Tracker.IsDown = true;
                break;
            default:
                var struck = Choose(fault);
                _struck[fault] = struck;
                foreach (var peer in struck)
                {
                    Strike(fault, peer);
                }

                break;
        }
    }

    private void End(Fault fault)
    {
        switch (fault.Kind)
        {
            case FaultKind.Partition:
                Cut(fault, isCut: false);
                break;
            case FaultKind.TrackerDown:
                _world.Tracker.IsDown = false;
                break;
            default:
                foreach (var peer in _struck[fault])
                {
                    Mend(fault.Kind, peer);
                }

                break;
        }
    }

    private void Strike(Fault fault, VirtualPeer peer)
    {
        switch (fault.Kind)
        {
            case FaultKind.Crash:
                peer.Crash(isForGood: fault.Duration == TimeSpan.Zero);
                break;
            case FaultKind.SlowDisk:
                _slow.Add(peer);
                break;
            default:
                _full.Add(peer);
                break;
        }
    }

    private void Mend(FaultKind kind, VirtualPeer peer)
    {
        switch (kind)
        {
            case FaultKind.Crash:
                peer.Start();
                break;
            case FaultKind.SlowDisk:
                _slow.Remove(peer);
                break;
            default:
                _full.Remove(peer);
                break;
        }
    }

    private void Cut(Fault fault, bool isCut)
    {
        var zone = _scenario.Zones.ToList().FindIndex(candidate => candidate.Name == fault.Zone);
        _cutCount += isCut ? 1 : -1;
        _cutUntil[zone] = isCut ? _world.Now + fault.Duration : Instant.Zero;
        _world.Network.SetCapacity(_topology.Zones[zone].Up, isCut ? 0 : _scenario.Zones[zone].UpBytesPerSecond);
        _world.Network.SetCapacity(_topology.Zones[zone].Down, isCut ? 0 : _scenario.Zones[zone].DownBytesPerSecond);
    }

    private Instant CutBetween(int zone, int other) =>
        zone == other ? Instant.Zero : Later(zone < 0 ? Instant.Zero : _cutUntil[zone], other < 0 ? Instant.Zero : _cutUntil[other]);

    private static Instant Later(Instant one, Instant other) => one > other ? one : other;

    private VirtualPeer[] Choose(Fault fault)
    {
        var candidates = _world.Peers.Where(peer => peer.Class.Name == fault.Class && !peer.HasLeft).ToArray();
        _world.Prng.Shuffle<VirtualPeer>(candidates);
        return candidates[..Math.Min(fault.Count, candidates.Length)];
    }
}
