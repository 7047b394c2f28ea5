using Shoal.Engine;
using Shoal.Engine.Discovery;
using Shoal.Simulation.Faults;
using Shoal.Simulation.Time;

namespace Shoal.Simulation.Peers;

/// <summary>A peer's production <see cref="LocalDiscovery"/> on the <see cref="LocalWire"/>, in one life, with an eye on what it says.</summary>
internal sealed class Neighbourhood(World world, VirtualPeer peer, LocalWire wire, MachineDriver driver)
{
    private static readonly TimeSpan LeastInterval = TimeSpan.FromMinutes(1);

    private readonly LocalDiscovery _machine = new($"{peer.Number}.{peer.Life}", world.Prng.NextUInt64());
    private readonly List<LocalPeer> _found = [];
    private Instant _armedAt = Instant.Never;
    private Instant? _saidAt;

    public void Start()
    {
        _machine.Add(world.Now, world.InfoHash, Adversary.Port);
        Go();
    }

    public void Handle(in Event happening)
    {
        if (happening.Kind == EventKind.Datagram)
        {
            var (sender, bytes) = (Datagram)happening.Detail!;
            _found.Clear();
            _machine.Received(world.Now, sender, bytes, _found);
            foreach (var found in _found)
            {
                driver.Tell(new Input(InputKind.PeerFound, Address: found.Address, Count: 1));
            }
        }
        else if (world.Now >= _armedAt)
        {
            _armedAt = Instant.Never;
        }

        Go();
    }

    // Says what is due, and sets the time for the next.
    private void Go()
    {
        while (_machine.TryAnnounce(world.Now, out var announce))
        {
            Safety.Require(_saidAt is not { } last || world.Now - last >= LeastInterval, "a torrent is announced on the wire twice in a minute");
            _saidAt = world.Now;
            wire.Say(peer, announce);
        }

        if (_machine.Deadline < _armedAt)
        {
            _armedAt = _machine.Deadline;
            world.Timeline.Add(_armedAt, new Event(EventKind.Speak, peer, peer.Life));
        }
    }
}
