using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Shoal.Engine.Encryption;
using Shoal.Protocol;
using Shoal.Protocol.Encryption;

namespace Shoal.Engine.Tests.Encryption;

/// <summary>The handshake of message stream encryption.</summary>
public class StreamHandshakeTests
{
    private const StreamMethods Both = StreamMethods.Plain | StreamMethods.Rc4;

    private static readonly InfoHash Torrent = new([.. Enumerable.Range(1, 20).Select(i => (byte)i)]);

    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, 40)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Both_sides_agree_however_their_bytes_are_cut(int seed)
    {
        var random = new Random(seed);
        StreamMethods[] choices = [StreamMethods.Plain, StreamMethods.Rc4, Both];
        var (offered, allowed) = (choices[random.Next(3)], choices[random.Next(3)]);
        var initiator = StreamHandshake.Initiate(Torrent, offered, Chance(random));
        var responder = StreamHandshake.Respond(Find, allowed, Chance(random));
        var (toResponder, toInitiator) = (new Queue<byte>(), new Queue<byte>());
        for (var idle = 0; idle < 2;)
        {
            initiator.TakeOutput().ToList().ForEach(toResponder.Enqueue);
            responder.TakeOutput().ToList().ForEach(toInitiator.Enqueue);
            idle = Feed(responder, toResponder, random) | Feed(initiator, toInitiator, random) ? 0 : idle + 1;
        }

        if ((offered & allowed) == StreamMethods.None)
        {
            Assert.Equal(StreamHandshakeState.Failed, responder.State);
            Assert.Equal(StreamHandshakeState.Waiting, initiator.State); // until the responder closes
            return;
        }

        Assert.Equal((null, null), (initiator.Failure, responder.Failure));
        var expected = (offered & allowed).HasFlag(StreamMethods.Plain) ? StreamMethods.Plain : StreamMethods.Rc4;
        Assert.Equal((expected, expected), (initiator.Result!.Method, responder.Result!.Method));
        Assert.Equal((Torrent, Torrent), (initiator.InfoHash, responder.InfoHash));
        if (expected == StreamMethods.Rc4)
        {
            AssertPair(initiator.Result.Outgoing!, responder.Result.Incoming!);
            AssertPair(responder.Result.Outgoing!, initiator.Result.Incoming!);
        }
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void What_a_peer_sends_with_its_handshake_is_the_beginning_of_the_stream(int seed)
    {
        var random = new Random(seed);
        var method = seed % 2 == 0 ? StreamMethods.Plain : StreamMethods.Rc4;
        var foreign = new ForeignInitiator(random, Torrent);
        var first = Bytes(random, random.Next(0, 200));
        var later = Bytes(random, random.Next(0, 200));
        var responder = StreamHandshake.Respond(Find, Both, Chance(random));
        responder.Receive(foreign.Key(random.Next(513)));
        var rest = foreign.Offer(responder.TakeOutput()[..96], method, random.Next(513), first);
        var stream = later.ToArray();
        if (method == StreamMethods.Rc4)
        {
            foreign.Cipher.Apply(stream);
        }

        var queue = new Queue<byte>([.. rest, .. stream]);
        while (responder.State == StreamHandshakeState.Waiting && queue.Count > 0)
        {
            Feed(responder, queue, random);
        }

        Assert.Null(responder.Failure);
        var got = responder.Result!.First.ToArray();
        byte[] after = [.. queue];
        responder.Result.Incoming?.Apply(after);
        Assert.Equal<byte>([.. first, .. later], [.. got, .. after]);
    }

    [Fact]
    public void Another_torrent_fails_on_both_sides()
    {
        var random = new Random(1);
        var responder = StreamHandshake.Respond(_ => null, Both, Chance(random));
        var initiator = StreamHandshake.Initiate(Torrent, Both, Chance(random));
        responder.Receive(initiator.TakeOutput());
        initiator.Receive(responder.TakeOutput());
        Assert.Equal(StreamHandshakeState.Failed, responder.Receive(initiator.TakeOutput()));
        Assert.Equal("the peer wants a torrent that is not here", responder.Failure);
        Assert.Empty(responder.TakeOutput());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Noise_is_given_up_as_soon_as_it_cannot_be_a_handshake_any_more(bool isInitiator)
    {
        var random = new Random(2);
        var handshake = isInitiator
            ? StreamHandshake.Initiate(Torrent, Both, Chance(random)) : StreamHandshake.Respond(Find, Both, Chance(random));
        var count = 0;
        while (handshake.State == StreamHandshakeState.Waiting)
        {
            handshake.Receive(Bytes(random, 1));
            count++;
            Assert.InRange(count, 1, 96 + 512 + 20);
        }

        Assert.Equal(StreamHandshakeState.Failed, handshake.State);
        Assert.NotNull(handshake.Failure);
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void A_handshake_that_was_spoilt_anywhere_ends_without_an_exception(int seed)
    {
        var random = new Random(seed);
        for (var round = 0; round < 25; round++)
        {
            var responder = StreamHandshake.Respond(Find, Both, Chance(random));
            var foreign = new ForeignInitiator(random, Torrent);
            responder.Receive(foreign.Key(random.Next(513)));
            var offer = foreign.Offer(responder.TakeOutput()[..96], Both, random.Next(513), Bytes(random, 68));
            for (var flips = random.Next(1, 4); flips > 0; flips--)
            {
                offer[random.Next(offer.Length)] ^= (byte)(1 << random.Next(8));
            }

            var queue = new Queue<byte>(offer);
            while (responder.State == StreamHandshakeState.Waiting && queue.Count > 0)
            {
                Feed(responder, queue, random);
            }

            Assert.True(responder.State != StreamHandshakeState.Failed || responder.Failure is not null);
        }
    }

    [Fact]
    public void Lengths_beyond_the_specification_are_refused()
    {
        var random = new Random(3);
        foreach (var (padding, first) in ((int, int)[])[(513, 0), (65535, 0), (0, 8193), (0, 65535)])
        {
            var responder = StreamHandshake.Respond(Find, Both, Chance(random));
            var foreign = new ForeignInitiator(random, Torrent);
            responder.Receive(foreign.Key(0));
            var offer = foreign.Offer(responder.TakeOutput()[..96], Both, padding, new byte[first]);
            Assert.Equal(StreamHandshakeState.Failed, responder.Receive(offer));
        }
    }

    private static InfoHash? Find(PieceHash mark) => mark == StreamHandshake.MarkOf(Torrent) ? Torrent : null;

    private static byte[] Chance(Random random) => Bytes(random, StreamHandshake.ChanceLength);

    private static byte[] Bytes(Random random, int count)
    {
        var bytes = new byte[count];
        random.NextBytes(bytes);
        return bytes;
    }

    private static bool Feed(StreamHandshake to, Queue<byte> queue, Random random)
    {
        if (queue.Count == 0 || to.State != StreamHandshakeState.Waiting)
        {
            return false;
        }

        var bytes = new byte[Math.Min(queue.Count, random.Next(1, 300))];
        for (var i = 0; i < bytes.Length; i++)
        {
            bytes[i] = queue.Dequeue();
        }

        to.Receive(bytes);
        return true;
    }

    private static void AssertPair(Rc4 outgoing, Rc4 incoming)
    {
        var bytes = "the same on both sides"u8.ToArray();
        outgoing.Apply(bytes);
        incoming.Apply(bytes);
        Assert.Equal("the same on both sides"u8.ToArray(), bytes);
    }

    /// <summary>Another client's initiator, by the specification: with all padding, and the stream's beginning in the handshake.</summary>
    private sealed class ForeignInitiator(Random random, InfoHash torrent)
    {
        private readonly KeyExchange _exchange = new(Bytes(random, 20));

        public Rc4 Cipher { get; private set; } = null!;

        public byte[] Key(int padding) => [.. _exchange.PublicKey.Span, .. Bytes(random, padding)];

        public byte[] Offer(byte[] key, StreamMethods methods, int padding, byte[] first)
        {
            var common = _exchange.AgreeWith(key)!;
            var mark = Hash("req2", torrent.ToArray());
            var mask = Hash("req3", common);
            Cipher = new Rc4(Hash("keyA", [.. common, .. torrent.ToArray()]));
            var offer = new byte[8 + 4 + 2 + padding + 2 + first.Length];
            BinaryPrimitives.WriteUInt32BigEndian(offer.AsSpan(8), (uint)methods);
            BinaryPrimitives.WriteUInt16BigEndian(offer.AsSpan(12), (ushort)padding);
            BinaryPrimitives.WriteUInt16BigEndian(offer.AsSpan(14 + padding), (ushort)first.Length);
            first.CopyTo(offer, 16 + padding);
            Cipher.Apply(offer);
            return [.. Hash("req1", common), .. mark.Zip(mask, (a, b) => (byte)(a ^ b)), .. offer];
        }

        private static byte[] Hash(string name, byte[] bytes) => SHA1.HashData([.. Encoding.ASCII.GetBytes(name), .. bytes]);
    }
}
