using Shoal.Protocol.Catalogue;

namespace Shoal.Tracker.Catalogue;

/// <summary>
/// The latest changes of a catalogue, in order, for those who wait for the next. Bounded: who asks for what is older looks through the
/// catalogue itself. Thread-safe.
/// </summary>
internal sealed class EventFeed
{
    /// <summary>Changes that are kept.</summary>
    private const int Capacity = 8192;

    private readonly Lock _gate = new();
    private readonly CatalogueChange?[] _ring = new CatalogueChange?[Capacity];
    private long _count; // of all that came; the n-th lies at n % Capacity
    private TaskCompletionSource _next = NewSignal();

    private long _lastSequence;

    /// <summary>The number of the last change.</summary>
    public long LastSequence => Volatile.Read(ref _lastSequence);

    /// <summary>What came up to that number cannot be had here; who waits for it is woken to look elsewhere.</summary>
    public void SkipTo(long sequence)
    {
        TaskCompletionSource signal;
        lock (_gate)
        {
            _count = 0;
            Volatile.Write(ref _lastSequence, sequence);
            signal = _next;
            _next = NewSignal();
        }

        signal.TrySetResult();
    }

    /// <summary>Takes changes in, which follow all others without a gap in their numbers, and wakes who waits.</summary>
    public void Publish(IReadOnlyList<CatalogueChange> changes)
    {
        TaskCompletionSource signal;
        lock (_gate)
        {
            foreach (var change in changes)
            {
                _ring[_count++ % Capacity] = change;
                Volatile.Write(ref _lastSequence, change.Sequence);
            }

            signal = _next;
            _next = NewSignal();
        }

        signal.TrySetResult();
    }

    /// <summary>
    /// Adds to <paramref name="changes"/> up to <paramref name="limit"/> of those after the given number, and gives what ends when there are more
    /// than there are now. False if some of them are not kept any more.
    /// </summary>
    public bool TryRead(long after, int limit, List<CatalogueChange> changes, out Task more)
    {
        lock (_gate)
        {
            more = _next.Task;
            var missing = _lastSequence - after;
            if (missing > Math.Min(_count, Capacity))
            {
                return false;
            }

            for (var n = _count - Math.Max(0, missing); n < _count && limit > 0; n++, limit--)
            {
                changes.Add(_ring[n % Capacity]!);
            }

            return true;
        }
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
