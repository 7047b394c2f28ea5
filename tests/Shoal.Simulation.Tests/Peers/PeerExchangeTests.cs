using Shoal.Engine;
using Shoal.Simulation.Faults;
using Shoal.Simulation.Scenarios;

namespace Shoal.Simulation.Tests.Peers;

/// <summary>A swarm whose tracker names each peer one other, and no more: the rest they must tell each other (BEP 11).</summary>
public sealed class PeerExchangeTests
{
    private const int LeecherCount = 20;

    [Fact]
    public void Peers_that_know_one_other_find_all_by_telling_each_other()
    {
        Assert.InRange(LinksAfterMinutes(exchangesPeers: false), LeecherCount, 4 * LeecherCount);
        // All with all would be 420 ends of links.
        Assert.InRange(LinksAfterMinutes(exchangesPeers: true), 400, 420);
    }

    [Fact]
    public void A_liar_that_names_peers_nobody_has_seen_does_not_keep_them_apart() =>
        Assert.InRange(LinksAfterMinutes(exchangesPeers: true, new PeerClass
        {
            Name = "liars", Count = 3, Behavior = Behavior.Liar, UpBytesPerSecond = 100_000, DownBytesPerSecond = 100_000,
        }), 400, 3 * 420);

    // The ends of all honest peers' links, which are to one another but for those to liars.
    private static int LinksAfterMinutes(bool exchangesPeers, params PeerClass[] others)
    {
        var scenario = new Scenario
        {
            ContentLength = 40_000_000,
            PieceLength = 32_768,
            BlockLength = 16_384,
            // So slow that they are all leechers for the time that it takes.
            Classes =
            [
                new PeerClass { Name = "seeder", IsSeeder = true, UpBytesPerSecond = 50_000, DownBytesPerSecond = 50_000 },
                new PeerClass { Name = "leechers", Count = LeecherCount, UpBytesPerSecond = 50_000, DownBytesPerSecond = 100_000, JoinWithin = TimeSpan.FromSeconds(20) },
                .. others,
            ],
        };
        var world = new World(
            scenario, new Adversity { HasEndpoints = true, ExchangesPeers = exchangesPeers }, (_, _, machine) => new NamesOne(machine));
        while (world.Now < Instant.Zero + TimeSpan.FromMinutes(5))
        {
            Assert.True(world.Step());
        }

        return world.Peers.Where(peer => peer.Class.Behavior == Behavior.Honest).Sum(peer => peer.Status!.Peers.Count);
    }

    // Hears of the first peer that the tracker names it, and of no other.
    private sealed class NamesOne(IMachine inner) : IMachine
    {
        public Instant Deadline => inner.Deadline;

        public void Handle(Instant now, in Input input) => inner.Handle(now, input is { Kind: InputKind.Announced, Detail: AnnounceResult result }
            ? input with { Detail = result with { Peers = [.. (result.Peers ?? []).Take(1)] } }
            : input);

        public bool TryPoll(out Output output) => inner.TryPoll(out output);
    }
}
