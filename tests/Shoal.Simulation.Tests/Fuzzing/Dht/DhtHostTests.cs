using Shoal.Simulation.Fuzzing.Dht;

namespace Shoal.Simulation.Tests.Fuzzing.Dht;

/// <summary>The hosts of the simulated DHT.</summary>
public sealed class DhtHostTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Each_is_in_a_neighbourhood_of_its_own(bool isIPv6) =>
        Assert.Equal(1000, Enumerable.Range(0, 1000).Select(number => DhtHost.NeighbourhoodOf(DhtHost.AddressOf(number, isIPv6))).Distinct().Count());
}
