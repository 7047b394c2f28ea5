namespace Shoal.Simulation.Network;

/// <summary>
/// Max-min fair rates of flows over shared resources by progressive filling, in whole bytes per second and integer arithmetic only:
/// the same calls give the same rates on every machine, and however often one recomputes between, the rates in the end are the same.
/// <para>
/// The allocation is defined without regard to any order: a level rises from 0 in steps of one byte per second; every flow gets the
/// level, until its cap is the level or one of its resources could not give all of its unfrozen flows one byte more: then it is frozen at
/// the level. So no resource gives more than it has, and what a bottleneck loses by rounding down is less than one byte per second for
/// each flow that it froze: the rates are the exact max-min allocation of a network whose bottlenecks have that much less.
/// </para>
/// <para>
/// Here is what callers say and ask; <see cref="Recomputation"/> finds what a change may touch, and <see cref="Filling"/> the levels.
/// Nothing is allocated once the arrays have grown. Not thread-safe.
/// </para>
/// </summary>
internal sealed class FairShares
{
    private readonly FlowGraph _graph = new();
    private readonly Recomputation _recomputation;
    private readonly List<int> _queuedFlows = [];
    private readonly List<int> _queuedResources = [];

    public FairShares() => _recomputation = new Recomputation(_graph);

    /// <summary>Whether something was changed since the last <see cref="Recompute"/> that may change a rate.</summary>
    public bool IsDirty => _queuedFlows.Count > 0 || _queuedResources.Count > 0;

    /// <summary>
    /// The active flows whose rate the last <see cref="Recompute"/> changed, each once; the same calls give the same order.
    /// Valid until the next.
    /// </summary>
    public ReadOnlySpan<int> Changed => _recomputation.Changed;

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
    /// Whether the flow has something to send. Going and coming back between two recomputations changes nothing: nobody else has been
    /// given its rate.
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
        ref var cap = ref _graph.Caps[flow];

        // A cap above the rate did not make the rate, and one that is not below it will not change it.
        var makesNoDifference = cap == bytesPerSecond || (known.Rate < cap && known.Rate <= bytesPerSecond);
        cap = bytesPerSecond;
        if (cap == long.MaxValue && known.IsOpaque && known.RouteLength <= 2)
        {
            _graph.SetOpaque(flow, false);
        }

        if (known.IsLinked && !makesNoDifference)
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

    /// <summary>Computes the rates anew of all that a change may have touched.</summary>
    public void Recompute()
    {
        UpdateLinks();
        _recomputation.Run(_queuedFlows, _queuedResources);
        ClearQueues();
    }

    private ref FlowState Known(int flow)
    {
        ref var known = ref _graph.Flows[flow];
        if (known.RouteLength == 0)
        {
            throw new InvalidOperationException($"there is no flow {flow}");
        }

        return ref known;
    }

    private void Queue(int id, ref FlowState flow)
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
        foreach (var resource in _graph.RouteOf(id))
        {
            if (_graph.Resources[resource].Capacity != long.MaxValue)
            {
                Queue(resource);
            }
        }
    }

    /// <summary>Does what was put off: all links must be right before a resource is reached, since it counts its flows then.</summary>
    private void UpdateLinks()
    {
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

            flow.IsTouched &= flow.IsLinked;
        }
    }

    private void ClearQueues()
    {
        foreach (var id in _queuedFlows)
        {
            _graph.Flows[id].IsQueued = false;
            _graph.Flows[id].IsTouched = false;
        }

        foreach (var resource in _queuedResources)
        {
            _graph.Resources[resource].IsQueued = false;
        }

        _queuedFlows.Clear();
        _queuedResources.Clear();
    }
}
