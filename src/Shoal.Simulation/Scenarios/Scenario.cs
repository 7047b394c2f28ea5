using Shoal.Engine.Swarms;

namespace Shoal.Simulation.Scenarios;

/// <summary>
/// What is simulated: a content, the peers by classes, the network between them, and what goes wrong. Immutable; the same scenario
/// with the same seed gives the same run, bit for bit. Rates are bytes per second, lengths bytes.
/// </summary>
public sealed record Scenario
{
    /// <summary>What it is called in results.</summary>
    public string Name { get; init; } = "scenario";

    /// <summary>The seed of all chance.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Bytes of the content.</summary>
    public required long ContentLength { get; init; }

    /// <summary>Bytes of a piece; null for what <c>shoal create</c> would choose.</summary>
    public int? PieceLength { get; init; }

    /// <summary>Bytes of a block; null for 16 KiB, or a whole piece where peers are so many that it makes no difference.</summary>
    public int? BlockLength { get; init; }

    /// <summary>The peers. At least one has the content.</summary>
    public required IReadOnlyList<PeerClass> Classes { get; init; }

    /// <summary>Zones, each with one link to the rest of the world that its peers share; none if nothing is shared.</summary>
    public IReadOnlyList<Zone> Zones { get; init; } = [];

    /// <summary>The tracker.</summary>
    public TrackerModel Tracker { get; init; } = new();

    /// <summary>How the swarm behaves.</summary>
    public SwarmModel Swarm { get; init; } = new();

    /// <summary>What goes wrong, and when.</summary>
    public IReadOnlyList<Fault> Faults { get; init; } = [];

    /// <summary>Virtual time after which the run is broken off.</summary>
    public TimeSpan Limit { get; init; } = TimeSpan.FromDays(1);
}

/// <summary>Peers of one kind.</summary>
public sealed record PeerClass
{
    /// <summary>What it is called; no two alike.</summary>
    public required string Name { get; init; }

    /// <summary>How many there are.</summary>
    public int Count { get; init; } = 1;

    /// <summary>Whether they have the content from the beginning.</summary>
    public bool IsSeeder { get; init; }

    /// <summary>Up to the network.</summary>
    public required long UpBytesPerSecond { get; init; }

    /// <summary>Down from the network.</summary>
    public required long DownBytesPerSecond { get; init; }

    /// <summary>One way from the peer to the middle of the network: between two peers both count, and their zones'.</summary>
    public TimeSpan Latency { get; init; } = TimeSpan.FromMilliseconds(5);

    /// <summary>When the first comes.</summary>
    public TimeSpan JoinAt { get; init; }

    /// <summary>The others come evenly spread over this time after the first.</summary>
    public TimeSpan JoinWithin { get; init; }

    /// <summary>If greater than 0, they come by a Poisson process with so many a second instead.</summary>
    public double ArrivalsPerSecond { get; init; }

    /// <summary>How long they stay once they are complete; null for ever.</summary>
    public TimeSpan? StayAfterCompletion { get; init; }

    /// <summary>The mean time after which they leave, complete or not, exponentially distributed; null for never.</summary>
    public TimeSpan? MeanLifetime { get; init; }

    /// <summary>The zone they are in; null if they are in none.</summary>
    public string? Zone { get; init; }

    /// <summary>Peers of this class that share a rack, in order; 0 if there are no racks.</summary>
    public int RackSize { get; init; }

    /// <summary>What a rack's peers share towards the rest, each way.</summary>
    public long RackBytesPerSecond { get; init; }

    /// <summary>What the disk writes, and reads; null for one that writes well and has all it is asked for in memory.</summary>
    public long? DiskBytesPerSecond { get; init; }

    /// <summary>What the disk writes.</summary>
    public long WriteBytesPerSecond => DiskBytesPerSecond ?? 1_000_000_000;

    /// <summary>How they behave.</summary>
    public Behavior Behavior { get; init; }
}

/// <summary>How a peer behaves.</summary>
public enum Behavior : byte
{
    /// <summary>As Shoal does.</summary>
    Honest,

    /// <summary>Downloads and never uploads.</summary>
    FreeRider,

    /// <summary>Sends blocks with wrong bytes, now and then.</summary>
    Corrupter,

    /// <summary>Says it has everything, and sends nothing.</summary>
    Liar,

    /// <summary>Takes and gives as slowly as it can without being let go.</summary>
    Slowloris,
}

/// <summary>A zone: a data centre, a continent.</summary>
/// <param name="Name">No two alike.</param>
/// <param name="UpBytesPerSecond">From the zone to the rest.</param>
/// <param name="DownBytesPerSecond">From the rest to the zone.</param>
/// <param name="Latency">One way from the zone's edge to the middle; within a zone it does not count.</param>
public sealed record Zone(string Name, long UpBytesPerSecond, long DownBytesPerSecond, TimeSpan Latency);

/// <summary>The tracker: <see cref="Engine.Trackers.TrackerCore"/> behind some latency.</summary>
public sealed record TrackerModel
{
    /// <summary>Between announces.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>One way from the tracker to the middle of the network: a peer's and its zone's count besides.</summary>
    public TimeSpan Latency { get; init; } = TimeSpan.FromMilliseconds(10);
}

/// <summary>How the swarm behaves; see <see cref="SwarmOptions"/>.</summary>
public sealed record SwarmModel
{
    /// <summary>How requests are spread.</summary>
    public BalancePolicy Policy { get; init; } = BalancePolicy.Swarm;

    /// <summary>Whether all peers are parts of one job, so that nobody is choked.</summary>
    public bool IsTrusted { get; init; }

    /// <summary>
    /// Whether it runs as a job of <c>shoal mpi run</c>: rank 0 is the tracker, all begin together, each peer has a link to each other,
    /// a piece is one block, nobody is choked. Every policy but Swarm does; say so for Swarm too where it is compared with them.
    /// </summary>
    public bool IsJob { get => field || Policy != BalancePolicy.Swarm; init; }

    /// <summary>Links of a peer at most; not in a job.</summary>
    public int MaximumConnectionCount { get; init; } = 50;

    /// <summary>Whether a piece is told to those also who have it (<see cref="SwarmOptions.TellsHoldersToo"/>).</summary>
    public bool TellsHoldersToo { get; init; } = true;

    /// <summary>Peers that one uploads to at once; not in a job.</summary>
    public int UploadSlotCount { get; init; } = 8;
}

/// <summary>What goes wrong.</summary>
public enum FaultKind : byte
{
    /// <summary>The process is killed, with half-written pieces on its disk; it comes back after <see cref="Fault.Duration"/>, or never if that is 0.</summary>
    Crash,

    /// <summary>The zone is cut off from all others for <see cref="Fault.Duration"/>.</summary>
    Partition,

    /// <summary>The disk works with a hundredth of its speed for <see cref="Fault.Duration"/>.</summary>
    SlowDisk,

    /// <summary>The disk refuses writes for <see cref="Fault.Duration"/>.</summary>
    FullDisk,

    /// <summary>The tracker does not answer for <see cref="Fault.Duration"/>.</summary>
    TrackerDown,
}

/// <summary>One thing that goes wrong.</summary>
public sealed record Fault
{
    /// <summary>What.</summary>
    public required FaultKind Kind { get; init; }

    /// <summary>When.</summary>
    public required TimeSpan At { get; init; }

    /// <summary>How long.</summary>
    public TimeSpan Duration { get; init; }

    /// <summary>The class of peers that it strikes (Crash, SlowDisk, FullDisk).</summary>
    public string? Class { get; init; }

    /// <summary>How many of the class, chosen by lot.</summary>
    public int Count { get; init; } = 1;

    /// <summary>The zone (Partition).</summary>
    public string? Zone { get; init; }
}
