using Shoal.Engine;
using Shoal.Protocol;
using Shoal.Simulation.Peers;
using Shoal.Simulation.Time;

namespace Shoal.Simulation.Network;

/// <summary>
/// Carries blocks: each end of a link sends its blocks one after the other, at the max-min fair rate of its flow. Rates change at
/// most once a quantum; between two looks they are constant, so the moment at which a block has left is exact. Capacities are given as
/// of the line, headers included; a receiver's acknowledgements go in front of the next block that it sends itself.
/// <para>
/// There are many that send, and few of them are near their end, or get another rate: so a look asks of nobody else. When each will be
/// done is in <see cref="Departures"/>, and whoever else is to be asked is in a list.
/// </para>
/// </summary>
internal sealed class VirtualNetwork(Timeline timeline, long quantum)
{
    private readonly FairShares _shares = new();
    private readonly Departures _departures = new(quantum);
    private readonly List<int> _near = []; // those whose blocks are about to leave, during a look
    private readonly List<int> _emptied = []; // active, and at some time since it was so had no block to send
    private readonly List<int> _slow = []; // whose windows grow
    private readonly List<long> _capacities = []; // by resource
    private readonly Dictionary<int, long> _carried = []; // by shared resource
    private Flow[] _flows = new Flow[64];
    private Instant _nextLookAt = Instant.Never;
    private Instant _lastLookAt = Instant.Zero;
    private Instant _horizon; // whatever is over by then is on the timeline
    private int _activeCount;

    /// <summary>A capacity that flows share. Unlimited if the rate is <see cref="long.MaxValue"/>.</summary>
    public int AddResource(long bytesPerSecond, bool isCounted)
    {
        var resource = _shares.AddResource(WireCosts.PayloadOf(bytesPerSecond));
        _capacities.Add(bytesPerSecond);
        if (isCounted)
        {
            _carried.Add(resource, 0);
        }

        return resource;
    }

    /// <summary>Bytes that have gone over a resource that is counted, with headers, without acknowledgements.</summary>
    public long CarriedOver(int resource) => WireCosts.OnLine(_carried[resource]);

    public void SetCapacity(int resource, long bytesPerSecond)
    {
        _shares.SetCapacity(resource, WireCosts.PayloadOf(bytesPerSecond));
        _capacities[resource] = bytesPerSecond;
        LookSoon();
    }

    /// <summary>The end has one more block to send; the first of all is on its way at once.</summary>
    public void Enqueue(LinkEnd end, in BlockRequest block)
    {
        end.Uploads.Enqueue(block);
        if (end.Uploads.Count > 1)
        {
            _flows[end.Flow].QueuedCount++;
            return;
        }

        if (end.Flow < 0)
        {
            Span<int> resources = stackalloc int[8];
            var count = Path.Between(end.Owner.Path, end.Other.Owner.Path, resources);
            end.Flow = _shares.AddFlow(resources[..count]);
            if (end.Flow >= _flows.Length)
            {
                Array.Resize(ref _flows, Math.Max(end.Flow + 1, _flows.Length * 2));
            }

            _flows[end.Flow] = new Flow
            {
                End = end,
                Resources = _carried.Count > 0 ? Counted(resources[..count]) : [],
                PathRate = Narrowest(resources[..count]),
                IdleSince = Instant.Never,
            };
        }

        ref var flow = ref _flows[end.Flow];
        if (!flow.IsActive)
        {
            flow.IsActive = true;
            StartSlowly(end, ref flow);
            _shares.SetActive(end.Flow, true);
            _activeCount++;
            LookSoon();
        }

        flow.QueuedCount = 1;
        Begin(end.Flow, ref flow);
    }

    /// <summary>The first block of the end has left. Returns it; the next is on its way.</summary>
    public BlockRequest Sent(LinkEnd end)
    {
        ref var flow = ref _flows[end.Flow];
        var block = end.Uploads.Dequeue();
        flow.QueuedCount--;
        foreach (var resource in flow.Resources)
        {
            _carried[resource] += block.Length;
        }

        end.Other.Owner.OwedAckBytes += WireCosts.AcksFor(block.Length);
        if (flow.QueuedCount > 0)
        {
            Begin(end.Flow, ref flow);
            return block;
        }

        flow.IdleSince = timeline.Now;
        if (!flow.IsEmptied)
        {
            flow.IsEmptied = true;
            _emptied.Add(end.Flow);
        }

        return block;
    }

    /// <summary>The end sends nothing more.</summary>
    public void Close(LinkEnd end)
    {
        end.Uploads.Clear();
        if (end.Flow < 0)
        {
            return;
        }

        ref var flow = ref _flows[end.Flow];
        if (flow.IsActive)
        {
            _activeCount--;
            _departures.Remove(end.Flow);
            _shares.SetActive(end.Flow, false);
            LookSoon();
        }

        _ = flow.IsEmptied && _emptied.Remove(end.Flow);
        _ = flow.IsSlow && _slow.Remove(end.Flow);
        _shares.RemoveFlow(end.Flow);
        flow = default;
        end.Flow = -1;
    }

    /// <summary>The quantum is over: who is idle goes, rates are shared anew if anything changed.</summary>
    public void Look()
    {
        var now = timeline.Now;
        if (now != _nextLookAt)
        {
            return;
        }

        _emptied.RemoveAll(HasRested);
        (_lastLookAt, _nextLookAt) = (now, Instant.Never);
        _slow.RemoveAll(HasGrown);
        if (_shares.IsDirty)
        {
            _shares.Recompute();
            foreach (var changed in _shares.Changed)
            {
                ref var flow = ref _flows[changed];
                Settle(ref flow, now);
                flow.Rate = _shares.RateOf(changed);
                _departures.Set(changed, DoneAt(flow));
            }
        }

        if (_activeCount == 0)
        {
            return;
        }

        LookSoon();
        _horizon = _nextLookAt;
        _departures.TakeUntil(_horizon, _near);
        _near.Sort(); // how they were found has no say
        foreach (var number in _near)
        {
            Schedule(number, DoneAt(_flows[number]));
        }

        _near.Clear();
    }

    private int[] Counted(ReadOnlySpan<int> resources)
    {
        var counted = new List<int>();
        foreach (var resource in resources)
        {
            if (_carried.ContainsKey(resource))
            {
                counted.Add(resource);
            }
        }

        return [.. counted];
    }

    private long Narrowest(ReadOnlySpan<int> resources)
    {
        var narrowest = long.MaxValue;
        foreach (var resource in resources)
        {
            narrowest = Math.Min(narrowest, _capacities[resource]);
        }

        return WireCosts.PayloadOf(narrowest);
    }

    // A new flow, or one that was idle for so long that TCP has forgotten what the path can bear.
    private void StartSlowly(LinkEnd end, ref Flow flow)
    {
        var roundTrip = TimeSpan.FromTicks(2 * end.Latency / TimeSpan.NanosecondsPerTick);
        if (flow.IdleSince == Instant.Never || timeline.Now - flow.IdleSince > SlowStart.IdleLimit(roundTrip))
        {
            flow.SlowStart = new SlowStart(timeline.Now, roundTrip, flow.PathRate);
            SetCap(end.Flow, ref flow);
            if (!flow.IsSlow && flow.HastenAt != Instant.Never)
            {
                flow.IsSlow = true;
                _slow.Add(end.Flow);
            }
        }
    }

    // Widens the flow's window if it is time; tells whether it need never be again.
    private bool HasGrown(int number)
    {
        ref var flow = ref _flows[number];
        if (flow.IsActive && flow.HastenAt <= timeline.Now)
        {
            SetCap(number, ref flow);
            flow.IsSlow = flow.HastenAt != Instant.Never;
        }

        return !flow.IsSlow;
    }

    private void SetCap(int number, ref Flow flow)
    {
        _shares.SetCap(number, flow.SlowStart.CapAt(timeline.Now));
        flow.HastenAt = flow.SlowStart.NextChange(timeline.Now);
    }

    // Takes out whatever has been idle since before the last look; a shorter pause keeps its share.
    private bool HasRested(int number)
    {
        ref var flow = ref _flows[number];
        if (flow.QueuedCount == 0 && flow.UpdatedAt > _lastLookAt)
        {
            return false;
        }

        flow.IsEmptied = false;
        if (flow.QueuedCount == 0)
        {
            _shares.SetActive(number, false);
            flow.IsActive = false;
            flow.Rate = 0;
            _activeCount--;
        }

        return true;
    }

    private void LookSoon()
    {
        if (_nextLookAt == Instant.Never)
        {
            var at = Math.Max(timeline.Now.Nanoseconds, _lastLookAt.Nanoseconds + quantum);
            _nextLookAt = new Instant(at);
            timeline.Add(_nextLookAt, new Event(EventKind.Shares));
        }
    }

    private void Begin(int number, ref Flow flow)
    {
        var end = flow.End!;
        var length = end.Uploads.Peek().Length;
        // What was owed while nothing was sent has long been paid: acknowledgements never take more than half of the line.
        flow.Remaining = length + Math.Min(length, end.Owner.OwedAckBytes);
        end.Owner.OwedAckBytes = 0;
        flow.UpdatedAt = timeline.Now;
        flow.IsDue = false;
        if (DoneAt(flow) is var doneAt && doneAt <= _horizon)
        {
            Schedule(number, doneAt);
        }
        else
        {
            _departures.Set(number, doneAt);
        }
    }

    private static void Settle(ref Flow flow, Instant now)
    {
        if (!flow.IsDue && flow.QueuedCount > 0)
        {
            var moved = (long)((Int128)flow.Rate * (now.Nanoseconds - flow.UpdatedAt.Nanoseconds) / VirtualTime.Second);
            flow.Remaining = Math.Max(1, flow.Remaining - moved);
            flow.UpdatedAt = now;
        }
    }

    private static Instant DoneAt(in Flow flow) => flow is { IsDue: false, QueuedCount: > 0, Rate: > 0 }
        ? new Instant(flow.UpdatedAt.Nanoseconds + VirtualTime.ToMove(flow.Remaining, flow.Rate))
        : Instant.Never;

    private void Schedule(int number, Instant doneAt)
    {
        _flows[number].IsDue = true;
        timeline.Add(doneAt, new Event(EventKind.BlockSent, End: _flows[number].End));
    }

    private struct Flow
    {
        public LinkEnd? End;
        public int[] Resources;      // those that are counted
        public long Remaining;       // bytes of the first block, as of UpdatedAt
        public long Rate;            // bytes per second
        public Instant UpdatedAt;
        public long PathRate;        // what it would get if it were alone
        public SlowStart SlowStart;
        public Instant HastenAt;     // when its window has grown
        public Instant IdleSince;    // when its last block had left and there was no other; never if there was none before
        public int QueuedCount;      // blocks that the end has to send
        public bool IsActive;
        public bool IsDue;           // its first block's end is on the timeline, or has been, if there is no other
        public bool IsEmptied;       // it is in the list of those
        public bool IsSlow;          // likewise
    }
}
