using Shoal.Engine;
using Shoal.Engine.Jobs;
using Shoal.Engine.Sessions;
using Shoal.Engine.Swarms;
using Shoal.Protocol;
using Shoal.Simulation.Peers;
using Shoal.Simulation.Time;

namespace Shoal.Simulation.Jobs;

/// <summary>
/// A job's peer: the production <see cref="JobPeer"/>, which decides, beside the production <see cref="Session"/>, which transfers.
/// </summary>
internal sealed class JobProgram : IProgram
{
    private readonly World _world;
    private readonly VirtualJob _job;
    private readonly VirtualPeer _peer;
    private readonly Session _session;
    private readonly JobPeer _jobPeer;
    private MachineDriver _driver = null!;
    private SwarmId _swarm;
    private bool _isBusy;

    public JobProgram(World world, VirtualJob job, VirtualPeer peer)
    {
        (_world, _job, _peer) = (world, job, peer);
        _session = new Session(JobPeer.SessionOptionsFor(peer.Rank, world.Prng.NextUInt64()));
        Machine = world.Wrap(peer, this, _session);
        _jobPeer = new JobPeer(
            peer.Rank, job.Policy, peer.Class.IsSeeder ? [job.File] : [], peer.Class.IsSeeder ? [] : [job.File.Name], _session,
            world.Prng.NextUInt64());
    }

    public IMachine Machine { get; }

    public SwarmOptions? Options { get; private set; }

    public SwarmStatus? Status => Options is null ? null : _session.StatusOf(_swarm);

    public long WastedBytes => _session.StatusOf(_swarm)?.WastedBytes ?? 0;

    /// <summary>What it has carried.</summary>
    public SessionLoad Load => _session.Load;

    public void Start(MachineDriver driver)
    {
        _driver = driver;
        _job.Started(this);
        Turn();
    }

    public void Leave() => throw new InvalidOperationException("nobody leaves a job before its end");

    public void Do(in Output output)
    {
        // A job's swarm has no tracker to announce to: rank 0 is asked by letters.
        Safety.Require(output.Kind == OutputKind.Event, "a job's swarm announces");
        var happening = (SwarmEvent)output.Detail!;
        _peer.Happened(happening);
        _jobPeer.Handle(_job.File.Name, happening);
    }

    // What a turn of the session makes the peer say may give the session another turn: that one's sayings are taken up here too.
    public bool TakesTurns => true;

    public void Turn()
    {
        if (_isBusy)
        {
            return;
        }

        _isBusy = true;
        while (_jobPeer.TryPoll(out var output))
        {
            Do(output);
        }

        _isBusy = false;
        if (_jobPeer.IsOver && !_driver.IsOver)
        {
            _job.Stopped();
            _peer.Left();
        }
    }

    public void Handle(in Event happening)
    {
        var letter = (JobLetter)happening.Detail!;
        _jobPeer.Handle(letter.From, letter.Message);
        Turn();
    }

    private void Do(JobOutput output)
    {
        switch (output)
        {
            case JobOutput.Send send:
                _job.Send(_peer.Rank, send.Rank, send.Message);
                break;
            case JobOutput.Post post:
                _driver.Tell(post.Input with { Swarm = _swarm });
                break;
            case JobOutput.Open open:
                Open(open);
                break;
            default:
                throw new InvalidOperationException($"nobody does {output.GetType().Name}");
        }
    }

    private void Open(JobOutput.Open open)
    {
        Options = _world.Adversary?.Narrow(open.Options) ?? open.Options;
        _swarm = _session.Add(Options);
        _driver.Tell(new Input(InputKind.ContentReady, _swarm, Detail: open.File.Content(_peer.Disk.Right.Clone())));
        _driver.Tell(new Input(InputKind.Start, _swarm));
        _jobPeer.Opened(open.File.Name);
    }
}
