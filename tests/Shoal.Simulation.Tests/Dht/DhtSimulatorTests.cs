using Shoal.Simulation.Dht;

namespace Shoal.Simulation.Tests.Dht;

/// <summary>Many DHT nodes that come and go find what others announced, in few hops.</summary>
public sealed class DhtSimulatorTests(ITestOutputHelper output)
{
    private static readonly DhtScene Small = new(500, Seed: 1)
    {
        Growth = TimeSpan.FromSeconds(30), Rest = TimeSpan.FromSeconds(30), LookupCount = 100, Gap = TimeSpan.FromSeconds(20),
    };

    [Fact]
    public void Nearly_all_lookups_find_the_peer_in_few_hops_while_nodes_come_and_go()
    {
        var result = DhtSimulator.Run(Small);
        Assert.InRange(result.Lookups.Count, 95, 100);
        Assert.True(result.JoinCount > Small.NodeCount, "nobody left");
        Assert.InRange(result.FoundShare, 0.97, 1);
        // The logarithm of 500 to the base 2 is 9; buckets of 8 spare three bits of it.
        Assert.InRange(result.HopsAt(0.99), 1, 6);
    }

    [Fact]
    public void The_same_seed_gives_the_same_run_and_another_does_not()
    {
        var scene = Small with { NodeCount = 100, LookupCount = 20 };
        var result = DhtSimulator.Run(scene);
        var again = DhtSimulator.Run(scene);
        Assert.Equal(result.Lookups, again.Lookups);
        Assert.Equal((result.JoinCount, result.PacketCount, result.Fingerprint), (again.JoinCount, again.PacketCount, again.Fingerprint));
        Assert.NotEqual(result.Fingerprint, DhtSimulator.Run(scene with { Seed = 2 }).Fingerprint);
    }

    // Too long for every run: the numbers in docs/dht.md.
    [Theory(Explicit = true)]
    [InlineData(100)]
    [InlineData(1000)]
    [InlineData(10_000)]
    public void Measure(int nodeCount)
    {
        var result = DhtSimulator.Run(new DhtScene(nodeCount, Seed: 1));
        output.WriteLine(
            $"{nodeCount} nodes, {result.JoinCount} came, {result.PacketCount} packets, {result.Lookups.Count} lookups, found {result.FoundShare:P1}, " +
            $"hops median {result.HopsAt(0.5)} 99th percentile {result.HopsAt(0.99)} most {result.HopsAt(1)}, " +
            $"queries {result.Lookups.Average(lookup => lookup.QueryCount):F1}, " +
            $"median to the peer {Median(result, lookup => lookup.FirstPeerAfter)}, to the end {Median(result, lookup => lookup.Duration)}");
        Assert.InRange(result.FoundShare, 0.97, 1);
    }

    private static TimeSpan Median(DhtSceneResult result, Func<DhtLookupMeasure, TimeSpan> time) =>
        result.Lookups.Select(time).Order().ElementAt(result.Lookups.Count / 2);
}
