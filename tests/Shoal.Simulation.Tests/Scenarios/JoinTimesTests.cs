using Shoal.Engine;
using Shoal.Simulation.Scenarios;

namespace Shoal.Simulation.Tests.Scenarios;

/// <summary>When the peers of a class come.</summary>
public sealed class JoinTimesTests
{
    private static readonly PeerClass Some = new() { Name = "some", UpBytesPerSecond = 1, DownBytesPerSecond = 1 };

    [Fact]
    public void They_come_evenly_spread_from_the_first_to_the_last() => Assert.Equal(
        [3, 4, 5, 6, 7],
        Seconds(Some with { Count = 5, JoinAt = TimeSpan.FromSeconds(3), JoinWithin = TimeSpan.FromSeconds(4) }, seed: 1));

    [Fact]
    public void One_alone_comes_at_once() =>
        Assert.Equal([3], Seconds(Some with { JoinAt = TimeSpan.FromSeconds(3), JoinWithin = TimeSpan.FromSeconds(4) }, seed: 1));

    [Fact]
    public void By_a_Poisson_process_so_many_come_in_a_second_on_the_mean()
    {
        var poisson = Some with { Count = 40_000, JoinAt = TimeSpan.FromSeconds(3), ArrivalsPerSecond = 20 };
        var times = Seconds(poisson, seed: 1);

        Assert.Equal(times.Order(), times);
        Assert.InRange(times[0], 3, 4);
        Assert.InRange(times[^1] - 3, 0.975 * 2000, 1.025 * 2000); // five times 2000 s / √40,000
        // In each second a number with variance as mean: that is what makes it Poisson.
        var counts = Enumerable.Range(3, 1900).Select(second => times.Count(time => time >= second && time < second + 1)).ToArray();
        Assert.InRange(counts.Average(), 19.4, 20.6);
        Assert.InRange(counts.Average(count => Math.Pow(count - 20, 2)), 16, 24);

        Assert.Equal(times, Seconds(poisson, seed: 1));
        Assert.NotEqual(times, Seconds(poisson, seed: 2));
    }

    [Theory]
    [InlineData(1e-12)]
    [InlineData(1e-7)]
    [InlineData(double.Epsilon)]
    public void However_slowly_they_come_nobody_comes_before_another(double perSecond)
    {
        var times = Seconds(Some with { Count = 100_000, ArrivalsPerSecond = perSecond }, seed: 1);

        Assert.True(times[0] > TimeSpan.FromHours(1).TotalSeconds);
        Assert.Equal(times.Order(), times);
    }

    private static double[] Seconds(PeerClass peers, ulong seed)
    {
        var joins = new JoinTimes(new Prng(seed));
        return [.. Enumerable.Range(0, peers.Count).Select(_ => joins.Next(peers).Nanoseconds / 1e9)];
    }
}
