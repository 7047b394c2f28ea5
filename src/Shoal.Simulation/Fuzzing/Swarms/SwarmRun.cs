using Shoal.Engine;
using Shoal.Simulation.Peers;

namespace Shoal.Simulation.Fuzzing.Swarms;

/// <summary>
/// Runs one case: until all who should are complete, and then until all have left. Every machine is a <see cref="CheckedMachine"/>.
/// </summary>
internal sealed class SwarmRun
{
    /// <summary>Events at one moment of virtual time, beyond which something turns in a circle.</summary>
    private const int MostAtOnce = 100_000;

    /// <summary>Virtual time between two looks at whether all is done in time.</summary>
    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(5);

    /// <summary>How long a polite end may take: queued uploads 5 s, trackers 3 s, and the disk, which may be slow.</summary>
    private static readonly TimeSpan Farewell = TimeSpan.FromMinutes(10);

    private readonly SwarmCase _case;
    private readonly World _world;
    private readonly TimeSpan _quiet;
    private readonly TimeSpan _bound;
    private readonly Dictionary<VirtualPeer, CheckedMachine> _machines = []; // of their present lives, or the last
    private VirtualPeer? _active;
    private Instant _nextLookAt;
    private TimeSpan? _completedAt;

    private SwarmRun(SwarmCase fuzzCase, Func<World, IMachine, IMachine>? plant)
    {
        _case = fuzzCase;
        _quiet = Liveness.QuietOf(fuzzCase.Scenario, fuzzCase.Adversity);
        _bound = Liveness.BoundOf(fuzzCase.Scenario, fuzzCase.Adversity);
        _world = new World(
            fuzzCase.Scenario with { Limit = _quiet + _bound }, fuzzCase.Adversity,
            (peer, program, machine) => _machines[peer] = new CheckedMachine(
                _world!, peer, program, plant?.Invoke(_world!, machine) ?? machine, active => _active = active))
        {
            IsThorough = true,
        };
    }

    /// <param name="fuzzCase">What to run.</param>
    /// <param name="plant">Puts a bug before each swarm.</param>
    public static SwarmOutcome Run(SwarmCase fuzzCase, Func<World, IMachine, IMachine>? plant = null)
    {
        var run = new SwarmRun(fuzzCase, plant);
        var failure = Verdict.Of(() => run.Live() ?? run.Leave(), run.Where);
        return new SwarmOutcome(
            fuzzCase, failure, run._world.EventHash, run._world.EventCount, run._quiet, run._bound, run._completedAt);
    }

    private string? Live()
    {
        while (!_world.IsOver)
        {
            if (!Step())
            {
                return $"{Where()}: nothing will happen any more, and {Missing()} not complete";
            }
        }

        if (_world.Job is not null)
        {
            _completedAt = _world.Now - Instant.Zero;
            return JobVerdict.Of(_case, _world);
        }

        if (_world.MissingCount > 0)
        {
            return $"{Missing()} not complete {_bound.TotalSeconds:F0} s after the last fault";
        }

        _completedAt = _world.Now - Instant.Zero;
        return null;
    }

    // Everybody goes, in good order.
    private string? Leave()
    {
        var (quietAt, lingeredAt) = (Instant.Zero + _quiet, _world.Now + _case.Adversity.Linger);
        var leaveAt = quietAt > lingeredAt ? quietAt : lingeredAt;
        while (_world.Now <= leaveAt && Step())
        {
            // Peers still come, or come back; and those that are complete have time to forget each other.
        }

        foreach (var peer in _world.Peers)
        {
            peer.Leave();
        }

        while (_world.Peers.Exists(peer => peer.IsRunning) && _world.Now < leaveAt + Farewell && Step())
        {
            // They are leaving.
        }

        var left = _world.Peers.Where(peer => peer.IsRunning).Select(peer => peer.Number).ToArray();
        return left.Length == 0 ? null : $"peers {string.Join(", ", left)} do not come to an end";
    }

    private Instant _moment;
    private int _countAtMoment;

    private bool Step()
    {
        if (!_world.Step())
        {
            return false;
        }

        _countAtMoment = _world.Now == _moment ? _countAtMoment + 1 : 0;
        _moment = _world.Now;
        Safety.Require(_countAtMoment < MostAtOnce, "time stands still: everything happens at one moment");
        if (_world.Now >= _nextLookAt)
        {
            _nextLookAt = _world.Now + LookInterval;
            Look();
        }

        return true;
    }

    private void Look()
    {
        foreach (var peer in _world.Peers)
        {
            if (peer.IsRunning)
            {
                _machines[peer].CheckTimes(_world.Now);
            }
        }
    }

    private string Where() => $"at {(_world.Now - Instant.Zero).TotalSeconds:F6} s{(_active is null ? "" : $", peer {_active.Number} ({_active.Class.Name})")}";

    private string Missing()
    {
        var missing = _world.Peers.Where(peer => peer.IsExpected && peer.CompletedAt == Instant.Never).ToArray();
        return $"{string.Join(", ", missing.Select(peer => $"peer {peer.Number} ({peer.Class.Name}, {peer.Disk.Right.Count} of {peer.Disk.Right.Length} pieces)"))} {(missing.Length == 1 ? "is" : "are")}";
    }
}
