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

    /// <summary>The number of the last change.</summary>
    public long LastSequence { get; private set; }

    /// <summary>Changes that came before it was made: none of them can be had here.</summary>
    public void StartAfter(long sequence) => LastSequence = sequence;

    /// <summary>Takes changes in, which follow all others, and wakes who waits.</summary>
    public void Publish(IReadOnlyList<CatalogueChange> changes)
    {
        TaskCompletionSource signal;
        lock (_gate)
        {
            foreach (var change in changes)
            {
                _ring[_count++ % Capacity] = change;
                LastSequence = change.Sequence;
            }

            signal = _next;
            _next = NewSignal();
        }

        signal.TrySetResult();
    }

    /// <summary>
    /// Adds to <paramref name="changes"/> those after the given number, and gives what ends when there are more. False if some of them are not
    /// kept any more.
    /// </summary>
    public bool TryRead(long after, List<CatalogueChange> changes, out Task more)
    {
        lock (_gate)
        {
            var first = Math.Max(0, _count - Capacity);
            more = _next.Task;
            // What comes right before those that are kept need not be kept itself.
            if (after < LastSequence && (first == _count || (after + 1 < _ring[first % Capacity]!.Sequence)))
            {
                return false;
            }

            var from = _count;
            while (from > first && _ring[(from - 1) % Capacity]!.Sequence > after)
            {
                from--;
            }

            for (; from < _count; from++)
            {
                changes.Add(_ring[from % Capacity]!);
            }

            return true;
        }
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
