using Shoal.Engine;
using Shoal.Engine.Swarms;
using Shoal.Simulation.Scenarios;
using Shoal.Simulation.Time;

namespace Shoal.Simulation.Peers;

/// <summary>A torrent's peer: one production <see cref="Swarm"/> that finds others through the <see cref="VirtualTracker"/>.</summary>
internal sealed class SwarmProgram : IProgram
{
    private readonly World _world;
    private readonly VirtualPeer _peer;
    private readonly Swarm _swarm;
    private MachineDriver _driver = null!;

    public SwarmProgram(World world, VirtualPeer peer)
    {
        (_world, _peer) = (world, peer);
        _swarm = new Swarm(new SwarmId(0), world.OptionsFor(peer), world.IdOf(peer.Number, peer.Life), world.Prng.NextUInt64());
        Machine = world.Wrap(peer, _swarm);
    }

    public IMachine Machine { get; }

    public long WastedBytes => _swarm.Status().WastedBytes;

    public SwarmStatus Status => _swarm.Status();

    public void Start(MachineDriver driver)
    {
        _driver = driver;
        var have = _peer.Disk.Right.Clone();
        if (_peer.Class.Behavior == Behavior.Liar)
        {
            have.SetAll();
        }

        driver.Tell(new Input(InputKind.ContentReady, Detail: new ContentState(_world.Layout, _world.Hashes, have, Partial: _peer.Disk.Partial())));
        driver.Tell(new Input(InputKind.Start));
    }

    public void Leave() => _driver.Tell(new Input(InputKind.Stop));

    public void Do(in Output output)
    {
        if (output.Kind == OutputKind.Announce)
        {
            _world.Announce(_peer, (AnnounceOrder)output.Detail!);
            return;
        }

        var happening = (SwarmEvent)output.Detail!;
        _peer.Happened(happening);
        if (happening is SwarmEvent.Stopped)
        {
            _peer.Left();
        }
    }

    public bool TakesTurns => false;

    public void Turn()
    {
        // Nobody else is to be asked.
    }

    public void Handle(in Event happening) => _driver.Tell(new Input(InputKind.Announced, Detail: happening.Detail));
}
