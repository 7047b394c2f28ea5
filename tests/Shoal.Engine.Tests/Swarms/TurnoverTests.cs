using Shoal.Engine.Swarms;

namespace Shoal.Engine.Tests.Swarms;

/// <summary>Swarms of more peers than one has links: nobody may be shut out.</summary>
public sealed class TurnoverTests
{
    private const int PieceLength = 4 * 1024;
    private const int LinkCount = 6;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Peers_that_come_one_after_the_other_form_no_closed_circles(int seed)
    {
        var world = new World((ulong)seed, 20 * PieceLength, PieceLength);
        static SwarmOptions Few(SwarmOptions options) => options with { MaximumConnectionCount = LinkCount };
        for (var i = 0; i < 40; i++)
        {
            var peer = world.Add(isSeeder: i == 0, Few);
            peer.Start();
            foreach (var earlier in world.Hosts.Where(other => other != peer))
            {
                peer.Meet(earlier);
            }

            world.RunUntil(() => false, TimeSpan.FromMilliseconds(100));
        }

        Assert.True(
            world.RunUntil(() => world.Hosts.TrueForAll(host => host.Swarm.Phase == SwarmPhase.Seeding), TimeSpan.FromMinutes(10)),
            $"{world.Hosts.Count(host => !host.IsComplete)} are still without at {world.Now}");
    }

    [Fact]
    public void Half_of_the_links_are_left_to_those_who_come_later()
    {
        var world = new World(1, 20 * PieceLength, PieceLength);
        for (var i = 0; i < 20; i++)
        {
            world.Add(); // nobody has anything: no link is dropped for being done with
        }

        var peer = world.Add(options: options => options with { MaximumConnectionCount = LinkCount });
        world.Hosts.ForEach(host => host.Start());
        world.Hosts.ForEach(peer.Meet);
        world.RunUntil(() => false, TimeSpan.FromSeconds(2));

        Assert.Equal(LinkCount / 2, peer.Swarm.Status().Peers.Count);
    }
}
