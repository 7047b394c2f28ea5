using System.Buffers;
using Shoal.Engine;
using Shoal.Protocol;
using Shoal.Protocol.Bencode;
using Shoal.Protocol.Dht;

namespace Shoal.Simulation.Fuzzing.Dht;

/// <summary>What hostile hosts do and know: every node and its id, but no packet that was not sent to them.</summary>
internal interface IDhtStreet
{
    Instant Now { get; }

    Prng Prng { get; }

    bool IsIPv6 { get; }

    /// <summary>An honest node that is there.</summary>
    DhtContact SomeHonest();

    /// <summary>Where nobody is.</summary>
    PeerAddress Nowhere();

    /// <summary>All hostile hosts.</summary>
    IReadOnlyList<HostileHost> Hostile { get; }

    void Send(PeerAddress from, PeerAddress to, byte[] packet);
}

/// <summary>One hostile host of a DHT: see <see cref="Mischief"/>. Not thread-safe.</summary>
internal sealed class HostileHost(IDhtStreet street, int number, PeerAddress address, Mischief mischief)
{
    private const int FloodCount = 150;
    private const int MostTokens = 50;
    private const int MostPorts = 4000;

    private readonly Prng _prng = street.Prng;
    private readonly KrpcWriter _writer = new();
    private readonly ArrayBufferWriter<byte> _packet = new();
    private readonly List<(PeerAddress Giver, byte[] Token)> _tokens = [];
    private readonly Dictionary<ushort, NodeId> _ids = []; // of a sybil, by port
    private readonly NodeId _id = SecureNodeId.For(address, RandomId(street.Prng));
    private byte[] _lastSaid = [];

    /// <summary>Where it is; a sybil is at all ports there.</summary>
    public PeerAddress Address => address;

    public bool IsInLoop => mischief == Mischief.Loop;

    /// <summary>The id that this host claims to whoever looks for that place: as near as can be, and always the same.</summary>
    public NodeId IdNear(NodeId target) => target.Beside(NodeId.Bits - 20 + number, default);

    /// <summary>A packet came to one of its ports.</summary>
    public void Receive(PeerAddress from, ushort port, ReadOnlySpan<byte> packet)
    {
        if (!KrpcReader.TryRead(packet, out var message))
        {
            return;
        }

        if (message.Kind == KrpcKind.Query)
        {
            Answer(from, port, message);
        }
        else if (!message.Token.IsEmpty && _tokens.Count < MostTokens)
        {
            _tokens.Add((from, message.Token.ToArray()));
        }
    }

    /// <summary>Does something that nobody asked it to.</summary>
    public void Act()
    {
        var victim = street.SomeHonest();
        Ask(address, victim.Address, (KrpcMethod)(1 + _prng.Next(3)), _id);
        switch (mischief)
        {
            case Mischief.Spoofer:
                Spoof(victim);
                break;
            case Mischief.Flooder:
                Flood(victim);
                break;
            case Mischief.Forger:
                Forge(victim);
                break;
            case Mischief.Sybil:
                for (var i = 0; i < 20; i++)
                {
                    var port = (ushort)(1 + _prng.Next(MostPorts));
                    _ids[port] = RandomId(_prng);
                    Ask(address.WithPort(port), victim.Address, KrpcMethod.FindNode, _ids[port]);
                }

                break;
            case Mischief.Mangler:
                Say(address, victim.Address, Mangle.Any(_lastSaid, _prng));
                break;
            default:
                break; // answering is enough
        }
    }

    private void Answer(PeerAddress from, ushort port, in KrpcMessage query)
    {
        var here = address.WithPort(port);
        var reply = new KrpcMessage
        {
            Kind = KrpcKind.Reply, Transaction = query.Transaction, Id = _id, YourAddress = from, SampleIntervalSeconds = -1,
        };
        if (mischief == Mischief.Sybil)
        {
            reply.Id = _ids.TryGetValue(port, out var named) && _prng.Next(2) == 0 ? named : RandomId(_prng);
        }
        else if (mischief == Mischief.Loop && query.Target != default)
        {
            reply.Id = IdNear(query.Target);
        }
        else if (mischief == Mischief.Mirror)
        {
            reply.YourAddress = _prng.Next(3) == 0 ? from : street.Nowhere();
        }

        if (query.Method is KrpcMethod.FindNode or KrpcMethod.GetPeers)
        {
            AddNodes(from, query, ref reply);
            if (query.Method == KrpcMethod.GetPeers)
            {
                reply.Token = mischief == Mischief.Forger ? Mangle.Noise(_prng.Next(80), _prng) : "hostile!"u8;
                reply.Peers = mischief is Mischief.Loop or Mischief.Mangler ? MadeUpPeers() : default;
            }
        }

        var packet = Write(reply);
        switch (mischief)
        {
            case Mischief.Mangler:
                Say(here, from, Mangle.Any(packet, _prng));
                break;
            case Mischief.Spoofer:
                Say(street.SomeHonest().Address, from, packet); // the right transaction, from elsewhere
                Say(here, from, packet);
                Say(here, from, packet);
                break;
            default:
                Say(here, from, packet);
                break;
        }
    }

    private void AddNodes(PeerAddress from, in KrpcMessage query, ref KrpcMessage reply)
    {
        List<DhtContact> nodes = [];
        switch (mischief)
        {
            case Mischief.Mirror:
                nodes.Add(new DhtContact(query.Id, from));
                for (var i = 1; i < 8; i++)
                {
                    nodes.Add(new DhtContact(query.Target.Beside(100 + i, RandomId(_prng)), from));
                }

                break;
            case Mischief.Loop:
                foreach (var other in street.Hostile)
                {
                    if (other.IsInLoop)
                    {
                        nodes.Add(new DhtContact(other.IdNear(query.Target), other.Address));
                    }
                }

                break;
            case Mischief.Dead:
                for (var i = 0; i < 30; i++)
                {
                    nodes.Add(new DhtContact(query.Target.Beside(20 + i, RandomId(_prng)), i < 10 ? Odd() : street.Nowhere()));
                }

                break;
            default:
                for (var i = 0; i < 8; i++)
                {
                    nodes.Add(street.SomeHonest());
                }

                break;
        }

        var bytes = new byte[nodes.Count * DhtContact.CompactLengthIPv6];
        var length = 0;
        foreach (var node in nodes)
        {
            length += node.WriteCompact(bytes.AsSpan(length));
        }

        if (street.IsIPv6)
        {
            reply.Nodes6 = bytes.AsSpan(0, length);
        }
        else
        {
            reply.Nodes = bytes.AsSpan(0, length);
        }
    }

    // In the name of an honest node: a question to another, and answers to questions that were perhaps asked.
    private void Spoof(DhtContact victim)
    {
        for (var i = 0; i < 10; i++)
        {
            var other = street.SomeHonest();
            Ask(other.Address, victim.Address, (KrpcMethod)(1 + _prng.Next(5)), other.Id);
            Say(other.Address, victim.Address, Write(new KrpcMessage
            {
                Kind = KrpcKind.Reply, Transaction = Mangle.Noise(4, _prng), Id = _prng.Next(2) == 0 ? other.Id : RandomId(_prng), SampleIntervalSeconds = -1,
            }));
        }

        Say(address, victim.Address, _lastSaid); // once more
    }

    private void Flood(DhtContact victim)
    {
        for (var i = 0; i < FloodCount; i++)
        {
            var from = _prng.Next(3) == 0 ? street.Nowhere() : address;
            Ask(from, victim.Address, (KrpcMethod)(1 + _prng.Next(5)), _prng.Next(2) == 0 ? _id : RandomId(_prng));
        }
    }

    private void Forge(DhtContact victim)
    {
        for (var i = 0; i < 20; i++)
        {
            var (giver, token) = _tokens.Count == 0 ? (victim.Address, Mangle.Noise(8, _prng)) : _tokens[_prng.Next(_tokens.Count)];
            var to = _prng.Next(4) == 0 ? victim.Address : giver; // who gave it, or another
            var from = _prng.Next(4) == 0 ? street.Nowhere() : address.WithPort((ushort)(1 + _prng.Next(MostPorts)));
            Say(from, to, Write(new KrpcMessage
            {
                Kind = KrpcKind.Query,
                Method = KrpcMethod.AnnouncePeer,
                Transaction = "fo"u8,
                Id = _id,
                Target = RandomId(_prng),
                Token = _prng.Next(4) == 0 ? Mangle.Damage(token, _prng) : token,
                Port = (ushort)_prng.Next(ushort.MaxValue + 1),
                HasImpliedPort = _prng.Next(3) == 0,
            }));
        }

        if (_prng.Next(8) == 0)
        {
            _tokens.Clear(); // else they grow old
        }
    }

    private void Ask(PeerAddress from, PeerAddress to, KrpcMethod method, NodeId id) => Say(from, to, Write(new KrpcMessage
    {
        Kind = KrpcKind.Query, Method = method, Transaction = Mangle.Noise(1 + _prng.Next(8), _prng), Id = id, Target = RandomId(_prng), Port = 1,
    }));

    private byte[] Write(in KrpcMessage message)
    {
        _packet.ResetWrittenCount();
        _writer.Write(message, _packet);
        return _packet.WrittenSpan.ToArray();
    }

    private void Say(PeerAddress from, PeerAddress to, byte[] packet)
    {
        _lastSaid = packet;
        street.Send(from, to, packet);
    }

    private byte[] MadeUpPeers()
    {
        var output = new ArrayBufferWriter<byte>();
        var writer = new BencodeWriter(output);
        Span<byte> compact = stackalloc byte[PeerAddress.CompactLengthIPv6];
        writer.BeginList();
        for (var i = 0; i < 60; i++)
        {
            var peer = _prng.Next(10) == 0 ? Odd() : street.Nowhere();
            writer.WriteString(compact[..peer.WriteCompact(compact)]);
        }

        writer.End();
        return output.WrittenSpan.ToArray();
    }

    // Of nobody, of this machine, of a group, of the asker's own network, without a port.
    private PeerAddress Odd() => street.IsIPv6
        ? PeerAddress.FromBytes(Convert.FromHexString(((string[])["00", "00", "ff02", "fe80", "fd00"])[_prng.Next(5)].PadRight(30, '0') + "01"), (ushort)_prng.Next(3))
        : PeerAddress.FromBytes([((byte[])[0, 127, 224, 10, 192])[_prng.Next(5)], (byte)(_prng.Next(2) * 168), 0, (byte)_prng.Next(2)], (ushort)_prng.Next(3));

    private static NodeId RandomId(Prng prng) => new(Mangle.Noise(NodeId.Length, prng));
}
