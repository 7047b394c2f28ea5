using Shoal.Engine;
using Shoal.Simulation.Faults;
using Shoal.Simulation.Scenarios;

namespace Shoal.Simulation.Tests.Peers;

/// <summary>
/// A swarm whose tracker names each peer one other, and no more: the rest they must tell each other (BEP 11). Or nobody: then they must find
/// each other on the wire that they share (BEP 14).
/// </summary>
public sealed class PeerExchangeTests
{
    private const int LeecherCount = 20;
    private static readonly Adversity Exchanging = new() { ExchangesPeers = true };

    [Fact]
    public void Peers_that_know_one_other_find_all_by_telling_each_other()
    {
        Assert.InRange(LinksAfterMinutes(new Adversity()), LeecherCount, 4 * LeecherCount);
        // All with all would be 420 ends of links.
        Assert.InRange(LinksAfterMinutes(Exchanging), 400, 420);
    }

    [Fact]
    public void A_liar_that_names_peers_nobody_has_seen_does_not_keep_them_apart() =>
        Assert.InRange(LinksAfterMinutes(Exchanging, others: new PeerClass
        {
            Name = "liars", Count = 3, Behavior = Behavior.Liar, UpBytesPerSecond = 100_000, DownBytesPerSecond = 100_000,
        }), 400, 3 * 420);

    [Fact]
    public void Peers_that_nobody_names_find_each_other_on_one_wire()
    {
        Assert.Equal(0, LinksAfterMinutes(new Adversity(), namedCount: 0));
        // A datagram of five gets lost, and here not all have to meet.
        Assert.InRange(LinksAfterMinutes(new Adversity { LooksAround = true }, namedCount: 0), 300, 420);
    }

    // The ends of all honest peers' links, which are to one another but for those to liars.
    private static int LinksAfterMinutes(Adversity adversity, int namedCount = 1, params PeerClass[] others)
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
        var world = new World(scenario, adversity with { HasEndpoints = true }, (_, _, machine) => new NamesFew(machine, namedCount));
        while (world.Now < Instant.Zero + TimeSpan.FromMinutes(5))
        {
            Assert.True(world.Step());
        }

        return world.Peers.Where(peer => peer.Class.Behavior == Behavior.Honest).Sum(peer => peer.Status!.Peers.Count);
    }

    // Hears of the first peers that the tracker names it, and of no other.
    private sealed class NamesFew(IMachine inner, int count) : IMachine
    {
        public Instant Deadline => inner.Deadline;

        public void Handle(Instant now, in Input input) => inner.Handle(now, input is { Kind: InputKind.Announced, Detail: AnnounceResult result }
            ? input with { Detail = result with { Peers = [.. (result.Peers ?? []).Take(count)] } }
            : input);

        public bool TryPoll(out Output output) => inner.TryPoll(out output);
    }
}
