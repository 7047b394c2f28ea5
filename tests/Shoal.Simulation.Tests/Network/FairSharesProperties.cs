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

    private sealed class World
    {
        private readonly Prng _prng;
        private readonly Oracle _oracle = new();
        private readonly long _scale;
        private readonly int _longest;
        private List<int> _ids = [];

        public World(ulong seed)
        {
            _prng = new Prng(seed);
            _scale = new[] { 10L, 1000, 1_000_000_000 }[_prng.Next(3)];
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
                Add(Shares.AddFlow);
            }
        }

        private delegate int AddFlow(ReadOnlySpan<int> route);

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
                    Add(Shares.AddFlow);
                    break;
                default:
                    Shares.SetActive(_ids[flow], !isActive);
                    _oracle.Flows[flow] = (route, !isActive, cap);
                    break;
            }
        }

        private void Add(AddFlow add)
        {
            var route = new int[1 + _prng.Next(_longest)];
            foreach (ref var resource in route.AsSpan())
            {
                resource = _prng.Next(_oracle.Capacities.Count);
            }

            _ids.Add(add(route));
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
            Assert.Equal(_oracle.Allocate(isWhole: true).Select(rate => rate?.Floor ?? long.MaxValue), rates.Select(rate => (BigInteger)rate));

            // And the same without rounding, once each bottleneck has less by what it lost.
            var exact = new Oracle();
            exact.Flows.AddRange(_oracle.Flows);
            exact.Capacities.AddRange(_oracle.Capacities.Select((capacity, resource) => CapacityUsed(resource, capacity, rates)));
            Assert.Equal(exact.Allocate(isWhole: false).Select(rate => rate ?? long.MaxValue), rates.Select(rate => (Rational)rate));
        }

        /// <summary>What the resource gives if it is a bottleneck: what it has left is less than one byte per second for each flow.</summary>
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

                Assert.True(_oracle.Flows[i].IsActive || !changed.Contains(_ids[i]));
            }
        }
    }
}
