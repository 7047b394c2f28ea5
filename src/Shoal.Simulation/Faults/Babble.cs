using System.Buffers.Binary;
using Shoal.Engine;
using Shoal.Protocol;
using Shoal.Protocol.Wire;

namespace Shoal.Simulation.Faults;

/// <summary>
/// What a hostile peer says over the extension protocol (BEP 10): peers that nobody has seen, the listener itself, its own machine, by the
/// hundreds; offers that come and go; messages of any extension in which bits are wrong, and plain noise.
/// </summary>
internal sealed class Babble(World world)
{
    private const int MostPeers = 300;
    private const int MostNoise = 200;

    /// <summary>The ids that swarms give (BEP 9, 11), the handshake's, and one that nobody does.</summary>
    private const int MostIds = 4;

    private readonly Prng _prng = world.Prng;

    /// <summary>The next thing to say to who is found at <paramref name="listener"/>.</summary>
    public PeerMessage Next(PeerAddress listener) => _prng.Next(6) switch
    {
        0 => PeerMessage.Extended(_prng.Next(MostIds), Noise()),
        1 => Offer(),
        2 => new MetadataMessage((MetadataMessageKind)_prng.Next(4), _prng.Next(8), _prng.Next(100_000), Noise()).ToMessage((byte)_prng.Next(MostIds)),
        3 => Mutated(Peers(listener)),
        _ => Peers(listener),
    };

    private PeerMessage Offer() => new ExtensionHandshake
    {
        MetadataId = (byte)_prng.Next(MostIds),
        PexId = (byte)_prng.Next(MostIds),
        ListenPort = (ushort)_prng.Next(ushort.MaxValue + 1),
        MetadataSize = _prng.Next(100_000),
        PrefersEncryption = _prng.Next(2) == 0,
        RequestQueueLength = _prng.Next(2000),
    }.ToMessage();

    private PeerMessage Peers(PeerAddress listener)
    {
        var added = new PexPeer[_prng.Next(MostPeers)];
        foreach (ref var peer in added.AsSpan())
        {
            peer = new PexPeer(Address(listener), (PexFlags)_prng.Next(256));
        }

        PeerAddress[] dropped = [.. Enumerable.Range(0, _prng.Next(MostPeers)).Select(_ => Address(listener))];
        return new PexMessage(added, dropped).ToMessage((byte)_prng.Next(MostIds));
    }

    private PeerAddress Address(PeerAddress listener)
    {
        Span<byte> bytes = stackalloc byte[16];
        for (var i = 0; i < bytes.Length; i++)
        {
            bytes[i] = (byte)_prng.NextUInt64();
        }

        return _prng.Next(6) switch
        {
            0 => listener,
            1 => Adversary.EndpointOf(_prng.Next(world.Peers.Count)),
            2 => Adversary.EndpointOf(_prng.Next(world.Peers.Count)).WithPort(BinaryPrimitives.ReadUInt16BigEndian(bytes)),
            3 => PeerAddress.FromBytes([127, 0, 0, 1], Adversary.Port),
            4 => PeerAddress.FromBytes(bytes, Adversary.Port),
            _ => PeerAddress.FromBytes(bytes[..4], BinaryPrimitives.ReadUInt16BigEndian(bytes[4..])),
        };
    }

    private PeerMessage Mutated(PeerMessage message)
    {
        var body = message.Payload.ToArray();
        for (var i = 1 + _prng.Next(3); i > 0 && body.Length > 0; i--)
        {
            body[_prng.Next(body.Length)] = (byte)_prng.NextUInt64();
        }

        return PeerMessage.Extended(message.Begin, body.AsMemory(0, _prng.Next(3) == 0 ? _prng.Next(body.Length + 1) : body.Length));
    }

    private byte[] Noise()
    {
        var noise = new byte[_prng.Next(MostNoise)];
        for (var i = 0; i < noise.Length; i++)
        {
            noise[i] = (byte)_prng.NextUInt64();
        }

        return noise;
    }
}
