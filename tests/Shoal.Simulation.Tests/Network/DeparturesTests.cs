using Shoal.Engine;
using Shoal.Simulation.Network;

namespace Shoal.Simulation.Tests.Network;

/// <summary>The calendar of flows against a list of all of them.</summary>
public sealed class DeparturesTests
{
    private const long Quantum = 10;

    [Theory]
    [InlineData(5 * Quantum)]
    [InlineData(500 * Quantum)]
    [InlineData(5000 * Quantum)] // farther than it reaches
    public void Each_flow_is_told_once_when_the_time_that_was_said_last_is_near(long farthest)
    {
        var prng = new Prng((ulong)farthest);
        var departures = new Departures(Quantum);
        var expected = new SortedDictionary<int, long>();
        var taken = new List<int>();
        var toldCount = 0;
        for (var now = 0L; now < 3 * farthest; now += prng.Next(30) == 0 ? farthest / 2 : Quantum + prng.Next(3))
        {
            for (var i = 0; i < 20; i++)
            {
                var flow = prng.Next(200);
                if (prng.Next(4) == 0)
                {
                    departures.Remove(flow);
                    expected.Remove(flow);
                }
                else
                {
                    expected[flow] = Math.Max(0, now - Quantum) + prng.Next((int)farthest); // or it should have been told of
                    departures.Set(flow, new Instant(expected[flow]));
                }
            }

            var horizon = now + Quantum;
            departures.TakeUntil(new Instant(horizon), taken);
            var due = expected.Where(flow => flow.Value <= horizon).Select(flow => flow.Key).ToArray();
            Assert.Equal(due, taken.Order());
            toldCount += taken.Count;
            Array.ForEach(due, flow => expected.Remove(flow));
            taken.Clear();
        }

        Assert.InRange(toldCount, 20, int.MaxValue);
    }
}
