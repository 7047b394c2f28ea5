using System.Numerics;
using FsCheck;
using FsCheck.Fluent;
using Shoal.Engine;
using Shoal.Simulation.Network;

namespace Shoal.Simulation.Tests.Network;

/// <summary>Random networks that change at random, against the definition of max-min fairness.</summary>
public sealed class FairSharesProperties
{
    [Fact]
    public void Rates_are_max_min_fair_whatever_happened_before() => Check.One(
        Config.QuickThrowOnFailure.WithMaxTest(300),
        Prop.ForAll(Gen.Choose(0, int.MaxValue).ToArbitrary(), seed => new World((ulong)seed).Live(12)));

    [Fact]
    public void They_stay_so_through_many_recomputations_of_one_network() => new World(5).Live(500);

    [Fact]
    public void The_same_calls_give_the_same_changes_in_the_same_order()
    {
        var (first, second) = (new World(9), new World(9));
        for (var i = 0; i < 100; i++)
        {
            first.Change();
            second.Change();
            first.Shares.Recompute();
            second.Shares.Recompute();
            Assert.Equal(first.Shares.Changed, second.Shares.Changed);
        }
    }

    [Theory]
    [InlineData(2, 300)]
    [InlineData(2, 3000)] // where changes stay near
    [InlineData(5, 300)]
    [InlineData(5, 6000)]
    public void A_large_network_that_changed_step_by_step_has_the_rates_of_one_built_at_once(int routeLength, int resourceCount)
    {
        var prng = new Prng((ulong)routeLength);
        var capacities = Enumerable.Range(0, resourceCount).Select(_ => 1000L + prng.Next(1_000_000)).ToArray();
        var routes = Enumerable.Range(0, 2000).Select(_ => Enumerable.Range(0, routeLength).Select(_ => prng.Next(resourceCount)).ToArray()).ToArray();
        var caps = Enumerable.Repeat(long.MaxValue, routes.Length).ToArray();
        var isActive = new bool[routes.Length];
        var shares = Build(capacities, routes);
        for (var step = 0; step < 100; step++)
        {
            for (var i = 0; i < 30; i++)
            {
                var flow = prng.Next(routes.Length);
                shares.SetActive(flow, isActive[flow] = step < 60 ? prng.Next(4) > 0 : prng.Next(9) == 0);
                flow = prng.Next(routes.Length);
                shares.SetCap(flow, caps[flow] = prng.Next(3) == 0 ? long.MaxValue : prng.Next(50_000));
            }

            shares.Recompute();
            if (step % 9 == 0)
            {
                var fresh = Build(capacities, routes);
                for (var flow = 0; flow < routes.Length; flow++)
                {
                    fresh.SetActive(flow, isActive[flow]);
                    fresh.SetCap(flow, caps[flow]);
                }

                fresh.Recompute();
                Assert.Equal(routes.Select((_, flow) => fresh.RateOf(flow)), routes.Select((_, flow) => shares.RateOf(flow)));
            }
        }

        static FairShares Build(long[] capacities, int[][] routes)
        {
            var shares = new FairShares();
            Array.ForEach(capacities, capacity => shares.AddResource(capacity));
            Array.ForEach(routes, route => shares.AddFlow(route));
            return shares;
        }
    }

    [Theory]
    [InlineData(10, 1000)]
    [InlineData(500, 3)]
    [InlineData(500, 1 << 30)]
    public void Levels_come_out_in_order(int count, int bound)
    {
        var prng = new Prng(1);
        var levels = Enumerable.Range(0, count).Select(_ => (long)prng.Next(bound) * prng.Next(bound)).ToArray();
        var (list, heap) = (new LevelList(), new LevelHeap());
        for (var i = 0; i < count; i++)
        {
            list.Append(new LevelEntry(levels[i], i));
            heap.Push(new LevelEntry(levels[i], i));
        }

        list.Sort();
        foreach (var level in levels.Order())
        {
            Assert.Equal((level, level), (list.Lowest, heap.Lowest));
            Assert.Equal((level, level), (levels[list.Take()], levels[heap.LowestId]));
            heap.TakeLowest();
        }

        Assert.Equal((long.MaxValue, long.MaxValue), (list.Lowest, heap.Lowest));
    }

    private sealed class World
    {
        private readonly Prng _prng;
        private readonly Oracle _oracle = new();
        private readonly long _scale;
        private readonly int _longest;
        private readonly List<int> _ids = [];
        private readonly HashSet<int> _added = []; // since the last recomputation

        public World(ulong seed)
        {
            _prng = new Prng(seed);
            _scale = new[] { 10L, 1000, 1_000_000_000, long.MaxValue - 1 }[_prng.Next(4)];
            _longest = new[] { 2, 2, 3, 6 }[_prng.Next(4)];
            var count = 1 + _prng.Next(14);
            for (var i = 0; i < count; i++)
            {
                _oracle.Capacities.Add(Capacity());
                Shares.AddResource(_oracle.Capacities[i]);
            }

            count = 1 + _prng.Next(25);
            for (var i = 0; i < count; i++)
            {
                Add();
            }
        }

        public FairShares Shares { get; } = new();

        public void Live(int stepCount)
        {
            var before = _ids.ToDictionary(id => id, _ => 0L);
            for (var step = 0; step < stepCount; step++)
            {
                var changeCount = _prng.Next(8);
                for (var i = 0; i < changeCount; i++)
                {
                    Change();
                }

                Shares.Recompute();
                CheckRates();
                CheckChanged(before);
                before = _ids.ToDictionary(id => id, Shares.RateOf);
                _added.Clear();
            }
        }

        public void Change()
        {
            var flow = _prng.Next(_ids.Count);
            var (route, isActive, cap) = _oracle.Flows[flow];
            switch (_prng.Next(10))
            {
                case 0:
                    var resource = _prng.Next(_oracle.Capacities.Count);
                    Shares.SetCapacity(resource, _oracle.Capacities[resource] = Capacity());
                    break;
                case 1 or 2 or 3:
                    cap = _prng.Next(3) == 0 ? long.MaxValue : Rate();
                    Shares.SetCap(_ids[flow], cap);
                    _oracle.Flows[flow] = (route, isActive, cap);
                    break;
                case 4:
                    Shares.RemoveFlow(_ids[flow]);
                    _ids.RemoveAt(flow);
                    _oracle.Flows.RemoveAt(flow);
                    Add();
                    break;
                default:
                    Shares.SetActive(_ids[flow], !isActive);
                    _oracle.Flows[flow] = (route, !isActive, cap);
                    break;
            }
        }

        private void Add()
        {
            var route = new int[1 + _prng.Next(_longest)];
            foreach (ref var resource in route.AsSpan())
            {
                resource = _prng.Next(_oracle.Capacities.Count);
            }

            _ids.Add(Shares.AddFlow(route));
            _added.Add(_ids[^1]);
            _oracle.Flows.Add((route, false, long.MaxValue));
        }

        private long Rate() => (long)Math.BigMul(_prng.NextUInt64(), (ulong)_scale, out _);

        private long Capacity() => _prng.Next(8) switch
        {
            0 => long.MaxValue,
            1 => _prng.Next(2),
            2 or 3 => _scale,
            _ => Rate(),
        };

        private void CheckRates()
        {
            var rates = _ids.Select(Shares.RateOf).ToArray();
            var expected = _oracle.Allocate(isWhole: true).Select(rate => rate?.Floor ?? long.MaxValue);
            Assert.Equal(expected, rates.Select(rate => (BigInteger)rate));

            // And the same without rounding, once each bottleneck has less by what it lost.
            var exact = new Oracle();
            exact.Flows.AddRange(_oracle.Flows);
            exact.Capacities.AddRange(_oracle.Capacities.Select((capacity, resource) => CapacityUsed(resource, capacity, rates)));
            Assert.Equal(exact.Allocate(isWhole: false).Select(rate => rate ?? long.MaxValue), rates.Select(rate => (Rational)rate));
        }

        /// <summary>What the resource gives if it is a bottleneck: what it has left is then less than one byte per second a flow.</summary>
        private long CapacityUsed(int resource, long capacity, long[] rates)
        {
            if (capacity == long.MaxValue)
            {
                return capacity;
            }

            BigInteger used = 0;
            var greatest = 0L;
            var greatestCount = 0;
            for (var i = 0; i < rates.Length; i++)
            {
                var passes = _oracle.Flows[i].IsActive ? _oracle.Flows[i].Route.Count(passed => passed == resource) : 0;
                used += (BigInteger)passes * rates[i];
                greatestCount = passes > 0 && rates[i] > greatest ? 0 : greatestCount;
                greatest = passes > 0 ? Math.Max(greatest, rates[i]) : greatest;
                greatestCount += rates[i] == greatest ? passes : 0;
            }

            Assert.True(used <= capacity, $"{used} of {capacity} over resource {resource}");
            return capacity - used < greatestCount ? (long)used : capacity;
        }

        private void CheckChanged(Dictionary<int, long> before)
        {
            var changed = Shares.Changed.ToArray();
            Assert.Distinct(changed);
            for (var i = 0; i < _ids.Count; i++)
            {
                var rate = Shares.RateOf(_ids[i]);
                if (rate != 0 && rate != before.GetValueOrDefault(_ids[i]))
                {
                    Assert.Contains(_ids[i], changed);
                }
                else if (!_added.Contains(_ids[i]))
                {
                    Assert.True(rate == 0 || !changed.Contains(_ids[i]), "a rate counts as changed that is what it was");
                }

                Assert.True(_oracle.Flows[i].IsActive || !changed.Contains(_ids[i]));
            }
        }
    }
}
