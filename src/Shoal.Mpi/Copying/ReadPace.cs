using Shoal.Protocol;

namespace Shoal.Mpi.Copying;

/// <summary>
/// How far the reading of the sources runs ahead of what others ask for: so that what was read is sent from the memory that it was read into, and need not be
/// read again. Whoever waits for hashes only does not wait for others that are slow: none of it takes longer than at <see cref="LeastBytesPerSecond"/>, and when it
/// was waited in vain, reading runs until somebody asks for something new. Thread-safe.
/// </summary>
/// <param name="ahead">So many pieces that nobody has asked for are enough. At least 1.</param>
/// <param name="time">The clock.</param>
internal sealed class ReadPace(int ahead, TimeProvider time)
{
    private const long LeastBytesPerSecond = 100_000_000;

    private readonly object _gate = new();
    private readonly List<PieceIndex> _unasked = []; // the last ones, the oldest first
    private bool _isFree; // it was waited for requests in vain, and none has come since

    /// <summary>
    /// How this rank reads; null for as fast as it can. Between nodes, whose wires are narrow, the more pieces there are to choose from the fewer leave a
    /// reader twice, and that counts for more: held to this pace it sent twice as much. On a node it matters little; each rank may ask for one, and finds another.
    /// </summary>
    public static ReadPace? For(MpiWorld world, CopyPlan plan, TimeProvider time)
    {
        // What other readers send us is kept, too.
        var ahead = Math.Min(2 * (plan.Participants.Count - 1), CopyStore.RecentCount(plan) / plan.Readers.Count);
        return ahead > 0 && plan.Participants.All(rank => world.Leaders[rank] == world.Leaders[world.Rank]) ? new ReadPace(ahead, time) : null;
    }

    /// <summary>Whether there is no hurry to read more.</summary>
    public bool IsAhead
    {
        get
        {
            lock (_gate)
            {
                return _unasked.Count == ahead && !_isFree;
            }
        }
    }

    /// <summary>Waits for requests before a piece of so many bytes is read, for a while.</summary>
    public void Wait(int length)
    {
        lock (_gate)
        {
            var since = time.GetTimestamp();
            var patience = TimeSpan.FromSeconds((double)length / LeastBytesPerSecond);
            while (IsAhead)
            {
                var left = patience - time.GetElapsedTime(since);
                if (left <= TimeSpan.Zero)
                {
                    _isFree = true;
                    return;
                }

                Monitor.Wait(_gate, (int)Math.Ceiling(left.TotalMilliseconds));
            }
        }
    }

    /// <summary>The piece was read, and may be asked for.</summary>
    public void Read(PieceIndex piece)
    {
        lock (_gate)
        {
            if (_unasked.Count == ahead)
            {
                _unasked.RemoveAt(0);
            }

            _unasked.Add(piece);
        }
    }

    /// <summary>Somebody asks for a block of the piece.</summary>
    public void Asked(PieceIndex piece)
    {
        lock (_gate)
        {
            if (_unasked.Remove(piece))
            {
                _isFree = false;
                Monitor.PulseAll(_gate);
            }
        }
    }
}
