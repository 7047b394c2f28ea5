using System.Net;
using Shoal.Engine.Announcing;
using Shoal.Engine.Trackers;
using Shoal.Protocol;
using Shoal.Protocol.Trackers;

namespace Shoal.Engine.Tests.Announcing;

/// <summary>A tracker crashes and comes back knowing nobody; its peers run the production schedule on a virtual clock.</summary>
public sealed class EmptyTrackerTests
{
    private const int PeerCount = 2000;
    private static readonly InfoHash Torrent = new(Enumerable.Repeat((byte)7, InfoHash.Length).ToArray());
    private static readonly TrackerPolicy Policy = new() { Interval = TimeSpan.FromMinutes(10) };

    [Theory]
    [InlineData(0)]
    [InlineData(60)]
    [InlineData(7200)]
    public void It_is_full_again_within_one_interval_and_is_not_stormed(int downSeconds)
    {
        var crowd = new Crowd();
        crowd.RunUntil(3600);
        Assert.Equal(PeerCount, crowd.KnownPeerCount);

        crowd.Crash();
        crowd.RunUntil(3600 + downSeconds);
        crowd.Recover();
        var back = 3600 + downSeconds;
        crowd.RunUntil(back + (int)crowd.LongestInterval.TotalSeconds);
        Assert.Equal(PeerCount, crowd.KnownPeerCount);

        // Evenly spread, each second would see 2000 / 600 of them: about 3.
        Assert.InRange(crowd.BusiestSecond(since: back), 1, 15);
        Assert.True(crowd.ShortestGap >= TimeSpan.FromSeconds(60), $"somebody came again after {crowd.ShortestGap}");
    }

    private sealed class Crowd
    {
        private readonly AnnounceSchedule[] _peers = new AnnounceSchedule[PeerCount];
        private readonly Instant[] _lastAnswerAt = new Instant[PeerCount];
        private readonly PriorityQueue<int, (long At, int Peer)> _due = new();
        private readonly Dictionary<long, int> _announcesInSecond = [];
        private TrackerCore? _tracker;

        public Crowd()
        {
            Recover();
            for (var peer = 0; peer < PeerCount; peer++)
            {
                _peers[peer] = new AnnounceSchedule([["tracker"]], new Prng((ulong)peer + 1));
                var joinsAt = Instant.Zero + (Policy.Interval * peer / PeerCount);
                _peers[peer].Start(joinsAt);
                _due.Enqueue(peer, (joinsAt.Nanoseconds, peer));
            }
        }

        public int KnownPeerCount => (int)_tracker!.Statistics.PeerCount;

        public TimeSpan ShortestGap { get; private set; } = TimeSpan.MaxValue;

        public TimeSpan LongestInterval { get; private set; }

        public void Crash() => _tracker = null;

        public void Recover() => _tracker ??= new TrackerCore(Policy, new TrackerCapacity(10, 2 * PeerCount), new Prng(1));

        public int BusiestSecond(int since) => _announcesInSecond.Where(second => second.Key >= since).Max(second => second.Value);

        public void RunUntil(int second)
        {
            var end = new Instant(second * 1_000_000_000L);
            while (_due.TryPeek(out var peer, out var due) && due.At <= end.Nanoseconds)
            {
                _due.Dequeue();
                Announce(peer, new Instant(due.At));
                _due.Enqueue(peer, (_peers[peer].Deadline.Nanoseconds, peer));
            }
        }

        private void Announce(int peer, Instant now)
        {
            Assert.True(_peers[peer].TryPoll(now, out var tracker, out var kind));
            if (_tracker is null)
            {
                _peers[peer].Handle(now, new AnnounceResult(tracker, kind, "connection refused"));
                return;
            }

            var reply = Ask(peer, now);
            var interval = TimeSpan.FromSeconds(reply.IntervalSeconds);
            LongestInterval = interval > LongestInterval ? interval : LongestInterval;
            _peers[peer].Handle(now, new AnnounceResult(tracker, kind, null, interval, TimeSpan.FromSeconds(reply.MinimumIntervalSeconds)));
            var second = now.Nanoseconds / 1_000_000_000;
            _announcesInSecond[second] = _announcesInSecond.GetValueOrDefault(second) + 1;
            if (_lastAnswerAt[peer] != Instant.Zero && now - _lastAnswerAt[peer] < ShortestGap)
            {
                ShortestGap = now - _lastAnswerAt[peer];
            }

            _lastAnswerAt[peer] = now;
        }

        private AnnounceAnswer Ask(int peer, Instant now)
        {
            var address = PeerAddress.From(new IPAddress([10, 0, (byte)(peer >> 8), (byte)peer]), 6881);
            return _tracker!.Handle(now, new AnnounceRequest(Torrent, default, 6881, address, WantedPeerCount: 0), new byte[2]);
        }
    }
}
