using Shoal.Protocol;

namespace Shoal.Mpi.Copying;

/// <summary>
/// How far the reading of the sources runs ahead of what others ask for: so that what was read is sent from the memory that it was read into, and need not be
/// read again. Whoever waits for hashes only does not wait for others that are slow: reading is never held below <see cref="LeastBytesPerSecond"/>, and runs when
/// nobody asks. Thread-safe.
/// </summary>
/// <param name="ahead">Of so many pieces that were read last one must have been asked for before the next is read. At least 1.</param>
/// <param name="time">The clock.</param>
internal sealed class ReadPace(int ahead, TimeProvider time)
{
    private const long LeastBytesPerSecond = 100_000_000;

    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(1);

    private readonly object _gate = new();
    private readonly List<PieceIndex> _unasked = []; // of the last ones, the oldest first
    private long _askedAt = time.GetTimestamp();

    /// <summary>
    /// How this rank reads; null for as fast as it can. Between nodes, whose wires are narrow, the more pieces there are to choose from the fewer leave a
    /// reader twice, and that counts for more: held to this pace it sent twice as much. On a node it matters little; each rank may ask for one, and finds another.
    /// </summary>
    public static ReadPace? For(MpiWorld world, CopyPlan plan, TimeProvider time) =>
        plan.Participants.Count > 1 && plan.Participants.All(rank => world.Leaders[rank] == world.Leaders[world.Rank])
            ? new ReadPace(2 * (plan.Participants.Count - 1), time)
            : null;

    /// <summary>Whether there is no hurry to read more.</summary>
    public bool IsAhead
    {
        get
        {
            lock (_gate)
            {
                return _unasked.Count == ahead && time.GetElapsedTime(_askedAt) < Quiet;
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
            while (IsAhead && patience - time.GetElapsedTime(since) is var left && left > TimeSpan.Zero)
            {
                Monitor.Wait(_gate, left);
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
                _askedAt = time.GetTimestamp();
                Monitor.PulseAll(_gate);
            }
        }
    }
}
