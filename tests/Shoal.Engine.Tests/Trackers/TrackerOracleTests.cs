using System.Buffers.Binary;
using System.Net;
using FsCheck;
using FsCheck.Fluent;
using Shoal.Engine.Trackers;
using Shoal.Protocol;
using Shoal.Protocol.Trackers;

namespace Shoal.Engine.Tests.Trackers;

/// <summary>The core beside the plainest tracker imaginable, over random announces in random time.</summary>
public sealed class TrackerOracleTests
{
    private const int TimeoutMinutes = 64; // a tick is a minute

    /// <summary>One announce (or, now and then, a clean-up) after a wait.</summary>
    public sealed record Step(int Swarm, int Peer, bool IsIPv6, int Left, AnnounceEvent Event, int Wait, bool Expires);

    private sealed class Oracle
    {
        private readonly Dictionary<(int Swarm, PeerAddress Peer), (int Seen, bool IsSeeder)> _peers = [];

        public HashSet<PeerAddress> Handle(Step step, PeerAddress peer, int now, out (int Seeders, int Leechers) counts)
        {
            foreach (var key in _peers.Where(p => now - p.Value.Seen > TimeoutMinutes).Select(p => p.Key).ToList())
            {
                _peers.Remove(key);
            }

            if (step.Event == AnnounceEvent.Stopped)
            {
                _peers.Remove((step.Swarm, peer));
            }
            else
            {
                _peers[(step.Swarm, peer)] = (now, step.Left == 0);
            }

            var swarm = _peers.Where(p => p.Key.Swarm == step.Swarm).ToList();
            counts = (swarm.Count(p => p.Value.IsSeeder), swarm.Count(p => !p.Value.IsSeeder));
            return [.. swarm.Where(p => p.Key.Peer != peer && p.Key.Peer.Kind == peer.Kind && (step.Left != 0 || !p.Value.IsSeeder)).Select(p => p.Key.Peer)];
        }

        public int Count => _peers.Count;
    }

    private static Gen<Step[]> Steps(int swarms, int peers, int longestWait, int count) => Gen.ArrayOf(
        from swarm in Gen.Choose(1, swarms)
        from peer in Gen.Choose(0, peers)
        from isIPv6 in Gen.Choose(0, 1)
        from left in Gen.Choose(0, 2)
        from announceEvent in Gen.Choose(0, 5)
        from wait in Gen.Choose(0, longestWait)
        from expires in Gen.Choose(0, 20)
        select new Step(swarm, peer, isIPv6 == 1, left, announceEvent > 3 ? AnnounceEvent.None : (AnnounceEvent)announceEvent, wait / 8, expires == 0), count);

    [Theory]
    [InlineData(5, 100)]
    [InlineData(60, 12)]
    [InlineData(300, 8)]
    public void It_answers_like_a_naive_tracker(int peers, int longestWait) =>
        Prop.ForAll(Arb.From(Steps(4, peers, longestWait, 600)), Agree).Check(Config.QuickThrowOnFailure.WithMaxTest(60));

    [Theory]
    [InlineData(8)]
    [InlineData(7)]
    [InlineData(60)]
    public void Large_swarms_that_grow_and_shrink_are_no_different(int longestWait) =>
        Prop.ForAll(Arb.From(Steps(1, 2000, longestWait, 3000)), Agree).Check(Config.QuickThrowOnFailure.WithMaxTest(8));

    private static bool Agree(Step[] steps)
    {
        var core = new TrackerCore(
            new TrackerPolicy { PeerTimeout = TimeSpan.FromMinutes(TimeoutMinutes) }, new TrackerCapacity(10, 10_000), new Prng(1));
        var oracle = new Oracle();
        var buffer = new byte[TrackerCore.BufferLength(200)];
        var now = 0;
        foreach (var step in steps)
        {
            now += step.Wait;
            var instant = Instant.Zero + TimeSpan.FromMinutes(now);
            if (step.Expires)
            {
                core.Expire(instant);
            }

            var peer = PeerOf(step);
            var request = new AnnounceRequest(SwarmOf(step), default, peer.Port, peer, Left: step.Left, Event: step.Event, WantedPeerCount: 20, Uploaded: step.Left == 0 ? 1 : 0);
            var answer = core.Handle(instant, request, buffer);
            var expected = oracle.Handle(step, peer, now, out var counts);
            if (step.Event == AnnounceEvent.Stopped)
            {
                expected.Clear();
            }

            var given = new List<PeerAddress>();
            CompactPeers.Read(buffer.AsSpan(0, answer.PeerBytes), answer.PeerLength, given);
            Assert.Equal(counts, (answer.SeederCount, answer.LeecherCount));
            Assert.Equal(Math.Min(20, expected.Count), given.Count);
            Assert.Equal(given.Count, given.Distinct().Count());
            Assert.Subset(expected, given.ToHashSet());
        }

        core.Expire(Instant.Zero + TimeSpan.FromMinutes(now));
        Assert.Equal(oracle.Count, core.Statistics.PeerCount);
        return true;
    }

    private static InfoHash SwarmOf(Step step)
    {
        var bytes = new byte[20];
        BinaryPrimitives.WriteInt32BigEndian(bytes, step.Swarm);
        return new InfoHash(bytes);
    }

    private static PeerAddress PeerOf(Step step)
    {
        var bytes = new byte[step.IsIPv6 ? 16 : 4];
        bytes[0] = 0x20;
        BinaryPrimitives.WriteInt16BigEndian(bytes.AsSpan(bytes.Length - 2), (short)step.Peer);
        return PeerAddress.From(new IPAddress(bytes), 1000 + (step.Peer % 3));
    }
}
