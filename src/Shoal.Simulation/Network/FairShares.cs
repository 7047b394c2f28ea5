using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Shoal.Simulation.Network;

/// <summary>
/// Max-min fair rates of flows over shared resources by progressive filling, in whole bytes per second and integer arithmetic only:
/// the same calls give the same rates on every machine, in whatever portions the recomputations come.
/// <para>
/// The allocation is defined without regard to any order: the level rises from 0 in steps of one byte per second; every flow gets the
/// level, until its cap is the level or one of its resources could not give all of its unfrozen flows one byte more: then it is frozen at
/// the level. Several resources that are full at one level freeze their flows at once. So no resource gives more than it has, and what a
/// bottleneck loses by rounding down is less than one byte per second for each flow that it froze: the rates are the exact max-min
/// allocation of a network whose bottlenecks have that much less.
/// </para>
/// <para>
/// The level leaps from one full resource to the next by a heap of resources with their <b>share</b>, what the frozen flows left divided
/// by the number of unfrozen ones, rounded down. Freezing updates no key: a key may be outdated and is looked at again only when it is
/// the lowest. That is right because shares never fall: with R left for n flows, a flow frozen at a level s that no share is below has
/// s ≤ R/n, so (R − s)/(n − 1) ≥ (R − R/n)/(n − 1) = R/n. Each key is therefore a lower bound, and a lowest key that is up to date
/// is the lowest share of all.
/// </para>
/// <para>
/// A recomputation touches what is connected with a change through active flows and limited resources, and costs O(F·k + (R + P) log R)
/// for F flows with k resources each, R resources and P outdated keys met (a few per resource, at most one per frozen flow and resource).
/// It allocates nothing once its arrays have grown. Not thread-safe.
/// </para>
/// </summary>
internal sealed class FairShares
{
    private readonly FlowGraph _graph = new();
    private readonly LevelHeap _heap = new();
    private readonly List<int> _queuedFlows = [];
    private readonly List<int> _queuedResources = [];
    private readonly List<int> _reached = [];
    private readonly List<int> _full = [];
    private readonly List<int> _changed = [];

    // What the running computation has reached bears _mark, and flows that it has frozen bear _mark + 1.
    private int _mark;
    private int _unfrozenCount;

    /// <summary>Whether something was changed since the last <see cref="Recompute"/> that may change a rate.</summary>
    public bool IsDirty => _queuedFlows.Count > 0 || _queuedResources.Count > 0;

    /// <summary>
    /// The active flows whose rate the last <see cref="Recompute"/> changed, those that were frozen at lower levels first; the same calls
    /// give the same order. Valid until the next.
    /// </summary>
    public ReadOnlySpan<int> Changed => CollectionsMarshal.AsSpan(_changed);

    /// <summary>A directed capacity. <see cref="long.MaxValue"/> is no limit, 0 lets nothing through.</summary>
    public int AddResource(long bytesPerSecond)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytesPerSecond);
        return _graph.AddResource(bytesPerSecond);
    }

    /// <summary>Changes a capacity.</summary>
    public void SetCapacity(int resource, long bytesPerSecond)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytesPerSecond);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(resource, _graph.ResourceCount);
        if (_graph.Resources[resource].Capacity != bytesPerSecond)
        {
            _graph.Resources[resource].Capacity = bytesPerSecond;
            Queue(resource);
        }
    }

    /// <summary>A flow over 1 to 6 resources, inactive and without a cap. A resource that is named twice is passed twice.</summary>
    public int AddFlow(ReadOnlySpan<int> resources) => _graph.AddFlow(resources);

    /// <summary>Forgets a flow; its id may be given to another.</summary>
    public void RemoveFlow(int flow)
    {
        Known(flow).IsActive = false;
        if (_graph.Flows[flow].IsLinked)
        {
            Unlink(flow);
        }

        _graph.RemoveFlow(flow);
    }

    /// <summary>
    /// Whether the flow has something to send. Going and coming back between two recomputations costs nothing and changes nothing:
    /// nobody else has been given its rate.
    /// </summary>
    public void SetActive(int flow, bool isActive)
    {
        ref var known = ref Known(flow);
        if (known.IsActive != isActive)
        {
            known.IsActive = isActive;
            Queue(flow, ref known);
        }
    }

    /// <summary>The flow's own limit; <see cref="long.MaxValue"/> for none.</summary>
    public void SetCap(int flow, long bytesPerSecond)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytesPerSecond);
        ref var known = ref Known(flow);

        // A cap above the rate did not make the rate, and one that is not below it will not change it.
        var isIdle = !known.IsLinked || (known.Rate < known.Cap && known.Rate <= bytesPerSecond) || known.Cap == bytesPerSecond;
        known.Cap = bytesPerSecond;
        if (!isIdle)
        {
            known.IsTouched = true;
            Queue(flow, ref known);
        }
    }

    /// <summary>
    /// Bytes per second as of the last <see cref="Recompute"/>; 0 for a flow that is inactive or was not active then;
    /// <see cref="long.MaxValue"/> if nothing limits it.
    /// </summary>
    public long RateOf(int flow)
    {
        ref var asked = ref _graph.Flows[flow];
        return asked.IsActive ? asked.Rate : 0;
    }

    /// <summary>Computes the rates anew of all that a change may have touched, and of nothing else.</summary>
    public void Recompute()
    {
        _changed.Clear();
        if (IsDirty)
        {
            _mark += 2;
            ReachWhatChanged();
            for (var i = 0; i < _reached.Count; i++)
            {
                Spread(_reached[i]);
            }

            _reached.Clear();
            _heap.Build();
            Fill();
        }
    }

    private ref Flow Known(int flow)
    {
        ref var known = ref _graph.Flows[flow];
        if (known.RouteLength == 0)
        {
            throw new InvalidOperationException($"there is no flow {flow}");
        }

        return ref known;
    }

    private void Queue(int id, ref Flow flow)
    {
        if (!flow.IsQueued)
        {
            flow.IsQueued = true;
            _queuedFlows.Add(id);
        }
    }

    private void Queue(int resource)
    {
        ref var queued = ref _graph.Resources[resource].IsQueued;
        if (!queued)
        {
            queued = true;
            _queuedResources.Add(resource);
        }
    }

    private void Unlink(int id)
    {
        _graph.Unlink(id);
        ref var flow = ref _graph.Flows[id];
        flow.Rate = 0;
        foreach (var resource in flow.Route[..flow.RouteLength])
        {
            if (_graph.Resources[resource].Capacity != long.MaxValue)
            {
                Queue(resource);
            }
        }
    }

    private void ReachWhatChanged()
    {
        // All links first, since a resource counts its flows when it is reached.
        foreach (var id in _queuedFlows)
        {
            ref var flow = ref _graph.Flows[id];
            if (flow.IsActive && !flow.IsLinked)
            {
                _graph.Link(id);
                flow.IsTouched = true;
            }
            else if (flow.IsLinked && !flow.IsActive)
            {
                Unlink(id);
            }
        }

        foreach (var resource in _queuedResources)
        {
            _graph.Resources[resource].IsQueued = false;
            Reach(ref _graph.Resources[resource]);
            _reached.Add(resource);
        }

        foreach (var id in _queuedFlows)
        {
            ref var flow = ref _graph.Flows[id];
            if (flow.IsLinked && flow.IsTouched && flow.Mark < _mark)
            {
                Reach(id, ref flow);
            }

            flow.IsQueued = false;
            flow.IsTouched = false;
        }

        _queuedFlows.Clear();
        _queuedResources.Clear();
    }

    /// <summary>Reaches all flows of a resource, and puts the resource among those that may become full.</summary>
    private void Spread(int id)
    {
        var flows = _graph.Flows;
        foreach (var entry in _graph.EntriesOf(id))
        {
            ref var flow = ref flows[entry >> FlowGraph.EntryShift];
            if (flow.Mark < _mark)
            {
                Reach(entry >> FlowGraph.EntryShift, ref flow);
            }
        }

        ref var resource = ref _graph.Resources[id];
        if (resource.FlowCount > 0 && resource.Capacity != long.MaxValue)
        {
            _heap.Append(resource.Capacity / resource.FlowCount, id);
        }
    }

    private void Reach(int id, ref Flow flow)
    {
        flow.Mark = _mark;
        var narrowest = long.MaxValue;
        var resources = _graph.Resources;
        for (var i = 0; i < flow.RouteLength; i++)
        {
            ref var resource = ref resources[flow.Route[i]];
            if (resource.Mark != _mark)
            {
                Reach(ref resource);
                if (resource.Capacity != long.MaxValue)
                {
                    _reached.Add(flow.Route[i]); // what is unlimited binds nobody to anybody
                }
            }

            narrowest = Math.Min(narrowest, resource.Capacity);
        }

        _unfrozenCount++;
        if (flow.Cap < narrowest)
        {
            _heap.Append(flow.Cap, ~id);
        }
        else if (narrowest == long.MaxValue)
        {
            Freeze(id, ref flow, long.MaxValue);
        }
    }

    private void Reach(ref Resource resource)
    {
        resource.Mark = _mark;
        resource.Remaining = resource.Capacity;
        resource.UnfrozenCount = resource.FlowCount;
    }

    /// <summary>Raises the level until every flow is frozen.</summary>
    private void Fill()
    {
        while (_unfrozenCount > 0)
        {
            var level = _heap.Top.Level;
            TakeFull(level);

            // Only now: what freezes first must not decide what else is full at the same level.
            foreach (var id in _full)
            {
                if (id < 0)
                {
                    Freeze(~id, ref _graph.Flows[~id], level);
                }
                else
                {
                    FreezeAll(id, level);
                }
            }

            _full.Clear();
        }

        _heap.Clear();
    }

    /// <summary>Takes from the heap whatever is full at the lowest key, and brings keys up to date that are outdated.</summary>
    private void TakeFull(long level)
    {
        while (_heap.Count > 0 && _heap.Top.Level == level)
        {
            var id = _heap.Top.Id;
            if (id < 0)
            {
                _heap.Pop();
                _full.Add(id);
                continue;
            }

            ref var resource = ref _graph.Resources[id];
            var share = resource.UnfrozenCount == 0 ? level : resource.Remaining / resource.UnfrozenCount;
            if (share > level)
            {
                _heap.RaiseTop(share);
            }
            else
            {
                _heap.Pop();
                _full.Add(id);
            }
        }
    }

    private void FreezeAll(int id, long level)
    {
        ref var resource = ref _graph.Resources[id];
        var flows = _graph.Flows;
        foreach (var entry in _graph.EntriesOf(id))
        {
            if (resource.UnfrozenCount == 0)
            {
                break;
            }

            Freeze(entry >> FlowGraph.EntryShift, ref flows[entry >> FlowGraph.EntryShift], level);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Freeze(int id, ref Flow flow, long level)
    {
        if (flow.Mark > _mark)
        {
            return;
        }

        flow.Mark = _mark + 1;
        _unfrozenCount--;
        if (flow.Rate != level)
        {
            flow.Rate = level;
            _changed.Add(id);
        }

        var resources = _graph.Resources;
        for (var i = 0; i < flow.RouteLength; i++)
        {
            ref var resource = ref resources[flow.Route[i]];
            resource.Remaining -= level;
            resource.UnfrozenCount--;
        }
    }
}
