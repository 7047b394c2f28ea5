using Shoal.Engine.Dht;
using Shoal.Protocol;
using Shoal.Protocol.Dht;

namespace Shoal.Engine.Tests.Dht;

/// <summary>Ten thousand valid queries a second, and a stranger who now and then asks the same.</summary>
public sealed class DhtFloodTests
{
    private const int Seconds = 5;

    private static readonly PeerAddress Victim = DhtWorld.AddressOf(1);
    private static readonly PeerAddress Stranger = DhtWorld.AddressOf(9999);

    [Theory]
    [InlineData(KrpcMethod.GetPeers)]
    [InlineData(KrpcMethod.FindNode)]
    [InlineData(KrpcMethod.SampleInfohashes)]
    public void From_everywhere_it_makes_answers_small_and_leaves_nobody_without_one(KrpcMethod method)
    {
        var query = DhtWorld.Query(method);
        var random = new Random(5);
        var answers = Flood(
            query, () => PeerAddress.FromBytes([(byte)random.Next(120, 200), (byte)random.Next(256), (byte)random.Next(256), 1], 6881), out var bytes);
        Assert.Equal(10 * Seconds, answers.Count);
        Assert.All(answers, answer => Assert.NotEqual(0, answer.Nodes));
        Assert.InRange(bytes, 1, ((Seconds + 1) * new DhtLimits().ReplyRateBytesPerSecond) - 1);
        Assert.InRange(bytes / (double)(Seconds * 10_000 * query.Length), 0, 4);
    }

    [Fact]
    public void From_one_neighbourhood_it_takes_nothing_from_others()
    {
        var random = new Random(5);
        var answers = Flood(DhtWorld.Query(KrpcMethod.GetPeers), () => PeerAddress.FromBytes([130, 1, 1, (byte)random.Next(256)], 6881), out var bytes);
        Assert.Equal(10 * Seconds, answers.Count);
        Assert.All(answers.Take(16), answer => Assert.Equal((50, 8), answer)); // it too may ask for so much only now and then
        Assert.InRange(bytes, 1, ((Seconds + 1) * new DhtLimits().ReplyRateBytesPerSecond) - 1);
    }

    // What the stranger got, who asks ten times a second: so many peers, so many nodes.
    private static List<(int Peers, int Nodes)> Flood(byte[] query, Func<PeerAddress> source, out long bytes)
    {
        var world = DhtWorld.Grown(40, out _);
        for (var i = 0; i < 60; i++)
        {
            world.Announce(DhtWorld.AddressOf(300 + i), Victim, 1000);
        }

        world.Run(TimeSpan.FromMinutes(1));
        world.Strays.Clear();
        for (var step = 0; step < Seconds * 50; step++)
        {
            for (var i = 0; i < 200; i++)
            {
                world.Hit(source(), Victim, query);
                if (i == step % 200 && step % 5 == 0)
                {
                    world.Hit(Stranger, Victim, query);
                }
            }

            world.Run(TimeSpan.FromMilliseconds(20));
        }

        world.Run(TimeSpan.FromMilliseconds(20));
        bytes = world.Strays.Sum(stray => (long)stray.Packet.Length);
        return world.Answers(Stranger, message => (DhtWorld.PeersOf(message).Count, message.Nodes.Length / DhtContact.CompactLengthIPv4));
    }
}
