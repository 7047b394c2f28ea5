using Shoal.Engine.Jobs;
using Shoal.Engine.Swarms;
using Shoal.Simulation.Peers;
using Shoal.Simulation.Results;
using Shoal.Simulation.Scenarios;
using Shoal.Simulation.Time;

namespace Shoal.Simulation.Jobs;

/// <summary>
/// A job of one file: the production <see cref="JobTracker"/> as rank 0, and the mail between all ranks, which takes the scenario's
/// latencies. What two ranks say to each other keeps its order, since their latency is always the same.
/// </summary>
internal sealed class VirtualJob
{
    private const string FileName = "content";

    private readonly World _world;
    private readonly JobTracker _tracker;
    private readonly long _latency; // one way from the middle of the network to rank 0
    private readonly List<JobProgram> _programs = [];
    private int _runningCount;
    private long _fromTrackerCount;
    private long _betweenPeersCount;

    public VirtualJob(World world, Scenario scenario)
    {
        _world = world;
        _latency = scenario.Tracker.Latency.Nanoseconds();
        _runningCount = world.Peers.Count;
        _tracker = new JobTracker(world.Peers.Count, scenario.Swarm.Policy, world.Prng.NextUInt64());
        Policy = scenario.Swarm.Policy;
        File = new JobFile(FileName, scenario.ContentLength, world.Layout.PieceLength, world.Hashes);
    }

    /// <summary>How requests are spread.</summary>
    public BalancePolicy Policy { get; }

    /// <summary>What the seeders own and the others want.</summary>
    public JobFile File { get; }

    /// <summary>Whether the tracker has said stop and every peer has stopped.</summary>
    public bool IsOver => _runningCount == 0;

    /// <summary>Messages that have come to rank 0.</summary>
    public LoadMeter TrackerLoad { get; } = new();

    /// <summary>Brings a message from rank to rank.</summary>
    public void Send(int from, int to, JobMessage message)
    {
        _fromTrackerCount += from == 0 ? 1 : 0;
        _betweenPeersCount += from != 0 && to != 0 ? 1 : 0;
        var peer = to == 0 ? null : _world.Peers[to - 1];
        _world.Timeline.After(
            LatencyBetween(from, to), new Event(EventKind.Letter, peer, peer?.Life ?? 0, Detail: new JobLetter(from, to, message)));
    }

    /// <summary>A letter has come to rank 0.</summary>
    public void Take(JobLetter letter)
    {
        TrackerLoad.Count(_world.Now);
        _tracker.Handle(letter.From, letter.Message);
        while (_tracker.TryPoll(out var mail))
        {
            Send(0, mail.Rank, mail.Message);
        }
    }

    /// <summary>A peer begins.</summary>
    public void Started(JobProgram program) => _programs.Add(program);

    /// <summary>A peer has stopped.</summary>
    public void Stopped() => _runningCount--;

    /// <summary>What the ranks have said to each other.</summary>
    public JobResult Result() => new(
        TrackerLoad.TotalCount, _fromTrackerCount, _betweenPeersCount,
        _programs.Sum(program => program.Load.RequestCount), _programs.Sum(program => program.Load.RejectCount), _tracker.Outcome?.Failures ?? []);

    private long LatencyBetween(int from, int to) => from == 0 || to == 0
        ? _latency + _world.Topology.LatencyToMiddle(_world.Peers[Math.Max(from, to) - 1].Path)
        : _world.LatencyBetween(_world.Peers[from - 1], _world.Peers[to - 1]);
}
