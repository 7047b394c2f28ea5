using Shoal.Engine;
using Shoal.Simulation.Network;

namespace Shoal.Simulation.Tests.Network;

public sealed class SlowStartTests
{
    private static readonly Instant Begin = new(7_000_000_000);

    private static Instant After(double milliseconds) => Begin + TimeSpan.FromMilliseconds(milliseconds);

    [Fact]
    public void Ten_segments_in_the_first_round_trip_and_twice_as_many_in_each_next()
    {
        var start = new SlowStart(Begin, TimeSpan.FromMilliseconds(100), 1_000_000);
        Assert.Equal(146_000, start.CapAt(Begin));
        Assert.Equal(146_000, start.CapAt(After(99)));
        Assert.Equal(After(100), start.NextChange(After(99)));
        Assert.Equal(292_000, start.CapAt(After(100)));
        Assert.Equal(After(200), start.NextChange(After(100)));
        Assert.Equal(584_000, start.CapAt(After(250)));
        Assert.False(start.IsDone(After(299)));
        Assert.True(start.IsDone(After(300)));
        Assert.Equal(long.MaxValue, start.CapAt(After(300)));
        Assert.Equal(Instant.Never, start.NextChange(After(300)));
        Assert.True(start.IsDone(After(1e9)));
    }

    [Theory]
    [InlineData(4, 5)] // 2^5 - 1 windows in 20 ms
    [InlineData(2, 10)]
    [InlineData(1, 20)]
    public void Short_round_trips_are_summed_up_to_the_quantum(int roundTripMilliseconds, int roundTripCount)
    {
        var start = new SlowStart(Begin, TimeSpan.FromMilliseconds(roundTripMilliseconds), long.MaxValue);
        Assert.Equal(After(10), start.NextChange(Begin));
        var sent = (start.CapAt(Begin) + start.CapAt(After(10))) / 100; // each for 10 ms
        Assert.InRange(sent, (14_600L * ((1L << roundTripCount) - 1)) - 1, 14_600L * ((1L << roundTripCount) - 1));
    }

    [Fact]
    public void Without_a_round_trip_there_is_no_slow_start()
    {
        Assert.True(new SlowStart(Begin, TimeSpan.Zero, long.MaxValue).IsDone(Begin));
        Assert.True(new SlowStart(Begin, TimeSpan.FromTicks(1), long.MaxValue).IsDone(Begin));
    }

    [Fact]
    public void A_flow_in_slow_start_gets_its_share_when_the_cap_is_above_it()
    {
        var shares = new FairShares();
        var link = shares.AddResource(1_000_000);
        int[] flows = [shares.AddFlow([link]), shares.AddFlow([link])];
        shares.SetActive(flows[0], true);
        shares.SetActive(flows[1], true);
        var start = new SlowStart(Begin, TimeSpan.FromMilliseconds(50), 1_000_000);
        var table = new List<(long Old, long New)>();
        for (var now = Begin; now != Instant.Never; now = start.NextChange(now))
        {
            shares.SetCap(flows[1], start.CapAt(now));
            shares.Recompute();
            table.Add((shares.RateOf(flows[0]), shares.RateOf(flows[1])));
        }

        Assert.Equal([(708_000, 292_000), (500_000, 500_000), (500_000, 500_000)], table);
    }
}
