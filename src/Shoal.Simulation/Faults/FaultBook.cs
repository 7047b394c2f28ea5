using Shoal.Engine;
using Shoal.Simulation.Network;
using Shoal.Simulation.Peers;
using Shoal.Simulation.Scenarios;
using Shoal.Simulation.Time;

namespace Shoal.Simulation.Faults;

/// <summary>Makes a scenario's faults happen, and knows which of them last.</summary>
internal sealed class FaultBook
{
    /// <summary>How many times slower a slow disk is.</summary>
    public const int SlowDiskFactor = 100;

    private readonly World _world;
    private readonly Scenario _scenario;
    private readonly Topology _topology;
    private readonly Dictionary<Fault, VirtualPeer[]> _struck = new(ReferenceEqualityComparer.Instance); // two of a scenario may be alike
    // How many faults of a kind last: those that overlap are over with the last of them.
    private readonly Dictionary<VirtualPeer, int> _slow = [];
    private readonly Dictionary<VirtualPeer, int> _full = [];
    private readonly int[] _cuts; // by zone
    private int _trackerDownCount;
    private List<Event> _held = [];
    private int _cutCount;

    public FaultBook(World world, Scenario scenario, Topology topology)
    {
        (_world, _scenario, _topology) = (world, scenario, topology);
        _cuts = new int[scenario.Zones.Count];
        foreach (var fault in scenario.Faults)
        {
            world.Timeline.Add(Instant.Zero + fault.At, new Event(EventKind.FaultBegins, Detail: fault));
        }
    }

    public long DiskRateOf(VirtualPeer peer) => _slow.ContainsKey(peer)
        ? Math.Max(1, peer.Class.WriteBytesPerSecond / SlowDiskFactor)
        : peer.Class.WriteBytesPerSecond;

    /// <summary>Whether what lies on the disk must be read from it, which takes time.</summary>
    public bool MustRead(VirtualPeer peer) => peer.Class.DiskBytesPerSecond is not null || (_slow.Count > 0 && _slow.ContainsKey(peer));

    public bool IsDiskFull(VirtualPeer peer) => _full.ContainsKey(peer);

    /// <summary>
    /// Keeps the event back if a partition stands between where it comes from and where it goes. What is kept happens when the partition
    /// ends, in the old order: nothing overtakes on a link.
    /// </summary>
    public bool TryHold(in Event happening)
    {
        if (_cutCount == 0 || !IsCut(happening))
        {
            return false;
        }

        _held.Add(happening);
        return true;
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
                Cut(fault);
                break;
            case FaultKind.TrackerDown:
                _world.Tracker.IsDown = ++_trackerDownCount > 0;
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
                Join(fault);
                break;
            case FaultKind.TrackerDown:
                _world.Tracker.IsDown = --_trackerDownCount > 0;
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
                Count(_slow, peer, 1);
                break;
            default:
                Count(_full, peer, 1);
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
                Count(_slow, peer, -1);
                break;
            default:
                Count(_full, peer, -1);
                break;
        }
    }

    private static void Count(Dictionary<VirtualPeer, int> lasting, VirtualPeer peer, int change)
    {
        if ((lasting[peer] = lasting.GetValueOrDefault(peer) + change) == 0)
        {
            lasting.Remove(peer);
        }
    }

    private bool IsCut(in Event happening) => happening.Kind switch
    {
        EventKind.Message or EventKind.Block or EventKind.Bytes or EventKind.Opened =>
            IsCutBetween(happening.End!.Owner.Path.Zone, happening.End.Other.Owner.Path.Zone),
        EventKind.Closed when happening.End!.Other is { } other && !happening.End.IsHungUp =>
            IsCutBetween(happening.End.Owner.Path.Zone, other.Owner.Path.Zone),
        EventKind.Call => IsCutBetween(happening.End!.Owner.Path.Zone, happening.Peer!.Path.Zone),
        EventKind.Announce or EventKind.Answer => IsCutBetween(happening.Peer!.Path.Zone, -1),
        _ => false,
    };

    private bool IsCutBetween(int zone, int other) =>
        zone != other && ((zone >= 0 && _cuts[zone] > 0) || (other >= 0 && _cuts[other] > 0));

    private void Cut(Fault fault)
    {
        var zone = ZoneOf(fault);
        _cutCount++;
        if (_cuts[zone]++ == 0)
        {
            _world.Network.SetCapacity(_topology.Zones[zone].Up, 0);
            _world.Network.SetCapacity(_topology.Zones[zone].Down, 0);
        }
    }

    private void Join(Fault fault)
    {
        var zone = ZoneOf(fault);
        _cutCount--;
        if (--_cuts[zone] == 0)
        {
            _world.Network.SetCapacity(_topology.Zones[zone].Up, _scenario.Zones[zone].UpBytesPerSecond);
            _world.Network.SetCapacity(_topology.Zones[zone].Down, _scenario.Zones[zone].DownBytesPerSecond);
        }

        var held = _held;
        _held = [];
        held.ForEach(happening => _world.Handle(happening)); // what another partition still stands before is kept again
    }

    private int ZoneOf(Fault fault) => _scenario.Zones.ToList().FindIndex(candidate => candidate.Name == fault.Zone);

    private VirtualPeer[] Choose(Fault fault)
    {
        // Only what runs can crash, and so comes back when its own crash is over; a disk may be slow before anybody comes.
        var candidates = _world.Peers.Where(peer =>
            peer.Class.Name == fault.Class && (fault.Kind == FaultKind.Crash ? peer.IsRunning : !peer.HasLeft)).ToArray();
        _world.Prng.Shuffle<VirtualPeer>(candidates);
        return candidates[..Math.Min(fault.Count, candidates.Length)];
    }
}
