using Shoal.Engine;
using Shoal.Engine.Swarms;
using Shoal.Simulation.Scenarios;
using Shoal.Simulation.Time;

namespace Shoal.Simulation.Peers;

/// <summary>A torrent's peer: one production <see cref="Swarm"/> that finds others through the <see cref="VirtualTracker"/>.</summary>
internal sealed class SwarmProgram : IProgram
{
    /// <summary>How long it takes to see what of content that has just become known lies on disk.</summary>
    private const long CheckNanoseconds = 100 * VirtualTime.Millisecond;

    private readonly World _world;
    private readonly VirtualPeer _peer;
    private readonly Swarm _swarm;
    private MachineDriver _driver = null!;
    private Neighbourhood? _neighbourhood;

    public SwarmProgram(World world, VirtualPeer peer)
    {
        (_world, _peer) = (world, peer);
        Options = world.OptionsFor(peer);
        _swarm = new Swarm(new SwarmId(0), Options, world.IdOf(peer.Number, peer.Life), world.Prng.NextUInt64());
        Machine = world.Wrap(peer, this, _swarm);
    }

    public IMachine Machine { get; }

    public SwarmOptions Options { get; }

    public long WastedBytes => _swarm.Status().WastedBytes;

    public SwarmStatus Status => _swarm.Status();

    public void Start(MachineDriver driver)
    {
        _driver = driver;
        if (_world.Adversary?.LacksMetadata(_peer) != true)
        {
            Open();
        }

        driver.Tell(new Input(InputKind.Start));
        if (_world.Adversary?.Wire is { } wire)
        {
            _neighbourhood = new Neighbourhood(_world, _peer, wire, driver);
            _neighbourhood.Start();
        }
    }

    private void Open()
    {
        var have = _peer.Disk.Right.Clone();
        if (_peer.Class.Behavior == Behavior.Liar)
        {
            have.SetAll();
        }

        _driver.Tell(new Input(InputKind.ContentReady, Detail: new ContentState(
            _world.Layout, _world.Hashes, have, Partial: _peer.Disk.Partial(), InfoBytes: _world.Adversary?.InfoBytes)));
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
        switch (happening)
        {
            case SwarmEvent.MetadataReceived metadata:
                Safety.Require(metadata.InfoBytes.Span.SequenceEqual(_world.Adversary!.InfoBytes), "metadata counts that is not right");
                _world.Adversary.GotMetadata(_peer);
                _world.Timeline.After(CheckNanoseconds, new Event(EventKind.Checked, _peer, _peer.Life));
                break;
            case SwarmEvent.Stopped:
                _peer.Left();
                break;
            default:
                break;
        }
    }

    public bool TakesTurns => false;

    public void Turn()
    {
        // Nobody else is to be asked.
    }

    public void Handle(in Event happening)
    {
        if (happening.Kind == EventKind.Checked)
        {
            Open();
        }
        else if (happening.Kind is EventKind.Datagram or EventKind.Speak)
        {
            _neighbourhood!.Handle(happening);
        }
        else
        {
            _driver.Tell(new Input(InputKind.Announced, Detail: happening.Detail));
        }
    }
}
