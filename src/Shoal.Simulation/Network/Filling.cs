namespace Shoal.Simulation.Network;

/// <summary>
/// Progressive filling of one or several components: finds the level at which each resource is full. A flow's rate is then the lowest
/// level of its resources, or its cap if that is lower, so filling itself need not write down a rate.
/// <para>
/// The level rises in steps of one byte per second; a resource is full when it could not give all of its unfrozen flows one byte more,
/// and all resources that are full at one level are found before any of their flows is frozen, so that no order has a say.
/// The level leaps from one full resource to the next by a heap of resources with their <b>share</b>: what the frozen flows left divided
/// by the number of unfrozen ones, rounded down. Freezing updates no key: a key may be outdated, and is looked at again only when it is
/// the lowest. That is right because shares never fall: with R left for n flows, a flow frozen at a level s that no share is below has
/// s ≤ R/n, so (R − s)/(n − 1) ≥ (R − R/n)/(n − 1) = R/n. Each key is therefore a lower bound of its share, and a lowest key that is
/// up to date is the lowest share of all.
/// </para>
/// <para>
/// Filling a resource takes the level from the other resource of each of its flows without asking whether the flow was frozen before:
/// if it was, it was by that other resource, which is full, and whose numbers nobody reads any more.
/// Only flows with three or more resources, or frozen by their caps, are asked.
/// </para>
/// </summary>
internal sealed class Filling(FlowGraph graph)
{
    private readonly LevelHeap _heap = new();
    private readonly List<int> _full = [];
    private int _mark;
    private int _openCount;

    /// <summary>Begins a computation. Each has another mark, not 0.</summary>
    public void Begin(int mark)
    {
        _mark = mark;
        _openCount = 0;
        _heap.Clear();
    }

    /// <summary>A resource of the component. Its links must be what they are to be.</summary>
    public void Add(int id, ref Resource resource)
    {
        resource.Mark = _mark;
        resource.Remaining = resource.Capacity;
        resource.Level = long.MaxValue;
        if (resource.Capacity == long.MaxValue)
        {
            resource.UnfrozenCount = int.MaxValue; // never full, never closed
        }
        else
        {
            resource.UnfrozenCount = resource.FlowCount;
            if (resource.FlowCount > 0)
            {
                _openCount++;
                _heap.Append(resource.Capacity / resource.FlowCount, id);
            }
        }
    }

    /// <summary>A flow of the component with a cap; it may be told more than once. One without a limited resource needs not be told.</summary>
    public void AddCap(int id)
    {
        var narrowest = long.MaxValue;
        foreach (var resource in graph.RouteOf(id))
        {
            narrowest = Math.Min(narrowest, graph.Resources[resource].Capacity);
        }

        if (graph.Caps[id] < narrowest && narrowest != long.MaxValue)
        {
            _heap.Append(graph.Caps[id], ~id);
        }
    }

    /// <summary>Raises the level until every resource is full or without unfrozen flows.</summary>
    public void Run()
    {
        _heap.Build();
        while (_openCount > 0)
        {
            var level = _heap.Top.Level;
            TakeFull(level);
            foreach (var id in _full)
            {
                if (id >= 0)
                {
                    FreezeFlowsOf(id, level);
                }
                else
                {
                    FreezeByCap(~id, level);
                }
            }

            _full.Clear();
        }
    }

    /// <summary>Takes from the heap whatever is full at the lowest key, and brings keys up to date that are outdated.</summary>
    private void TakeFull(long level)
    {
        while (_heap.Count > 0 && _heap.Top.Level == level)
        {
            var id = _heap.Top.Id;
            if (id >= 0)
            {
                ref var resource = ref graph.Resources[id];
                if (resource.UnfrozenCount > 0)
                {
                    var share = resource.Remaining / resource.UnfrozenCount;
                    if (share > level)
                    {
                        _heap.RaiseTop(share);
                        continue;
                    }

                    resource.Level = level;
                    resource.UnfrozenCount = 0;
                    _openCount--;
                    _full.Add(id);
                }
            }
            else
            {
                _full.Add(id);
            }

            _heap.Pop();
        }
    }

    private void FreezeFlowsOf(int id, long level)
    {
        var resources = graph.Resources;
        foreach (var link in graph.LinksOf(id))
        {
            if (link.Other >= 0)
            {
                Take(ref resources[link.Other], level);
            }
            else if (graph.FrozenIn[link.Flow] != _mark)
            {
                Freeze(link.Flow, level);
            }
        }
    }

    private void FreezeByCap(int id, long level)
    {
        if (graph.FrozenIn[id] == _mark)
        {
            return; // it was told twice
        }

        foreach (var resource in graph.RouteOf(id))
        {
            if (graph.Resources[resource].Level != long.MaxValue)
            {
                return; // full before, or now: that freezes it
            }
        }

        if (!graph.Flows[id].IsOpaque)
        {
            graph.SetOpaque(id, true);
        }

        Freeze(id, level);
    }

    private void Freeze(int id, long level)
    {
        graph.FrozenIn[id] = _mark;
        foreach (var resource in graph.RouteOf(id))
        {
            Take(ref graph.Resources[resource], level);
        }
    }

    private void Take(ref Resource resource, long level)
    {
        resource.Remaining -= level;
        if (--resource.UnfrozenCount == 0)
        {
            _openCount--;
        }
    }
}
