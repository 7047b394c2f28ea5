using Shoal.Engine;

namespace Shoal.Simulation.Time;

/// <summary>
/// What is still to happen, in order of (time, sequence): what was added first comes first among equals, so the same additions give the
/// same order on every machine. A calendar: most of what is added happens within moments, and is only thrown into the slot of its time;
/// a slot is put in order when it is near. What is far (deadlines, mostly) waits in a heap. The next few events stand in order, so that one
/// can look ahead. Entries point to where the events lie, since those are large and need not move.
/// Invariant: nothing in a slot or the heap comes before anything of the next few.
/// </summary>
internal sealed class Timeline
{
    /// <summary>How many events stand in order, if so many happen soon.</summary>
    public const int LeastNextCount = 20;

    // A slot is 131 us wide, and all slots together 134 ms.
    private const int SlotShift = 17;
    private const int SlotCount = 1024;

    // Events are put in order so many slots ahead at most. Whatever is added before the last of these must be put in its place.
    private const int SlotsAhead = 8;

    private static readonly Event[] Nothing = [default];

    private readonly List<Entry>[] _slots = new List<Entry>[SlotCount]; // by the number of the slot, modulo their count
    private readonly PriorityQueue<Entry, Entry> _far = new();
    private readonly Stack<int> _free = new();
    private Event[] _events = new Event[1024];
    private Entry[] _next = new Entry[4 * LeastNextCount]; // from _start to _end
    private int _start;
    private int _end;
    private long _slot = -1; // the last that was put in order
    private int _inSlots;
    private int _used;
    private long _sequence;

    public Timeline()
    {
        for (var i = 0; i < SlotCount; i++)
        {
            _slots[i] = [];
        }
    }

    /// <summary>Events that are still to happen.</summary>
    public int Count => _end - _start + _inSlots + _far.Count;

    /// <summary>The time of the event taken last. Never runs backwards.</summary>
    public Instant Now { get; private set; }

    /// <summary>When the next event happens; now if none ever will.</summary>
    public Instant NextAt => IsReady() ? new Instant(_next[_start].Time) : Now;

    /// <summary>
    /// The event that comes after so many others, less than <see cref="LeastNextCount"/> (once one was taken, one fewer is certain), as things
    /// stand; an empty one if none is near.
    /// </summary>
    public ref readonly Event Ahead(int count)
    {
        var at = _start + count;
        return ref at < _end ? ref _events[_next[at].Place] : ref Nothing[0];
    }

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

        _events[place] = happening;
        var entry = new Entry(Math.Max(at.Nanoseconds, Now.Nanoseconds), _sequence++, place);
        if (entry.Slot <= _slot)
        {
            Insert(entry);
        }
        else if (entry.Slot - _slot <= SlotCount)
        {
            _slots[entry.Slot % SlotCount].Add(entry);
            _inSlots++;
        }
        else
        {
            _far.Enqueue(entry, entry);
        }
    }

    /// <summary>Lets something happen after a while.</summary>
    public void After(long nanoseconds, in Event happening) => Add(new Instant(Now.Nanoseconds + nanoseconds), happening);

    /// <summary>Takes the next event, and goes to its time.</summary>
    public bool TryTake(out Event happening)
    {
        if (!IsReady())
        {
            happening = default;
            return false;
        }

        var first = _next[_start++];
        Now = new Instant(first.Time);
        happening = _events[first.Place];
        _events[first.Place] = default; // whatever it refers to may go
        _free.Push(first.Place);
        return true;
    }

    // Puts the next few in order if there are too few; tells whether there are any.
    private bool IsReady()
    {
        if (_end - _start >= LeastNextCount)
        {
            return true;
        }

        _next.AsSpan(_start.._end).CopyTo(_next);
        (_start, _end) = (0, _end - _start);
        while (_end < LeastNextCount && _inSlots + _far.Count > 0 && (_end == 0 || _slot - _next[0].Slot < SlotsAhead))
        {
            OrderNextSlot();
        }

        return _end > 0;
    }

    private void OrderNextSlot()
    {
        var farSlot = _far.TryPeek(out var far, out _) ? far.Slot : long.MaxValue;
        _slot = _inSlots == 0 ? farSlot : _slot + 1;
        while (_slot < farSlot && _slots[_slot % SlotCount].Count == 0)
        {
            _slot++;
        }

        var first = _end;
        var slot = _slots[_slot % SlotCount];
        Reserve(slot.Count);
        slot.CopyTo(_next, _end);
        _end += slot.Count;
        _inSlots -= slot.Count;
        slot.Clear();
        while (_far.TryPeek(out far, out _) && far.Slot == _slot)
        {
            Reserve(1);
            _next[_end++] = _far.Dequeue();
        }

        _next.AsSpan(first.._end).Sort();
    }

    private void Insert(Entry entry)
    {
        Reserve(1);
        var at = _end++;
        for (; at > _start && entry.CompareTo(_next[at - 1]) < 0; at--)
        {
            _next[at] = _next[at - 1];
        }

        _next[at] = entry;
    }

    private void Reserve(int count)
    {
        if (_end + count > _next.Length)
        {
            Array.Resize(ref _next, Math.Max(_end + count, _next.Length * 2));
        }
    }

    private readonly record struct Entry(long Time, long Sequence, int Place) : IComparable<Entry>
    {
        public long Slot => Time >> SlotShift;

        public int CompareTo(Entry other) => Time != other.Time ? Time.CompareTo(other.Time) : Sequence.CompareTo(other.Sequence);
    }
}
