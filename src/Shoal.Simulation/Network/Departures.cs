using Shoal.Engine;

namespace Shoal.Simulation.Network;

/// <summary>
/// When flows will be done, as things stand: a calendar with one list a quantum, in which a flow is found when its time is near. It is put
/// into another whenever its time changes; what stands in the old one means nothing any more, and is passed over. What is farther than
/// the calendar reaches stands in its last list, and is put off when that comes. The same calls give the same order.
/// </summary>
internal sealed class Departures
{
    private const int ListCount = 1024;

    private readonly long _quantum;
    private readonly List<int>?[] _lists = new List<int>?[ListCount]; // by the number of the quantum, modulo their count; null if empty
    private readonly Stack<List<int>> _spare = new(); // lists that were emptied: else in time each would be as long as the longest
    private Departure[] _flows = new Departure[64];
    private long _first; // the quantum up to which all has been taken

    /// <param name="quantum">Nanoseconds.</param>
    public Departures(long quantum) => _quantum = quantum;

    /// <summary>The flow will be done then, and not when it was said before; never is a time.</summary>
    public void Set(int flow, Instant at)
    {
        if (flow >= _flows.Length)
        {
            Array.Resize(ref _flows, Math.Max(flow + 1, _flows.Length * 2));
        }

        ref var departure = ref _flows[flow];
        departure.At = at;
        if (at == Instant.Never)
        {
            departure.Quantum = 0;
            return;
        }

        var quantum = Math.Clamp(at.Nanoseconds / _quantum, _first, _first + ListCount - 1) + 1; // 0 is none
        if (departure.Quantum != quantum)
        {
            departure.Quantum = quantum;
            ref var list = ref _lists[(quantum - 1) % ListCount];
            list ??= _spare.TryPop(out var spare) ? spare : [];
            list.Add(flow);
        }
    }

    /// <summary>The flow is gone, or is not to be told of.</summary>
    public void Remove(int flow) => Set(flow, Instant.Never);

    /// <summary>Adds all that will be done until then, and forgets them.</summary>
    public void TakeUntil(Instant horizon, List<int> taken)
    {
        for (var last = horizon.Nanoseconds / _quantum; ; _first++)
        {
            ref var list = ref _lists[_first % ListCount];
            if (list is not null)
            {
                TakeFrom(list, horizon, taken);
                if (list.Count == 0)
                {
                    _spare.Push(list);
                    list = null;
                }
            }

            if (_first >= last)
            {
                return;
            }
        }
    }

    private void TakeFrom(List<int> list, Instant horizon, List<int> taken)
    {
        var count = list.Count;
        var kept = 0;
        for (var i = 0; i < count; i++)
        {
            var flow = list[i];
            ref var departure = ref _flows[flow];
            if (departure.Quantum != _first + 1)
            {
                continue; // its time has changed
            }

            if (departure.At <= horizon)
            {
                departure = new Departure { At = Instant.Never };
                taken.Add(flow);
            }
            else if (departure.At.Nanoseconds / _quantum == _first)
            {
                list[kept++] = flow; // of the next look
            }
            else
            {
                departure.Quantum = 0;
                Set(flow, departure.At); // it was farther than the calendar reached
            }
        }

        list.RemoveRange(kept, count - kept);
    }

    private struct Departure
    {
        public Instant At;
        public long Quantum; // and one
    }
}
