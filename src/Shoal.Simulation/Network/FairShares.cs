using System.Runtime.InteropServices;

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
/// A recomputation touches what is connected with a change through active flows and limited resources; see <see cref="Filling"/> for how
/// and at what cost. Where one component has most of all flows, looking for its members costs more than filling, so a change in it
/// recomputes everything: the others come to what they had. Nothing is allocated once the arrays have grown. Not thread-safe.
/// </para>
/// </summary>
internal sealed class FairShares
{
    /// <summary>After so many recomputations of everything one looks whether the giant component still is one.</summary>
    private const int GiantLifetime = 64;

    private readonly FlowGraph _graph = new();
    private readonly Filling _filling;
    private readonly List<int> _queuedFlows = [];
    private readonly List<int> _queuedResources = [];
    private readonly List<int> _reached = [];
    private readonly List<int> _changed = [];
    private int _mark;
    private int _giantAge;

    public FairShares() => _filling = new Filling(_graph);

    /// <summary>Whether something was changed since the last <see cref="Recompute"/> that may change a rate.</summary>
    public bool IsDirty => _queuedFlows.Count > 0 || _queuedResources.Count > 0;

    /// <summary>
    /// The active flows whose rate the last <see cref="Recompute"/> changed, each once; the same calls give the same order.
    /// Valid until the next.
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
        _changed.Clear();
        if (!IsDirty)
        {
            return;
        }

        _filling.Begin(++_mark);
        UpdateLinks();
        var isGiant = IsGiantTouched();
        if (isGiant && ++_giantAge < GiantLifetime)
        {
            FillEverything();
        }
        else
        {
            FillReached(isGiant);
        }

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
        _graph.Flows[id].Rate = 0;
        foreach (var resource in _graph.RouteOf(id))
        {
            if (_graph.Resources[resource].Capacity != long.MaxValue)
            {
                Queue(resource);
            }
        }
    }

    /// <summary>Does what was put off: all links must be made before a resource is reached, since it counts its flows then.</summary>
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

    private bool IsGiantTouched()
    {
        foreach (var resource in _queuedResources)
        {
            if (_graph.Resources[resource].IsInGiant)
            {
                return true;
            }
        }

        foreach (var id in _queuedFlows)
        {
            if (_graph.Flows[id].IsTouched && _graph.Resources[_graph.RouteOf(id)[0]].IsInGiant)
            {
                return true;
            }
        }

        return false;
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

    private void FillEverything()
    {
        for (var id = 0; id < _graph.ResourceCount; id++)
        {
            _filling.Add(id);
        }

        var caps = _graph.Caps.AsSpan(0, _graph.FlowCount);
        for (var id = 0; id < caps.Length; id++)
        {
            if (caps[id] != long.MaxValue && _graph.Flows[id].IsLinked)
            {
                _filling.AddCap(id);
            }
        }

        _filling.Run();
        for (var id = 0; id < caps.Length; id++)
        {
            if (_graph.Flows[id].IsLinked)
            {
                UpdateRate(id);
            }
        }
    }

    private void FillReached(bool isGiantOld)
    {
        ReachWhatChanged();
        var placeCount = 0;
        for (var i = 0; i < _reached.Count; i++)
        {
            foreach (var link in _graph.LinksOf(_reached[i]))
            {
                ReachOthers(link);
            }

            placeCount += _graph.Resources[_reached[i]].FlowCount;
        }

        _filling.Run();
        foreach (var resource in _reached)
        {
            foreach (var link in _graph.LinksOf(resource))
            {
                UpdateRate(link.Flow);
            }
        }

        foreach (var id in _queuedFlows)
        {
            if (_graph.Flows[id].IsTouched)
            {
                UpdateRate(id); // it may pass nothing that is limited
            }
        }

        _reached.Clear();
        var isGiant = placeCount * 2L > _graph.PlaceCount;
        if (isGiant || isGiantOld)
        {
            RememberGiant(isGiant);
        }
    }

    private void ReachWhatChanged()
    {
        foreach (var resource in _queuedResources)
        {
            // Also one that has just become unlimited: its flows were bound to each other.
            _filling.Add(resource);
            _reached.Add(resource);
        }

        foreach (var id in _queuedFlows)
        {
            if (_graph.Flows[id].IsTouched)
            {
                foreach (var resource in _graph.RouteOf(id))
                {
                    Reach(resource);
                }
            }
        }
    }

    private void ReachOthers(Link link)
    {
        if (link.Other >= 0)
        {
            Reach(link.Other);
        }
        else
        {
            foreach (var resource in _graph.RouteOf(link.Flow))
            {
                Reach(resource);
            }
        }

        if (_graph.Caps[link.Flow] != long.MaxValue)
        {
            _filling.AddCap(link.Flow);
        }
    }

    private void Reach(int id)
    {
        ref var resource = ref _graph.Resources[id];
        if (resource.Mark != _mark)
        {
            _filling.Add(id);
            if (resource.Capacity != long.MaxValue)
            {
                _reached.Add(id); // what is unlimited binds nobody to anybody
            }
        }
    }

    private void RememberGiant(bool isGiant)
    {
        _giantAge = 0;
        foreach (ref var resource in _graph.Resources.AsSpan(0, _graph.ResourceCount))
        {
            resource.IsInGiant = isGiant && resource.Mark == _mark;
        }
    }

    private void UpdateRate(int id)
    {
        var rate = _graph.Caps[id];
        foreach (var resource in _graph.RouteOf(id))
        {
            rate = Math.Min(rate, _graph.Levels[resource]);
        }

        ref var flow = ref _graph.Flows[id];
        if (flow.Rate != rate)
        {
            flow.Rate = rate;
            _changed.Add(id);
        }
    }
}
