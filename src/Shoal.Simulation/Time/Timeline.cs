using Shoal.Engine;

namespace Shoal.Simulation.Time;

/// <summary>
/// What is still to happen, in order of (time, sequence): a heap of four children a node, whose entries point to where the events
/// lie, since those are large and need not move. What was added first comes first among equals, so the same additions give the same
/// order on every machine. Its size is what the world has under way: a few events for each link.
/// </summary>
internal sealed class Timeline
{
    private const int Arity = 4;

    private Entry[] _heap = new Entry[1024];
    private Event[] _events = new Event[1024];
    private readonly Stack<int> _free = new();
    private int _used;
    private long _sequence;

    /// <summary>Events that are still to happen.</summary>
    public int Count { get; private set; }

    /// <summary>The time of the event taken last. Never runs backwards.</summary>
    public Instant Now { get; private set; }

    /// <summary>When the next event happens; now if none ever will.</summary>
    public Instant NextAt => Count == 0 ? Now : new Instant(_heap[0].Time);

    /// <summary>Lets something happen at a time; at once, after all that happens at this very time, if the time has gone by.</summary>
    public void Add(Instant at, in Event happening)
    {
        if (!_free.TryPop(out var place))
        {
            if (_used == _events.Length)
            {
                Array.Resize(ref _events, _used * 2);
            }

            place = _used++;
        }

        if (Count == _heap.Length)
        {
            Array.Resize(ref _heap, Count * 2);
        }

        _events[place] = happening;
        Up(Count++, new Entry(Math.Max(at.Nanoseconds, Now.Nanoseconds), _sequence++, place));
    }

    /// <summary>Lets something happen after a while.</summary>
    public void After(long nanoseconds, in Event happening) => Add(new Instant(Now.Nanoseconds + nanoseconds), happening);

    /// <summary>Takes the next event, and goes to its time.</summary>
    public bool TryTake(out Event happening)
    {
        if (Count == 0)
        {
            happening = default;
            return false;
        }

        var first = _heap[0];
        Now = new Instant(first.Time);
        happening = _events[first.Place];
        _events[first.Place] = default; // whatever it refers to may go
        _free.Push(first.Place);
        var last = _heap[--Count];
        if (Count > 0)
        {
            Down(last);
        }

        return true;
    }

    private void Up(int at, Entry entry)
    {
        while (at > 0)
        {
            var parent = (at - 1) / Arity;
            if (!entry.IsBefore(_heap[parent]))
            {
                break;
            }

            _heap[at] = _heap[parent];
            at = parent;
        }

        _heap[at] = entry;
    }

    private void Down(Entry entry)
    {
        var at = 0;
        while (true)
        {
            var child = (at * Arity) + 1;
            if (child >= Count)
            {
                break;
            }

            var end = Math.Min(child + Arity, Count);
            var least = child;
            for (child++; child < end; child++)
            {
                if (_heap[child].IsBefore(_heap[least]))
                {
                    least = child;
                }
            }

            if (!_heap[least].IsBefore(entry))
            {
                break;
            }

            _heap[at] = _heap[least];
            at = least;
        }

        _heap[at] = entry;
    }

    private readonly record struct Entry(long Time, long Sequence, int Place)
    {
        public bool IsBefore(in Entry other) => Time < other.Time || (Time == other.Time && Sequence < other.Sequence);
    }
}
