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
    private bool _hasBrought; // any block

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
    /// From one block to the next, about; half a second where none has come yet. Of the link's own blocks, since a rate over some seconds counts the
    /// pauses in which nothing was asked for.
    /// </summary>
    public TimeSpan BlockTime => TimeSpan.FromTicks(_blockTicks);

    /// <summary>
    /// Whether a block that is out may well take longer than this to come: so many are before it, or the link has been silent for so long, and
    /// that is not its way.
    /// </summary>
    public bool IsLate(BlockRequest block, Instant now, TimeSpan limit)
    {
        var silence = now - LastProgressAt;
        if (silence > limit && silence > 2 * BlockTime)
        {
            return true;
        }

        for (var i = Count - 1; i >= 0 && (i + 1) * _blockTicks > limit.Ticks; i--)
        {
            if (this[i].Block == block)
            {
                return true;
            }
        }

        return false;
    }

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
            var ticks = (now - Instant.Max(LastProgressAt, Oldest.RequestedAt)).Ticks;
            _blockTicks = _hasBrought ? _blockTicks + ((ticks - _blockTicks) / 8) : ticks;
            _hasBrought = true;
            _roundTripMilliseconds = Math.Min(_roundTripMilliseconds, (now - Oldest.RequestedAt).Ticks / TimeSpan.TicksPerMillisecond);
        }

        LastProgressAt = now;
        return Remove(block);
    }

    /// <summary>The block will not come. False if it was not out.</summary>
    public bool Remove(BlockRequest block)
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
            return true;
        }

        return false;
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
