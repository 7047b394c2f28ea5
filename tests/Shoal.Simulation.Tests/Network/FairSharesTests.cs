using Shoal.Simulation.Network;

namespace Shoal.Simulation.Tests.Network;

/// <summary>Small networks whose rates one can work out by hand.</summary>
public sealed class FairSharesTests
{
    private readonly FairShares _shares = new();

    private int Flow(params int[] resources)
    {
        var flow = _shares.AddFlow(resources);
        _shares.SetActive(flow, true);
        return flow;
    }

    private long[] Rates(params int[] flows)
    {
        _shares.Recompute();
        Assert.False(_shares.IsDirty);
        return [.. flows.Select(_shares.RateOf)];
    }

    [Fact]
    public void Two_flows_on_one_link_get_half_each()
    {
        var link = _shares.AddResource(1_000_000);
        Assert.Equal([500_000, 500_000], Rates(Flow(link), Flow(link)));
    }

    [Fact]
    public void What_one_cannot_use_goes_to_the_others()
    {
        var shared = _shares.AddResource(900);
        var slow = _shares.AddResource(100);
        Assert.Equal([100, 400, 400], Rates(Flow(shared, slow), Flow(shared), Flow(shared)));
    }

    [Fact]
    public void A_long_flow_shares_each_of_its_links_with_the_cross_flow_there()
    {
        var first = _shares.AddResource(1000);
        var second = _shares.AddResource(3000);
        Assert.Equal([500, 500, 2500], Rates(Flow(first, second), Flow(first), Flow(second)));
    }

    [Fact]
    public void The_bottleneck_moves_as_flows_go()
    {
        var links = new[] { 300, 300, 300, 300 }.Select(capacity => _shares.AddResource(capacity)).ToArray();
        var flows = new[] { Flow(links[0], links[1]), Flow(links[1]), Flow(links[1], links[2]), Flow(links[2]), Flow(links[3], links[2]) };
        Assert.Equal([100, 100, 100, 100, 100], Rates(flows));
        _shares.SetActive(flows[4], false);
        Assert.Equal([100, 100, 100, 200, 0], Rates(flows));
        _shares.SetActive(flows[0], false);
        Assert.Equal([0, 150, 150, 150, 0], Rates(flows));
    }

    [Fact]
    public void Remainders_are_left_over_and_favour_nobody()
    {
        var link = _shares.AddResource(1000);
        Assert.Equal([333, 333, 333], Rates(Flow(link), Flow(link), Flow(link)));
        var tiny = _shares.AddResource(2);
        Assert.Equal([0, 0, 0], Rates(Flow(tiny), Flow(tiny), Flow(tiny)));
    }

    [Fact]
    public void Links_that_are_full_at_the_same_whole_byte_do_not_depend_on_which_comes_first()
    {
        // Shares of 5/3 and 4/3: both are full at 1, and what the one leaves by rounding does not lift the other to 2.
        foreach (var (left, right) in new[] { (5, 4), (4, 5) })
        {
            var (first, second) = (_shares.AddResource(left), _shares.AddResource(right));
            Assert.Equal([1, 1, 1, 1, 1], Rates(Flow(first), Flow(first), Flow(first, second), Flow(second), Flow(second)));
        }
    }

    [Fact]
    public void A_cap_is_kept_and_its_rest_shared()
    {
        var link = _shares.AddResource(1000);
        var (capped, other) = (Flow(link), Flow(link));
        _shares.SetCap(capped, 200);
        Assert.Equal([200, 800], Rates(capped, other));
        _shares.SetCap(capped, 400);
        Assert.Equal([400, 600], Rates(capped, other));
        _shares.SetCap(capped, 800);
        Assert.Equal([500, 500], Rates(capped, other));
        _shares.SetCap(capped, 1600);
        Assert.False(_shares.IsDirty); // it is not what limits the flow
        _shares.SetCap(capped, 0);
        Assert.Equal([0, 1000], Rates(capped, other));
        _shares.SetCap(capped, long.MaxValue);
        Assert.Equal([500, 500], Rates(capped, other));
    }

    [Fact]
    public void A_link_that_is_cut_stops_its_flows_and_frees_what_they_had()
    {
        var up = _shares.AddResource(1000);
        var (left, right) = (_shares.AddResource(1000), _shares.AddResource(1000));
        var (toLeft, toRight) = (Flow(up, left), Flow(up, right));
        Assert.Equal([500, 500], Rates(toLeft, toRight));
        _shares.SetCapacity(left, 0);
        Assert.Equal([0, 1000], Rates(toLeft, toRight));
        _shares.SetCapacity(left, 300);
        Assert.Equal([300, 700], Rates(toLeft, toRight));
    }

    [Fact]
    public void Zones_share_their_link_and_those_within_do_not_pass_it()
    {
        // Two zones with 600 between them; peers with 1000 up and down; racks with 700.
        var zoneUp = _shares.AddResource(600);
        var zoneDown = _shares.AddResource(5000);
        var rackUp = _shares.AddResource(700);
        var rackDown = _shares.AddResource(5000);
        var up = Enumerable.Range(0, 4).Select(_ => _shares.AddResource(1000)).ToArray();
        var down = Enumerable.Range(0, 4).Select(_ => _shares.AddResource(1000)).ToArray();
        var abroad = Enumerable.Range(0, 3).Select(i => Flow(up[i], rackUp, zoneUp, zoneDown, rackDown, down[i])).ToArray();
        var home = Flow(up[0], down[3]);
        var toNextRack = Flow(up[3], rackUp, down[3]);

        // The rack is full at 175; the zone gets 525 of its 600; the flow at home takes the rest of its uplink and downlink: 825.
        Assert.Equal([175, 175, 175, 825, 175], Rates([.. abroad, home, toNextRack]));
        _shares.SetActive(toNextRack, false);
        Assert.Equal([200, 200, 200, 800, 0], Rates([.. abroad, home, toNextRack]));
    }

    [Fact]
    public void What_nothing_limits_is_not_limited_and_binds_nobody()
    {
        var open = _shares.AddResource(long.MaxValue);
        var link = _shares.AddResource(100);
        var (free, bound, capped) = (Flow(open), Flow(open, link), Flow(open));
        _shares.SetCap(capped, 7);
        Assert.Equal([long.MaxValue, 100, 7], Rates(free, bound, capped));
        _shares.SetCapacity(open, 90);
        Assert.Equal([41, 41, 7], Rates(free, bound, capped));
        _shares.SetCapacity(open, long.MaxValue);
        Assert.Equal([long.MaxValue, 100, 7], Rates(free, bound, capped));
    }

    [Fact]
    public void A_flow_over_one_link_twice_takes_twice()
    {
        var link = _shares.AddResource(900);
        Assert.Equal([300, 300], Rates(Flow(link, link), Flow(link)));
    }

    [Fact]
    public void Nothing_moves_before_the_recomputation_and_only_what_changed_is_named()
    {
        var (left, right) = (_shares.AddResource(100), _shares.AddResource(100));
        var (first, second, elsewhere) = (Flow(left), _shares.AddFlow([left]), Flow(right));
        Assert.Equal([100, 0, 100], Rates(first, second, elsewhere));
        Assert.Equal([first, elsewhere], _shares.Changed.ToArray().Order());
        _shares.SetActive(second, true);
        Assert.True(_shares.IsDirty);
        Assert.Equal(100, _shares.RateOf(first));
        Assert.Equal(0, _shares.RateOf(second));
        Assert.Equal([50, 50, 100], Rates(first, second, elsewhere));
        Assert.Equal([first, second], _shares.Changed.ToArray().Order());
        _shares.Recompute();
        Assert.Equal(0, _shares.Changed.Length);
    }

    [Fact]
    public void Who_pauses_for_less_than_a_recomputation_has_the_old_rate_again()
    {
        var link = _shares.AddResource(100);
        var (first, second) = (Flow(link), Flow(link));
        Assert.Equal([50, 50], Rates(first, second));
        _shares.SetActive(first, false);
        Assert.Equal(0, _shares.RateOf(first));
        _shares.SetActive(first, true);
        Assert.Equal(50, _shares.RateOf(first));
        _shares.Recompute();
        Assert.Equal(0, _shares.Changed.Length);
    }

    [Fact]
    public void A_removed_flow_frees_what_it_had_and_its_id()
    {
        var link = _shares.AddResource(100);
        var (first, second) = (Flow(link), Flow(link));
        _shares.SetCap(first, 10);
        Assert.Equal([10, 90], Rates(first, second));
        _shares.RemoveFlow(first);
        Assert.Throws<InvalidOperationException>(() => _shares.SetActive(first, true));
        Assert.Equal([100], Rates(second));
        Assert.Equal(first, Flow(link));
        Assert.Equal([50, 50], Rates(first, second));
    }

    [Fact]
    public void Routes_and_rates_that_make_no_sense_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => _shares.AddResource(-1));
        var link = _shares.AddResource(1);
        Assert.Throws<ArgumentOutOfRangeException>(() => _shares.SetCapacity(link, -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => _shares.SetCapacity(link + 1, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => _shares.AddFlow([]));
        Assert.Throws<ArgumentOutOfRangeException>(() => _shares.AddFlow([link, link, link, link, link, link, link]));
        Assert.Throws<ArgumentOutOfRangeException>(() => _shares.AddFlow([link + 1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => _shares.SetCap(_shares.AddFlow([link]), -1));
    }

    /// <summary>
    /// One uplink of 1,200 bytes per second to downlinks of 1,000, 1,000 and 300. Flow A sends 4,000 bytes from 0 s on, B 1,500 from 2 s
    /// on, C 600 from 4 s on:
    /// <code>
    /// from   A      B      C     sent since: A      B      C      what happens at the end
    /// 0 s    1000   -      -                2000   -      -      B comes
    /// 2 s    600    600    -                1200   1200   -      C comes
    /// 4 s    450    450    300               300    300    200   B has sent 1,500 (after 2/3 s)
    /// 4.67s  900    -      300               500    -      167   A has sent 4,000 (after 5/9 s)
    /// 5.22s  -      -      300              -      -      233   C has sent 600 (after 7/9 s)
    /// 6 s    -      -      -
    /// </code>
    /// </summary>
    [Fact]
    public void Arrivals_and_departures_follow_the_table()
    {
        var up = _shares.AddResource(1200);
        var flows = new[] { 1000, 1000, 300 }.Select(down => _shares.AddFlow([up, _shares.AddResource(down)])).ToArray();
        long[] left = [4000 * 9, 1500 * 9, 600 * 9]; // in ninths of a byte, and time in ninths of a second
        var table = new List<(int Ninths, long A, long B, long C)>();
        for (var now = 0; now <= 54; now++)
        {
            for (var i = 0; i < 3; i++)
            {
                left[i] -= _shares.RateOf(flows[i]);
                _shares.SetActive(flows[i], now >= i * 18 && left[i] > 0);
            }

            if (_shares.IsDirty)
            {
                var rates = Rates(flows);
                table.Add((now, rates[0], rates[1], rates[2]));
            }
        }

        Assert.Equal([(0, 1000, 0, 0), (18, 600, 600, 0), (36, 450, 450, 300), (42, 900, 0, 300), (47, 0, 0, 300), (54, 0, 0, 0)], table);
        Assert.Equal([0, 0, 0], left);
    }
}
