using Shoal.Engine;
using Shoal.Protocol;
using Shoal.Protocol.Discovery;
using Shoal.Simulation.Peers;
using Shoal.Simulation.Time;

namespace Shoal.Simulation.Faults;

/// <summary>
/// One wire that all peers are on, where each hears what any says by multicast, itself included: datagrams get lost, or come with wrong
/// bits, and who says whatever it likes says it from any address.
/// </summary>
internal sealed class LocalWire(World world)
{
    private const int LostOneOf = 5;
    private const int WrongOneOf = 10;
    private const int NoiseOneOf = 3;
    private const long Nanoseconds = VirtualTime.Millisecond;

    /// <summary>A peer says something; those that say anything add to it.</summary>
    public void Say(VirtualPeer speaker, LocalAnnounce announce)
    {
        var datagram = announce.ToDatagram(isIPv6: false);
        foreach (var listener in world.Peers)
        {
            if (listener.IsRunning && world.Prng.Next(LostOneOf) > 0)
            {
                var isWrong = world.Prng.Next(WrongOneOf) == 0;
                Put(listener, speaker.Address, isWrong ? Mutated(datagram) : datagram);
                if (world.Adversary!.SaysAnything(speaker) && world.Prng.Next(NoiseOneOf) == 0)
                {
                    Put(listener, AnyAddress(), Noise(datagram));
                }
            }
        }
    }

    private void Put(VirtualPeer listener, PeerAddress sender, byte[] datagram) => world.Timeline.After(
        Nanoseconds, new Event(EventKind.Datagram, listener, listener.Life, Detail: new Datagram(sender, datagram)));

    private byte[] Mutated(byte[] datagram)
    {
        var mutated = datagram.AsSpan(0, 1 + world.Prng.Next(datagram.Length)).ToArray();
        mutated[world.Prng.Next(mutated.Length)] = (byte)world.Prng.NextUInt64();
        return mutated;
    }

    // Of the torrent, and of others that nobody has; or nothing of the kind.
    private byte[] Noise(byte[] datagram) => world.Prng.Next(3) switch
    {
        0 => Mutated(datagram),
        1 => new byte[world.Prng.Next(2 * LocalAnnounce.MaximumLength)],
        _ => new LocalAnnounce((ushort)world.Prng.Next(ushort.MaxValue + 1), [world.InfoHash, default], null).ToDatagram(isIPv6: true),
    };

    private PeerAddress AnyAddress() => world.Prng.Next(2) == 0
        ? Adversary.EndpointOf(world.Prng.Next(world.Peers.Count))
        : PeerAddress.FromBytes(BitConverter.GetBytes((uint)world.Prng.NextUInt64()), LocalAnnounce.GroupPort);
}

/// <summary>What arrives at a peer by multicast.</summary>
internal sealed record Datagram(PeerAddress Sender, byte[] Bytes);
