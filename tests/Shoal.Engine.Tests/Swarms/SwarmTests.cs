using Shoal.Engine.Swarms;
using Shoal.Protocol.Wire;

namespace Shoal.Engine.Tests.Swarms;

/// <summary>Whole swarms in memory: what a user would notice of the engine's decisions.</summary>
public sealed class SwarmTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(30);

    private const int PieceLength = 8 * 1024;

    [Fact]
    public void A_leecher_gets_everything_from_a_seeder()
    {
        var world = new World(1, (40 * PieceLength) + 123, PieceLength);
        var seeder = world.Add(isSeeder: true);
        var leecher = world.Add();
        StartAll(world);
        leecher.Meet(seeder);

        Assert.True(world.RunUntil(() => leecher.IsComplete, Limit), Describe(world));

        Assert.Equal(world.Content, leecher.Disk);
        Assert.Equal(world.Content.Length, leecher.Swarm.Status().DownloadedBytes);
        Assert.Equal(0, leecher.Swarm.Status().WastedBytes);
    }

    [Fact]
    public void The_first_block_is_asked_for_without_waiting_for_a_choke_round()
    {
        var world = new World(1, 4 * PieceLength, PieceLength);
        var seeder = world.Add(isSeeder: true);
        var leecher = world.Add();
        StartAll(world);
        world.RunUntil(() => false, TimeSpan.FromSeconds(3)); // the seeder's first round is long over
        leecher.Meet(seeder);

        // connect, handshake there and back, interested, unchoke, request, block, disk: a dozen latencies, no round
        Assert.True(world.RunUntil(() => leecher.IsComplete, TimeSpan.FromMilliseconds(150)), Describe(world));
    }

    [Fact]
    public void Leechers_help_each_other_so_the_seeder_gives_little_more_than_one_copy()
    {
        var world = new World(2, 200 * PieceLength, PieceLength);
        var seeder = world.Add(isSeeder: true, options: o => o with { UploadSlotCount = 4 });
        for (var i = 0; i < 8; i++)
        {
            world.Add();
        }

        StartAll(world);
        MeetAll(world);

        Assert.True(world.RunUntil(() => world.Hosts.TrueForAll(h => h.IsComplete), Limit), Describe(world));

        Assert.All(world.Hosts, host => Assert.Equal(world.Content, host.Disk));
        Assert.InRange(seeder.Swarm.Status().UploadedBytes, world.Content.Length, 4L * world.Content.Length);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_magnet_link_gets_its_metadata_from_peers(bool withFast)
    {
        var world = new World(3, 20 * PieceLength, PieceLength);
        var seeder = world.Add(isSeeder: true);
        var leecher = world.Add(knowsContent: false);
        leecher.Introduces = h => h with { SupportsFast = withFast };
        seeder.Introduces = h => h with { SupportsFast = withFast };
        StartAll(world);
        leecher.Meet(seeder);

        Assert.True(world.RunUntil(() => leecher.IsComplete, Limit), Describe(world));
        Assert.Equal(world.Content, leecher.Disk);
    }

    [Fact]
    public void Two_who_have_only_the_info_hash_both_learn_it_from_a_third()
    {
        var world = new World(4, 20 * PieceLength, PieceLength);
        world.Add(isSeeder: true);
        world.Add(knowsContent: false);
        world.Add(knowsContent: false);
        StartAll(world);
        MeetAll(world);

        Assert.True(world.RunUntil(() => world.Hosts.TrueForAll(h => h.IsComplete), Limit), Describe(world));
    }

    [Fact]
    public void A_peer_that_sends_bad_pieces_is_found_out_and_banned_and_nobody_else_is()
    {
        for (ulong seed = 0; seed < 20; seed++)
        {
            var world = new World(seed, 60 * PieceLength, PieceLength);
            world.Add(isSeeder: true);
            var liar = world.Add(isSeeder: true);
            liar.Corrupts = _ => true;
            world.Add(isSeeder: true);
            var leecher = world.Add();
            StartAll(world);
            MeetAll(world);

            Assert.True(world.RunUntil(() => leecher.IsComplete, Limit), $"seed {seed}: {Describe(world)}");

            Assert.Equal(world.Content, leecher.Disk);
            var banned = leecher.Events.OfType<SwarmEvent.PeerBanned>().Select(e => e.Address).Distinct();
            Assert.Equal([liar.Address], banned);
        }
    }

    [Fact]
    public void A_peer_that_swallows_requests_does_not_hold_up_the_rest()
    {
        var world = new World(5, 60 * PieceLength, PieceLength);
        world.Add(isSeeder: true);
        var sink = world.Add(isSeeder: true, options: o => o with { UploadSlotCount = int.MaxValue });
        sink.DiskTime = () => TimeSpan.FromDays(1);
        var leecher = world.Add();
        StartAll(world);
        MeetAll(world);

        Assert.True(world.RunUntil(() => leecher.IsComplete, TimeSpan.FromMinutes(2)), Describe(world));
        Assert.Equal(world.Content, leecher.Disk);
    }

    [Fact]
    public void Two_slots_suffice_for_many_peers_since_stalled_pieces_yield()
    {
        var world = new World(6, 60 * PieceLength, PieceLength);
        for (var i = 0; i < 6; i++)
        {
            var seeder = world.Add(isSeeder: true);
            var served = 0;
            // Each serves a few blocks and then falls silent, so that pieces stall half-way.
            seeder.Swallows = m => m.Kind == PeerMessageKind.Unchoke && ++served > 3;
        }

        var leecher = world.Add(options: o => o with { BufferBytes = 1 });
        world.Later(TimeSpan.FromSeconds(90), () =>
        {
            var last = world.Add(isSeeder: true);
            last.Start();
            leecher.Meet(last);
        });
        foreach (var seeder in world.Hosts.Take(6))
        {
            world.Later(TimeSpan.FromSeconds(1 + seeder.Number), seeder.BreakAll);
        }

        StartAll(world);
        MeetAll(world);

        Assert.True(world.RunUntil(() => leecher.IsComplete, Limit), Describe(world));
        Assert.Equal(world.Content, leecher.Disk);
        Assert.InRange(leecher.MostSlots, 1, 2);
    }

    [Fact]
    public void A_full_disk_pauses_and_loses_nothing()
    {
        var world = new World(7, 60 * PieceLength, PieceLength);
        var seeder = world.Add(isSeeder: true);
        var leecher = world.Add();
        leecher.DiskError = () => world.Now < Instant.Zero + TimeSpan.FromSeconds(20) ? "disk full" : null;
        StartAll(world);
        leecher.Meet(seeder);

        Assert.True(world.RunUntil(() => leecher.IsComplete, Limit), Describe(world));

        Assert.Equal(world.Content, leecher.Disk);
        Assert.Equal("disk full", Assert.IsType<SwarmEvent.Paused>(leecher.Events.Find(e => e is SwarmEvent.Paused)).Reason);
        Assert.Contains(leecher.Events, e => e is SwarmEvent.Resumed);
        Assert.Equal(world.Content.Length, leecher.Swarm.Status().DownloadedBytes); // nothing fetched twice
    }

    [Fact]
    public void Peers_that_vanish_and_links_that_break_do_not_keep_the_rest_from_completing()
    {
        for (ulong seed = 0; seed < 30; seed++)
        {
            var world = new World(seed, 80 * PieceLength, PieceLength);
            world.Add(isSeeder: true);
            for (var i = 0; i < 6; i++)
            {
                world.Add(knowsContent: i % 2 == 0, options: o => o with { BufferBytes = 4 * PieceLength });
            }

            for (var i = 0; i < 12; i++)
            {
                var host = world.Hosts[world.Prng.Next(world.Hosts.Count)];
                world.Later(TimeSpan.FromMilliseconds(world.Prng.Next(4000)), host.BreakAll);
            }

            var victim = world.Hosts[6];
            world.Later(TimeSpan.FromMilliseconds(world.Prng.Next(3000)), victim.Kill);
            StartAll(world);
            MeetAll(world);

            Assert.True(
                world.RunUntil(() => world.Hosts.TrueForAll(h => h.IsComplete || h == victim), Limit),
                $"seed {seed}: {Describe(world)}");
            Assert.All(world.Hosts.Where(h => h != victim), host => Assert.Equal(world.Content, host.Disk));
        }
    }

    [Fact]
    public void A_connection_to_oneself_and_a_double_connection_are_let_go()
    {
        var world = new World(8, 400 * PieceLength, PieceLength);
        var seeder = world.Add(isSeeder: true);
        var leecher = world.Add();
        leecher.DiskTime = () => TimeSpan.FromMilliseconds(200); // long enough to look at
        StartAll(world);
        leecher.Meet(leecher);
        leecher.Meet(seeder);
        seeder.Meet(leecher);
        world.RunUntil(() => false, TimeSpan.FromMilliseconds(200));

        Assert.Equal(seeder.Number, Assert.Single(leecher.Swarm.Status().Peers).Address.Rank);
        Assert.Equal(leecher.Number, Assert.Single(seeder.Swarm.Status().Peers).Address.Rank);
        Assert.True(world.RunUntil(() => leecher.IsComplete, Limit), Describe(world));
    }

    [Fact]
    public void A_polite_stop_tells_the_tracker_and_saves_what_is_half_done()
    {
        var world = new World(9, 40 * PieceLength, PieceLength);
        var seeder = world.Add(isSeeder: true);
        var leecher = world.Add(options: o => o with { Trackers = [["http://tracker/announce"]] });
        StartAll(world);
        leecher.Meet(seeder);
        Assert.True(world.RunUntil(() => leecher.Swarm.Status().DownloadedBytes > (5 * PieceLength) + 3000, Limit));

        leecher.Tell(new Input(InputKind.Stop));
        Assert.True(world.RunUntil(() => leecher.Swarm.Phase == SwarmPhase.Stopped, TimeSpan.FromSeconds(20)), Describe(world));

        Assert.Equal([AnnounceKind.Started, AnnounceKind.Stopped], leecher.Announces.Select(a => a.Kind));
        var stopped = Assert.Single(leecher.Events.OfType<SwarmEvent.Stopped>());
        foreach (var (piece, blocks) in stopped.Partial)
        {
            for (var block = blocks.NextSet(0); block >= 0; block = blocks.NextSet(block + 1))
            {
                var range = world.Layout.BlockAt(piece, block);
                var offset = (int)world.Layout.OffsetOf(piece) + range.Begin;
                Assert.Equal(world.Content.AsSpan(offset, range.Length), leecher.Disk.AsSpan(offset, range.Length));
            }
        }
    }

    [Fact]
    public void The_same_seed_gives_the_same_run()
    {
        static string Run()
        {
            var world = new World(10, 60 * PieceLength, PieceLength);
            world.Add(isSeeder: true);
            for (var i = 0; i < 5; i++)
            {
                world.Add();
            }

            StartAll(world);
            MeetAll(world);
            world.RunUntil(() => world.Hosts.TrueForAll(h => h.IsComplete), Limit);
            return string.Join('\n', world.Hosts.SelectMany(h => h.Events)) + world.Now;
        }

        Assert.Equal(Run(), Run());
    }

    private static void StartAll(World world) => world.Hosts.ForEach(host => host.Start());

    private static void MeetAll(World world)
    {
        foreach (var host in world.Hosts)
        {
            foreach (var other in world.Hosts.Where(other => other.Number < host.Number))
            {
                host.Meet(other);
            }
        }
    }

    private static string Describe(World world) =>
        string.Join("; ", world.Hosts.Select(h => $"{h.Number}: {h.Swarm.Phase} {h.Swarm.Status().HaveCount}/{world.Layout.PieceCount} " +
            $"({string.Join(", ", h.Events.Where(e => e is SwarmEvent.PeerDisconnected or SwarmEvent.PeerBanned or SwarmEvent.Paused).Take(5))})"));
}
