using Shoal.Engine;
using Shoal.Simulation.Results;
using Shoal.Simulation.Scenarios;

namespace Shoal.Simulation.Tests.Results;

/// <summary>The bound against tables worked out by hand, and against what no run can beat.</summary>
public class LowerBoundTests
{
    private const double Line = Made.Line;
    private const double Answered = 1 + Made.Acks;

    [Theory]
    [InlineData(10, 1000, 1000, 100 * Line, "seeders' uplinks")] // F/u_s = 1000/10
    [InlineData(1000, 1000, 20, 50 * Line, "slowest downlink")] // F/d = 1000/20
    [InlineData(100, 25, 1000, 20 * Line * Answered, "all uplinks together")] // 4·1000/(100 + 4·25), and who receives acknowledges
    [InlineData(100, 24, 1000, 4000 / 196.0 * Line, "all uplinks together")] // not where the uplink is far narrower than the downlink
    public void For_a_crowd_that_comes_at_once_it_is_that_of_Kumar_and_Ross(long seedUp, long up, long down, double seconds, string reason)
    {
        var bound = Bound([Made.Seeder(seedUp), Made.Class("l", 4, up, down)], [Made.Seed(), .. Enumerable.Repeat(Made.Peer("l", 0, 100), 4)])!;
        Assert.Equal((Math.Round(seconds, 6), Math.Round(seconds, 6), reason), (bound.Seconds, bound.DurationSeconds, bound.Reason));
    }

    [Fact]
    public void Who_comes_late_is_served_late_and_helps_from_then_on()
    {
        // Seeder 100, leechers 0 up: by 10 s the seeder can have sent 1000, which is one copy; the three who come at 50 s need 3000 more.
        var bound = Bound([Made.Seeder(100), Made.Class("l", 4, 1, 100_000)], [Made.Seed(), Made.Peer("l", 0, 1), .. Enumerable.Repeat(Made.Peer("l", 50, 100), 3)])!;
        // From 50 s on 100 + 4 bytes a second: 3000/104 s.
        Assert.Equal(50 + (3000.0 / 104 * Line), bound.Seconds, 6);
        Assert.Equal("all uplinks together", bound.Reason);
    }

    [Fact]
    public void A_last_one_who_comes_long_after_is_bound_by_its_own_line()
    {
        var bound = Bound([Made.Seeder(1000), Made.Class("l", 2, 1000, 100)], [Made.Seed(), Made.Peer("l", 20, 40), Made.Peer("l", 500, 510)])!;
        Assert.Equal((Math.Round(500 + (10 * Line), 6), Math.Round(480 + (10 * Line), 6), "slowest downlink"), (bound.Seconds, bound.DurationSeconds, bound.Reason));
    }

    [Fact]
    public void Before_the_seeder_is_there_nothing_is_sent()
    {
        var bound = Bound([Made.Seeder(100), Made.Class("l", 1, 1, 1000)], [Made.Seed(joined: 30), Made.Peer("l", 5, 100)])!;
        Assert.Equal((Math.Round(30 + (10 * Line), 6), Math.Round(25 + (10 * Line), 6)), (bound.Seconds, bound.DurationSeconds));
    }

    [Fact]
    public void A_thin_line_between_zones_binds()
    {
        var scenario = Made.Scenario(Made.Seeder(1000) with { Zone = "a" }, Made.Class("l", 2, 1000, 1000) with { Zone = "b" }) with
        {
            Zones = [new Zone("a", 40, 1000, TimeSpan.Zero), new Zone("b", 1000, 50, TimeSpan.Zero)],
        };
        var bound = LowerBound.Of(scenario, Made.Result(Made.Seed(), Made.Peer("l", 0, 30), Made.Peer("l", 0, 30)))!;
        Assert.Equal((Math.Round(25 * Line, 6), "link out of zone a"), (bound.Seconds, bound.Reason));
    }

    [Fact]
    public void Each_rack_without_a_seeder_gets_one_copy_over_its_link()
    {
        var leechers = Made.Class("l", 4, 1000, 1000) with { RackSize = 2, RackBytesPerSecond = 10 };
        var bound = Bound([Made.Seeder(1000), leechers], [Made.Seed(), Made.Peer("l", 0, 200), Made.Peer("l", 0, 200), Made.Peer("l", 7, 200), Made.Peer("l", 8, 200)])!;
        Assert.Equal((Math.Round(7 + (100 * Line), 6), "link of a rack of l"), (bound.Seconds, bound.Reason));
    }

    [Fact]
    public void Free_riders_give_nothing_and_are_not_waited_for()
    {
        var riders = Made.Class("f", 4, 1000, 1000) with { Behavior = Behavior.FreeRider };
        var bound = Bound(
            [Made.Seeder(10), Made.Class("l", 2, 10, 1000), riders],
            [Made.Seed(), Made.Peer("l", 0, 100), Made.Peer("l", 0, 100), .. Enumerable.Repeat(Made.Peer("f", 0, null, isExpected: false), 4)])!;
        Assert.Equal(100 * Line, bound.Seconds, 6); // 1000/10, and not 2·1000/(10 + 20)
        Assert.Equal("seeders' uplinks", bound.Reason);
    }

    [Fact]
    public void Where_nobody_is_waited_for_there_is_none()
    {
        Assert.Null(Bound([Made.Seeder(10), Made.Class("l", 1, 10, 10)], [Made.Seed(), Made.Peer("l", 0, null, isExpected: false)]));
        var absent = Made.Seed() with { JoinedAt = Instant.Never };
        Assert.Null(Bound([Made.Seeder(10), Made.Class("l", 1, 10, 10)], [absent, Made.Peer("l", 0, null)]));
    }

    private static LowerBound? Bound(PeerClass[] classes, PeerResult[] peers) => LowerBound.Of(Made.Scenario(classes), Made.Result(peers));
}
