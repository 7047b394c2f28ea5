using Shoal.Protocol;

namespace Shoal.Engine.Swarms;

/// <summary>A request that is out.</summary>
internal readonly record struct PendingRequest(BlockRequest Block, Instant RequestedAt);

/// <summary>
/// The requests that are out on one link, oldest first, and how many there should be: the queue grows with
/// bandwidth × delay, since a fixed depth is either slow or rude. No more than that: what waits in a peer's queue cannot be
/// asked of another that has nothing to do. Peers answer in order, so the one that is looked for
/// nearly always stands at the head: a ring, no allocation once it has grown.
/// </summary>
internal sealed class RequestPipeline(int maximumDepth)
{
    /// <summary>Requests that are out before the link's rate is known; fewer where blocks are larger than most peers'.</summary>
    private const int FirstDepth = 16;

    /// <summary>Requests that are out however large blocks are. The next waits here until the rate is worth two, or it would wait at a busy peer.</summary>
    private const int MinimumDepth = 1;

    /// <summary>How long a queue we want to stand at the peer beyond two round trips: it covers hiccups. With one the queue could not grow.</summary>
    private const int QueueMilliseconds = 200;

    /// <summary>No round trip is taken to be longer.</summary>
    private const int MaximumRoundTripMilliseconds = 500;

    private PendingRequest[] _ring = []; // most links of a seeder never ask for anything
    private int _head;
    private long _roundTripMilliseconds = MaximumRoundTripMilliseconds; // the least that a block has taken
    private long _blockTicks = MaximumRoundTripMilliseconds * TimeSpan.TicksPerMillisecond;
    private int _passedOverCount; // requests at the head, though later ones were answered
    private long? _ticksBefore; // what _blockTicks was before the blocks of this very moment; null: nothing
    private long _gapTicks; // from the last block before them
    private int _arrivedCount; // the number of them

    /// <summary>Requests that are out.</summary>
    public int Count { get; private set; }

    /// <summary>What the peer accepts at most (its reqq, BEP 10; 250 unless it says otherwise, as the field assumes).</summary>
    public int PeerLimit { get; set; } = 250;

    /// <summary>When the last block came, or the first request of a dry spell went out.</summary>
    public Instant LastProgressAt { get; private set; }

    /// <summary>The oldest request.</summary>
    public PendingRequest Oldest => this[0];

    /// <summary>The <paramref name="index"/>-th oldest.</summary>
    public PendingRequest this[int index] => _ring[(_head + index) & (_ring.Length - 1)];

    /// <summary>How many requests should be out at this rate.</summary>
    public int TargetDepth(long rateBytesPerSecond, int blockLength)
    {
        var wanted = Math.Clamp(FirstDepth * PieceLayout.DefaultBlockLength / blockLength, MinimumDepth, FirstDepth) + (rateBytesPerSecond * (QueueMilliseconds + (2 * _roundTripMilliseconds)) / 1000 / blockLength);
        return (int)Math.Min(wanted, Math.Max(1, Math.Min(maximumDepth, PeerLimit)));
    }

    /// <summary>
    /// From one block to the next, about; the first after a pause has its round trip in it. Half a second where none has come yet. Measured by the
    /// link's own blocks, since a rate over some seconds counts the pauses in which nothing was asked for.
    /// </summary>
    public TimeSpan BlockTime => TimeSpan.FromTicks(_blockTicks);

    /// <summary>
    /// Whether a block may well take longer than this to come: so many are before it, or later ones have come, or the link has been silent for so
    /// long, and that is not its way. False of a block that is not out.
    /// </summary>
    public bool IsLate(BlockRequest block, Instant now, TimeSpan limit)
    {
        var isSilent = IsSilent(now, limit);
        for (var i = 0; i < Count; i++)
        {
            if (this[i].Block == block)
            {
                return isSilent || i < _passedOverCount || (i + 1) * _blockTicks > limit.Ticks;
            }
        }

        return false;
    }

    /// <summary>Whether <see cref="IsLate"/> holds of any block.</summary>
    public bool HasLate(Instant now, TimeSpan limit) =>
        Count > 0 && (IsSilent(now, limit) || _passedOverCount > 0 || Count * _blockTicks > limit.Ticks);

    /// <summary>A request goes out.</summary>
    public void Add(BlockRequest block, Instant now)
    {
        if (Count == _ring.Length)
        {
            Grow();
        }

        if (Count == 0)
        {
            LastProgressAt = now;
        }

        _ring[(_head + Count) & (_ring.Length - 1)] = new PendingRequest(block, now);
        Count++;
    }

    /// <summary>The block came. False if it was not out any more.</summary>
    public bool Complete(BlockRequest block, Instant now)
    {
        if (Count > 0 && Oldest.Block == block)
        {
            Measure(now);
            _roundTripMilliseconds = Math.Min(_roundTripMilliseconds, (now - Oldest.RequestedAt).Ticks / TimeSpan.TicksPerMillisecond);
        }

        LastProgressAt = now;
        var at = Take(block);
        _passedOverCount = Math.Max(_passedOverCount, at);
        return at >= 0;
    }

    /// <summary>The block will not come. False if it was not out.</summary>
    public bool Remove(BlockRequest block) => Take(block) >= 0;

    private bool IsSilent(Instant now, TimeSpan limit) => now - LastProgressAt is var silence && silence > limit && silence > 2 * BlockTime;

    // Blocks that were there together are told of one by one, all at the same moment: they share the time that it took for all.
    private void Measure(Instant now)
    {
        if (_arrivedCount == 0 || now != LastProgressAt)
        {
            _ticksBefore = _arrivedCount == 0 ? null : _blockTicks;
            _gapTicks = (now - Instant.Max(LastProgressAt, Oldest.RequestedAt)).Ticks;
            _arrivedCount = 0;
        }

        var ticks = _gapTicks / ++_arrivedCount;
        _blockTicks = _ticksBefore is { } before ? before + ((ticks - before) / 8) : ticks;
    }

    /// <summary>Takes the block out; returns its place, or -1.</summary>
    private int Take(BlockRequest block)
    {
        for (var i = 0; i < Count; i++)
        {
            if (this[i].Block != block)
            {
                continue;
            }

            // Those before it move up by one; nearly always there are none.
            for (var j = i; j > 0; j--)
            {
                _ring[(_head + j) & (_ring.Length - 1)] = this[j - 1];
            }

            _head = (_head + 1) & (_ring.Length - 1);
            Count--;
            _passedOverCount -= i < _passedOverCount ? 1 : 0;
            return i;
        }

        return -1;
    }

    private void Grow()
    {
        var larger = new PendingRequest[Math.Max(4, _ring.Length * 2)];
        for (var i = 0; i < Count; i++)
        {
            larger[i] = this[i];
        }

        _ring = larger;
        _head = 0;
    }
}
