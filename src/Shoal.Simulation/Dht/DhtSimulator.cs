using Shoal.Engine;
using Shoal.Engine.Dht;
using Shoal.Protocol;
using Shoal.Protocol.Dht;
using Shoal.Simulation.Time;

namespace Shoal.Simulation.Dht;

/// <summary>
/// Runs many <see cref="DhtNode"/>s, the very machine that a process runs, on a virtual clock. The same scene gives the same result, bit for
/// bit, on every machine. Not thread-safe.
/// </summary>
public sealed class DhtSimulator
{
    private const int MaximumNodeCount = 1_000_000;

    // A node counts its askers in this many places: the usual 128 KiB would be a gigabyte for ten thousand nodes.
    private const int HostSlotCount = 1024;

    private readonly DhtScene _scene;
    private readonly Timeline _timeline = new();
    private readonly Prng _prng;
    private readonly Dictionary<PeerAddress, SimulatedNode> _byAddress = [];
    private readonly List<SimulatedNode> _present = [];
    private readonly List<DhtLookupMeasure> _measures = [];
    private readonly SimulatedNode _first;
    private Instant _endAt;
    private int _joinCount;
    private long _packetCount;
    private ulong _fingerprint = 14_695_981_039_346_656_037;

    private DhtSimulator(DhtScene scene)
    {
        _scene = scene;
        _prng = new Prng(scene.Seed);
        _first = Join();
    }

    /// <summary>Plays the scene to its end.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A number of the scene is out of its bounds.</exception>
    public static DhtSceneResult Run(DhtScene scene)
    {
        ArgumentNullException.ThrowIfNull(scene);
        ArgumentOutOfRangeException.ThrowIfLessThan(scene.NodeCount, 2);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(scene.NodeCount, MaximumNodeCount);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(scene.Latency.Most, scene.Latency.Least);
        var simulator = new DhtSimulator(scene);
        simulator.Plan();
        simulator.Play();
        return new DhtSceneResult(simulator._measures, simulator._joinCount, simulator._packetCount, simulator._fingerprint);
    }

    private void Plan()
    {
        for (var i = 1; i < _scene.NodeCount; i++)
        {
            _timeline.Add(Instant.Zero + (_scene.Growth * i / _scene.NodeCount), new Event(EventKind.Join));
        }

        var begin = Instant.Zero + _scene.Growth + _scene.Rest;
        for (var i = 0; i < _scene.LookupCount; i++)
        {
            _timeline.Add(begin + (_scene.Interval * i), new Event(EventKind.Announce));
        }

        _endAt = begin + (_scene.Interval * _scene.LookupCount) + (2 * _scene.Gap);
    }

    private void Play()
    {
        while (_timeline.NextAt <= _endAt && _timeline.TryTake(out var happening))
        {
            switch (happening.Kind)
            {
                case EventKind.Join:
                    Join();
                    break;
                case EventKind.Leave:
                    Leave((SimulatedNode)happening.Detail!);
                    Join();
                    break;
                case EventKind.Timer:
                    Wake((SimulatedNode)happening.Detail!);
                    break;
                case EventKind.Datagram:
                    Deliver((SimulatedPacket)happening.Detail!);
                    break;
                case EventKind.Announce:
                    Announce();
                    break;
                default:
                    LookFor((DhtAnnounce)happening.Detail!);
                    break;
            }
        }
    }

    private SimulatedNode Join()
    {
        var number = _joinCount++;
        // Each in a /24 of its own, from 20.0.0.0 on: none is local.
        var address = PeerAddress.FromBytes([(byte)(20 + (number >> 16)), (byte)(number >> 8), (byte)number, 1], 6881);
        var noise = RandomId();
        var options = new DhtOptions(PeerAddressKind.IPv4, _prng.NextUInt64(), (_prng.NextUInt64(), _prng.NextUInt64()))
        {
            Id = SecureNodeId.For(address, noise),
            Bootstrap = number == 0 ? [] : [_first.Address],
            Limits = new DhtLimits { HostSlotCount = HostSlotCount },
        };
        var node = new SimulatedNode(number, address, new DhtNode(options, _timeline.Now)) { Place = _present.Count };
        _present.Add(node);
        _byAddress.Add(address, node);
        if (number > 0)
        {
            _timeline.After(Chance.Exponential(_prng, _scene.MeanLife.Nanoseconds()), new Event(EventKind.Leave, Detail: node));
        }

        Arm(node);
        return node;
    }

    private void Leave(SimulatedNode node)
    {
        var last = _present[^1];
        (_present[node.Place], last.Place) = (last, node.Place);
        _present.RemoveAt(_present.Count - 1);
        _byAddress.Remove(node.Address);
        node.Place = -1;
    }

    private void Wake(SimulatedNode node)
    {
        if (node.Place >= 0 && node.ArmedAt == _timeline.Now)
        {
            node.ArmedAt = Instant.Never;
            node.Machine.Tick(_timeline.Now);
            Drain(node);
        }
    }

    private void Deliver(SimulatedPacket packet)
    {
        if (packet.To.Place < 0)
        {
            return;
        }

        _fingerprint = (_fingerprint ^ (ulong)_timeline.Now.Nanoseconds ^ (ulong)packet.To.Number ^ ((ulong)packet.Bytes.Length << 32)) * 1_099_511_628_211;
        packet.To.Machine.Handle(_timeline.Now, packet.From.Address, packet.Bytes);
        Drain(packet.To);
    }

    private void Announce()
    {
        var node = Somebody();
        Find(node, new DhtAnnounce(RandomId().ToInfoHash(), node.Address), isAnnounce: true);
    }

    private void LookFor(DhtAnnounce announce)
    {
        var node = Somebody();
        while (node.Address == announce.Peer)
        {
            node = Somebody();
        }

        Find(node, announce, isAnnounce: false);
    }

    private void Find(SimulatedNode node, DhtAnnounce announce, bool isAnnounce)
    {
        var number = node.Machine.Find(_timeline.Now, NodeId.Of(announce.InfoHash), findsPeers: true, isAnnounce ? 0 : null);
        if (number != 0)
        {
            node.Lookups.Add(number, new SimulatedLookup(announce, isAnnounce, _timeline.Now));
        }

        Drain(node);
    }

    private void Drain(SimulatedNode node)
    {
        while (node.Machine.TryPoll(out var output))
        {
            switch (output.Kind)
            {
                case DhtOutputKind.Send:
                    Send(node, output);
                    break;
                case DhtOutputKind.PeerFound when node.Lookups.TryGetValue(output.Lookup, out var lookup) && output.Address == lookup.Announce.Peer:
                    lookup.FoundAt = _timeline.Now;
                    break;
                case DhtOutputKind.LookupEnded when node.Lookups.Remove(output.Lookup, out var lookup):
                    End(lookup, output.Result!);
                    break;
                default:
                    break; // its own upkeep
            }
        }

        Arm(node);
    }

    private void Send(SimulatedNode from, in DhtOutput output)
    {
        _packetCount++;
        if (_prng.Next(1000) >= _scene.LostPerThousand && _byAddress.TryGetValue(output.Address, out var to))
        {
            _timeline.After(LatencyOf(from, to), new Event(EventKind.Datagram, Detail: new SimulatedPacket(from, to, output.Packet.ToArray())));
        }
    }

    private void End(SimulatedLookup lookup, DhtLookupResult result)
    {
        if (lookup.IsAnnounce)
        {
            _timeline.Add(lookup.BeganAt + _scene.Gap, new Event(EventKind.Speak, Detail: lookup.Announce));
            return;
        }

        var isFound = lookup.FoundAt != Instant.Never;
        _measures.Add(new DhtLookupMeasure(
            isFound, result.Hops, result.QueryCount, isFound ? lookup.FoundAt - lookup.BeganAt : TimeSpan.Zero, result.Duration));
    }

    private void Arm(SimulatedNode node)
    {
        var deadline = Instant.Max(node.Machine.Deadline, _timeline.Now);
        if (deadline < node.ArmedAt)
        {
            node.ArmedAt = deadline;
            _timeline.Add(deadline, new Event(EventKind.Timer, Detail: node));
        }
    }

    // Drawn anew from the pair each time, so that it need not be kept.
    private long LatencyOf(SimulatedNode one, SimulatedNode other)
    {
        var pair = ((ulong)Math.Min(one.Number, other.Number) << 32) | (uint)Math.Max(one.Number, other.Number);
        var micros = (_scene.Latency.Most - _scene.Latency.Least).Ticks / TimeSpan.TicksPerMicrosecond;
        return _scene.Latency.Least.Nanoseconds() + (1000L * new Prng(_scene.Seed ^ pair).Next((int)micros + 1));
    }

    private SimulatedNode Somebody() => _present[_prng.Next(_present.Count)];

    private NodeId RandomId()
    {
        Span<byte> bytes = stackalloc byte[24];
        for (var i = 0; i < 3; i++)
        {
            System.Buffers.Binary.BinaryPrimitives.WriteUInt64LittleEndian(bytes[(8 * i)..], _prng.NextUInt64());
        }

        return new NodeId(bytes);
    }
}
