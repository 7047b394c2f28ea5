using System.Buffers.Binary;
using System.Net;
using Shoal.Engine.Trackers;
using Shoal.Protocol;
using Shoal.Protocol.Trackers;

namespace Shoal.Engine.Tests.Trackers;

/// <summary>What a peer notices of the tracker's core.</summary>
public sealed class TrackerCoreTests
{
    private readonly byte[] _buffer = new byte[TrackerCore.BufferLength(200)];

    private static InfoHash Swarm(int number)
    {
        var bytes = new byte[20];
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(8), number);
        return new InfoHash(bytes);
    }

    private static PeerAddress IPv4(int number) => PeerAddress.From(new IPAddress([10, (byte)(number >> 16), (byte)(number >> 8), (byte)number]), 6881);

    private static PeerAddress IPv6(int number) =>
        PeerAddress.From(new IPAddress([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, (byte)(number >> 8), (byte)number]), 6881);

    private static TrackerCore Core(TrackerPolicy? policy = null, int swarms = 1000, int peers = 100_000, ulong seed = 1) =>
        new(policy ?? new TrackerPolicy(), new TrackerCapacity(swarms, peers), new Prng(seed));

    private static Instant At(double minutes) => Instant.Zero + TimeSpan.FromMinutes(minutes);

    private (AnnounceAnswer Answer, List<PeerAddress> Peers) Announce(
        TrackerCore core, int swarm, PeerAddress peer, long left = 1, AnnounceEvent announceEvent = AnnounceEvent.None, int wanted = -1, double minutes = 0)
    {
        var request = new AnnounceRequest(Swarm(swarm), default, peer.Port, peer, Left: left, Event: announceEvent, WantedPeerCount: wanted);
        var answer = core.Handle(At(minutes), request, _buffer);
        var peers = new List<PeerAddress>();
        CompactPeers.Read(_buffer.AsSpan(0, answer.PeerBytes), answer.PeerLength, peers);
        return (answer, peers);
    }

    [Fact]
    public void A_peer_hears_of_the_others_but_not_of_itself()
    {
        var core = Core();
        Announce(core, 1, IPv4(1));
        Announce(core, 1, IPv4(2));
        Announce(core, 2, IPv4(3));
        var (answer, peers) = Announce(core, 1, IPv4(1));
        Assert.Equal([IPv4(2)], peers);
        Assert.Equal(2, answer.LeecherCount);
        Assert.Null(answer.Failure);
    }

    [Fact]
    public void A_seeder_hears_of_no_seeders()
    {
        var core = Core();
        Announce(core, 1, IPv4(1), left: 0);
        Announce(core, 1, IPv4(2), left: 0);
        Announce(core, 1, IPv4(3));
        Assert.Equal([IPv4(3)], Announce(core, 1, IPv4(1), left: 0).Peers);
        Assert.Equal(2, Announce(core, 1, IPv4(3)).Peers.Count);
    }

    [Fact]
    public void Families_are_kept_apart_and_counted_together()
    {
        var core = Core();
        Announce(core, 1, IPv4(1), left: 0);
        Announce(core, 1, IPv6(1), left: 0);
        Announce(core, 1, IPv6(2));
        var (answer, peers) = Announce(core, 1, IPv6(3));
        Assert.Equal([IPv6(1), IPv6(2)], peers.Order());
        Assert.Equal(PeerAddressKind.IPv6, answer.PeerKind);
        Assert.Equal((2, 2), (answer.SeederCount, answer.LeecherCount));
        Assert.Equal([IPv4(1)], Announce(core, 1, IPv4(2)).Peers);
    }

    [Fact]
    public void A_rank_is_a_peer_like_any_other()
    {
        var core = Core();
        var request = new AnnounceRequest(Swarm(1), default, 0, PeerAddress.FromRank(3), Left: 1);
        core.Handle(At(0), request, _buffer);
        var answer = core.Handle(At(0), request with { Address = PeerAddress.FromRank(70_000) }, _buffer);
        Assert.Equal(1, answer.PeerCount);
        Assert.Equal(PeerAddressKind.Rank, answer.PeerKind);
        Assert.Equal(3, BinaryPrimitives.ReadInt32BigEndian(_buffer));
    }

    [Fact]
    public void Who_stops_is_gone_at_once()
    {
        var core = Core();
        Announce(core, 1, IPv4(1));
        Announce(core, 1, IPv4(2));
        var (answer, peers) = Announce(core, 1, IPv4(1), announceEvent: AnnounceEvent.Stopped);
        Assert.Empty(peers);
        Assert.Equal(1, answer.LeecherCount);
        Assert.Empty(Announce(core, 1, IPv4(2)).Peers);
    }

    [Fact]
    public void A_download_counts_once_however_often_it_is_told()
    {
        var core = Core();
        Announce(core, 1, IPv4(1), announceEvent: AnnounceEvent.Started);
        Announce(core, 1, IPv4(1), left: 0, announceEvent: AnnounceEvent.Completed);
        Announce(core, 1, IPv4(1), left: 0, announceEvent: AnnounceEvent.Completed);
        Announce(core, 1, IPv4(2), left: 5, announceEvent: AnnounceEvent.Completed);
        Assert.Equal(new SwarmCounts(1, 1, 1), core.Scrape(At(0), Swarm(1)));
        Assert.Equal(1, core.Statistics.DownloadCount);
    }

    [Theory]
    [InlineData(-1, 50)]
    [InlineData(0, 0)]
    [InlineData(7, 7)]
    [InlineData(int.MaxValue, 200)]
    public void As_many_peers_are_given_as_are_wanted_within_bounds(int wanted, int given)
    {
        var core = Core();
        for (var i = 0; i < 500; i++)
        {
            Announce(core, 1, IPv4(i));
        }

        var (answer, peers) = Announce(core, 1, IPv4(0), wanted: wanted);
        Assert.Equal(given, answer.PeerCount);
        Assert.Equal(given, peers.Distinct().Count());
    }

    [Fact]
    public void Every_peer_is_drawn_as_often_as_any_other()
    {
        const int Peers = 75;
        const int Draws = 20_000;
        var core = Core();
        for (var i = 0; i < Peers; i++)
        {
            Announce(core, 1, IPv4(i), left: i % 3);
        }

        var times = new Dictionary<PeerAddress, int>();
        for (var i = 0; i < Draws; i++)
        {
            foreach (var peer in Announce(core, 1, IPv4(1), wanted: 50).Peers)
            {
                times[peer] = times.GetValueOrDefault(peer) + 1;
            }
        }

        // 74 others, 50 drawn: about 13,514 times each, with a deviation of 66.
        Assert.Equal(Peers - 1, times.Count);
        Assert.All(times.Values, count => Assert.InRange(count, (Draws * 50 / 74) - 450, (Draws * 50 / 74) + 450));
    }

    [Fact]
    public void Silent_peers_expire_and_their_swarm_with_them()
    {
        var core = Core(new TrackerPolicy { PeerTimeout = TimeSpan.FromMinutes(64) });
        Announce(core, 1, IPv4(1), minutes: 0);
        Announce(core, 1, IPv4(2), minutes: 10);
        Announce(core, 2, IPv6(3), minutes: 10, left: 0);
        Assert.Equal(2, Announce(core, 1, IPv4(4), minutes: 64).Peers.Count);
        Assert.Equal([IPv4(2)], Announce(core, 1, IPv4(4), minutes: 65).Peers);
        core.Expire(At(80));
        Assert.Equal((1, 1, 0), (core.Statistics.SwarmCount, core.Statistics.PeerCount, core.Statistics.SeederCount));
        core.Expire(At(200_000));
        Assert.Equal((0, 0), (core.Statistics.SwarmCount, core.Statistics.PeerCount));
    }

    [Fact]
    public void A_full_tracker_says_so_and_still_serves_whom_it_knows()
    {
        var core = Core(swarms: 1, peers: 2);
        Announce(core, 1, IPv4(1));
        var (noSwarm, _) = Announce(core, 2, IPv4(1));
        Assert.Equal(("this tracker is full: too many swarms", 30), (noSwarm.Failure, noSwarm.RetryMinutes));
        Announce(core, 1, IPv4(2));
        var (noPeer, _) = Announce(core, 1, IPv4(3));
        Assert.Equal("this tracker is full: too many peers", noPeer.Failure);
        Assert.Null(Announce(core, 1, IPv4(1), left: 0).Answer.Failure);
        Announce(core, 1, IPv4(2), announceEvent: AnnounceEvent.Stopped);
        Assert.Null(Announce(core, 1, IPv4(3)).Answer.Failure);
    }

    [Fact]
    public void Lists_say_which_swarms_are_served()
    {
        var core = Core(new TrackerPolicy { Allowed = new HashSet<InfoHash> { Swarm(1), Swarm(2) }, Denied = new HashSet<InfoHash> { Swarm(2) } });
        Assert.Null(Announce(core, 1, IPv4(1)).Answer.Failure);
        Assert.Equal("this tracker does not serve this info-hash", Announce(core, 2, IPv4(1)).Answer.Failure);
        Assert.Equal(0, Announce(core, 3, IPv4(1)).Answer.RetryMinutes);
        Assert.Equal(2, core.Statistics.RefusalCount);
    }

    [Fact]
    public void Port_zero_is_refused() => Assert.NotNull(Announce(Core(), 1, IPv4(1).WithPort(0)).Answer.Failure);

    [Fact]
    public void The_same_seed_gives_the_same_answers()
    {
        var (one, other) = (Core(seed: 7), Core(seed: 7));
        for (var i = 0; i < 2000; i++)
        {
            var first = Announce(one, i % 5, IPv4(i % 400), left: i % 7, minutes: i);
            var second = Announce(other, i % 5, IPv4(i % 400), left: i % 7, minutes: i);
            Assert.Equal(first.Answer, second.Answer);
            Assert.Equal(first.Peers, second.Peers);
        }
    }

    [Fact]
    public void Announces_and_scrapes_allocate_nothing()
    {
        var core = Core();
        var swarm = Swarm(1);
        var addresses = Enumerable.Range(0, 300).Select(i => (i & 1) == 0 ? IPv4(i) : IPv6(i)).ToArray();
        void Round(double minutes)
        {
            for (var i = 0; i < 3000; i++)
            {
                var peer = addresses[i % addresses.Length];
                var request = new AnnounceRequest(swarm, default, peer.Port, peer, Left: i % 3, Event: (AnnounceEvent)(i % 4));
                core.Handle(At(minutes), request, _buffer);
                core.Scrape(At(minutes), swarm);
            }
        }

        Round(0);
        Round(1);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Round(2);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void Peers_and_swarms_cost_tens_of_bytes()
    {
        var many = Core(swarms: 100_000, peers: 1_000_000);
        for (var i = 0; i < 100_000; i++)
        {
            Announce(many, i, IPv4(1));
        }

        Assert.InRange(many.Statistics.TableBytes / 100_000.0, 80, 130);
        var large = Core(swarms: 100_000, peers: 1_000_000);
        for (var i = 0; i < 200_000; i++)
        {
            Announce(large, i % 100, IPv4(i), wanted: 0);
        }

        Assert.InRange(large.Statistics.TableBytes / 200_000.0, 8, 24);
    }
}
