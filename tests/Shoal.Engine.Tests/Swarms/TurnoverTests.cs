using Shoal.Engine.Swarms;
using Shoal.Protocol.Wire;

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

    [Fact]
    public void Who_comes_where_all_links_are_in_use_gets_that_of_one_that_lies_idle()
    {
        var (stage, peers) = Full(links: 3);
        var tooSoon = stage.Join(11);
        Assert.True(tooSoon.IsClosed); // whoever is there has had no time to prove useful

        stage.Wait(TimeSpan.FromSeconds(31), each: () => Busy(peers[0]));
        var first = stage.Join(12);
        Assert.Equal([false, true, false], peers.Select(peer => peer.IsClosed));
        Assert.True(stage.Join(13).IsClosed); // one at a time
        stage.Wait(TimeSpan.FromSeconds(5), each: () => Busy(peers[0]));
        var second = stage.Join(14);
        Assert.Equal([false, true, true], peers.Select(peer => peer.IsClosed));
        Assert.False(first.IsClosed || second.IsClosed);
    }

    [Fact]
    public void No_link_in_use_makes_room()
    {
        var (stage, peers) = Full(links: 3);
        stage.Wait(TimeSpan.FromSeconds(60), each: () => Array.ForEach(peers, Busy));
        Assert.True(stage.Join(11).IsClosed);
        Assert.DoesNotContain(peers, peer => peer.IsClosed);
    }

    private static (Stage Stage, RawPeer[] Peers) Full(int links)
    {
        var (stage, _) = Stage.Of(
            new World(1, 20 * PieceLength, PieceLength), haveCount: 10, options: options => options with { MaximumConnectionCount = links });
        var peers = Enumerable.Range(1, links).Select(number => stage.Join(number)).ToArray();
        Array.ForEach(peers, peer => peer.Send(PeerMessageKind.Interested));
        return (stage, peers);
    }

    private static void Busy(RawPeer peer)
    {
        peer.Ask(0, 0, 1024);
        peer.Take(1);
    }

    private static void Meet(Host peer, Host other)
    {
        if (peer.Number > other.Number)
        {
            peer.Meet(other);
        }
    }
}
