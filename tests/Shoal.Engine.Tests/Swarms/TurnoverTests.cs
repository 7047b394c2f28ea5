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
    public void Peers_that_know_each_other_first_form_no_closed_circles(int seed)
    {
        var world = new World((ulong)seed, 20 * PieceLength, PieceLength);
        static SwarmOptions Few(SwarmOptions options) => options with { MaximumConnectionCount = LinkCount };
        // Each circle of as many as know each other first could fill all its links by itself.
        for (var i = 0; i < 5 * (LinkCount + 1); i++)
        {
            world.Add(isSeeder: i == 0, Few).Start();
        }

        foreach (var circle in world.Hosts.Chunk(LinkCount + 1))
        {
            Array.ForEach(circle, peer => Array.ForEach(circle, other => Meet(peer, other)));
        }

        world.RunUntil(() => false, TimeSpan.FromSeconds(2));
        world.Hosts.ForEach(peer => world.Hosts.ForEach(other => Meet(peer, other)));

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

    private static void Meet(Host peer, Host other)
    {
        if (peer.Number > other.Number)
        {
            peer.Meet(other);
        }
    }
}
