using System.Buffers;
using System.Net;
using Shoal.Engine.Dht;
using Shoal.Protocol;
using Shoal.Protocol.Dht;

namespace Shoal.Engine.Tests.Dht;

/// <summary>DHT nodes in memory, each at an address of its own, on a virtual clock; a packet takes 20 ms.</summary>
internal sealed class DhtWorld
{
    private static readonly TimeSpan Latency = TimeSpan.FromMilliseconds(20);

    /// <summary>A way to look at a message.</summary>
    public delegate T Seen<T>(KrpcMessage message);

    public static readonly InfoHash Torrent = new("aaaaaaaaaaaaaaaaaaaa"u8);

    private readonly PriorityQueue<(PeerAddress From, PeerAddress To, byte[] Packet), (Instant, long)> _underWay = new();
    private readonly SortedDictionary<PeerAddress, DhtNode> _nodes = [];
    private readonly Dictionary<PeerAddress, PeerAddress> _partners = [];
    private long _sequence;

    public Instant Now { get; private set; } = Instant.Zero + TimeSpan.FromHours(1);

    public List<(DhtNode Node, DhtOutput Output)> News { get; } = [];

    /// <summary>Packets that nobody is there for: what hostile hosts would get.</summary>
    public List<(PeerAddress To, byte[] Packet)> Strays { get; } = [];

    public static PeerAddress AddressOf(int number, ushort port = 6881) =>
        PeerAddress.From(new IPAddress([(byte)(20 + (number % 100)), (byte)(number / 100), (byte)number, 1]), port);

    /// <summary>What comes from there in a test of IPv4: a query for the torrent, or to announce it.</summary>
    public static byte[] Query(KrpcMethod method, byte[]? token = null, ushort port = 1, NodeId? target = null, NodeId? id = null)
    {
        var output = new ArrayBufferWriter<byte>();
        new KrpcWriter().Write(new KrpcMessage
        {
            Kind = KrpcKind.Query, Method = method, Transaction = "ab"u8, Id = id ?? NodeId.Of(Torrent), Target = target ?? NodeId.Of(Torrent),
            Token = token ?? "12345678"u8.ToArray(), Port = port,
        }, output);
        return output.WrittenSpan.ToArray();
    }

    /// <summary>So many nodes that came one after the other by way of the first.</summary>
    public static DhtWorld Grown(int count, out List<DhtNode> nodes, Func<int, PeerAddress>? addressOf = null)
    {
        var world = new DhtWorld();
        nodes = [];
        addressOf ??= number => AddressOf(number);
        for (var i = 0; i < count; i++)
        {
            nodes.Add(world.Add(addressOf(i), i == 0 ? null : addressOf(0)));
            world.Run(TimeSpan.FromMilliseconds(500));
        }

        world.Run(TimeSpan.FromSeconds(30));
        return world;
    }

    public DhtNode Add(PeerAddress address, PeerAddress? bootstrap = null, Func<DhtOptions, DhtOptions>? change = null)
    {
        var seed = (ulong)(_nodes.Count + 1);
        var options = new DhtOptions(address.Kind, seed, (seed * 77, seed * 99))
        {
            Bootstrap = bootstrap is { } first ? [first] : [],
        };
        var node = new DhtNode(change?.Invoke(options) ?? options, Now);
        _nodes.Add(address, node);
        return node;
    }

    /// <summary>The nodes of the two families at one host.</summary>
    public void Pair(PeerAddress one, PeerAddress other)
    {
        DhtNode.Pair(_nodes[one], _nodes[other]);
        (_partners[one], _partners[other]) = (other, one);
    }

    public void Remove(PeerAddress address) => _nodes.Remove(address);

    public void Deliver(PeerAddress from, PeerAddress to, byte[] packet)
    {
        Assert.Equal(from.Kind, to.Kind);
        _underWay.Enqueue((from, to, packet), (Now + Latency, _sequence++));
    }

    /// <summary>Hands a packet over at once.</summary>
    public void Hit(PeerAddress from, PeerAddress to, ReadOnlySpan<byte> packet)
    {
        _nodes[to].Handle(Now, from, packet);
        Drain(to, _nodes[to]);
    }

    /// <summary>Announces the torrent from there, as who asked for the token that this needs.</summary>
    public void Announce(PeerAddress from, PeerAddress to, params ushort[] ports)
    {
        Hit(from, to, Query(KrpcMethod.GetPeers));
        Run(2 * Latency);
        var token = Answers(from, message => message.Token.ToArray()).Last();
        foreach (var port in ports)
        {
            Hit(from, to, Query(KrpcMethod.AnnouncePeer, token, port));
            Run(3 * Latency); // a host may ask 20 times a second
        }

        Strays.Clear();
    }

    /// <summary>What came back to such a host, seen in a way.</summary>
    public List<T> Answers<T>(PeerAddress host, Seen<T> see) => [.. Strays
        .Where(stray => stray.To == host && KrpcReader.TryRead(stray.Packet, out var message) && message.Kind == KrpcKind.Reply)
        .Select(stray => KrpcReader.TryRead(stray.Packet, out var message) ? see(message) : throw new InvalidOperationException())];

    /// <summary>The peers in an answer.</summary>
    public static List<PeerAddress> PeersOf(KrpcMessage message)
    {
        List<PeerAddress> peers = [];
        KrpcReader.ReadPeers(message.Peers, PeerAddressKind.IPv4, 100, peers);
        return peers;
    }

    public void Do(DhtNode node, Action<Instant> deed)
    {
        deed(Now);
        Drain(_nodes.First(pair => pair.Value == node).Key, node);
    }

    public void Run(TimeSpan time)
    {
        var until = Now + time;
        while (true)
        {
            var next = _nodes.Values.Select(node => node.Deadline).Append(until).Min();
            if (_underWay.TryPeek(out var flight, out var due) && due.Item1 <= next)
            {
                _underWay.Dequeue();
                Now = Instant.Max(Now, due.Item1);
                if (_nodes.TryGetValue(flight.To, out var receiver))
                {
                    receiver.Handle(Now, flight.From, flight.Packet);
                    Drain(flight.To, receiver);
                }
                else
                {
                    Strays.Add((flight.To, flight.Packet));
                }

                continue;
            }

            Now = Instant.Max(Now, next);
            if (next >= until)
            {
                return;
            }

            foreach (var (address, node) in _nodes.Where(pair => pair.Value.Deadline <= Now).ToList())
            {
                node.Tick(Now);
                Assert.True(node.Deadline > Now, "a node whose deadline stays in the past would spin");
                Drain(address, node);
            }
        }
    }

    private void Drain(PeerAddress address, DhtNode node)
    {
        DrainOne(address, node);
        if (_partners.TryGetValue(address, out var partner))
        {
            DrainOne(partner, _nodes[partner]);
        }
    }

    private void DrainOne(PeerAddress address, DhtNode node)
    {
        while (node.TryPoll(out var output))
        {
            if (output.Kind == DhtOutputKind.Send)
            {
                Assert.InRange(output.Packet.Length, 1, 1400);
                Deliver(address, output.Address, output.Packet.ToArray());
            }
            else
            {
                News.Add((node, output));
            }
        }
    }
}
