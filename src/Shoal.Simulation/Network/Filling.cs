namespace Shoal.Simulation.Network;

/// <summary>
/// Progressive filling of a region of resources, or of all: finds the level at which each resource is full. A flow's rate is then the lowest
/// level of its resources, or its cap if that is lower, so filling itself need not write down a rate.
/// <para>
/// The level rises in steps of one byte per second; a resource is full when it could not give all of its unfrozen flows one byte more,
/// and all resources that are full at one level are found before any of their flows is frozen, so that no order has a say.
/// The level leaps from one full resource to the next by a queue of resources with their <b>share</b> as the key: what the frozen flows
/// left divided by the number of unfrozen ones, rounded down. Freezing updates no key: a key may be outdated, and is looked at again only
/// when it is the lowest. That is right because shares never fall: with R left for n flows, a flow frozen at a level s that no share is
/// below has s ≤ R/n, so (R − s)/(n − 1) ≥ (R − R/n)/(n − 1) = R/n. Each key is therefore a lower bound of its share, and a lowest
/// key that is up to date is the lowest share of all. The first keys are sorted; those that were outdated in their turn are in a heap.
/// </para>
/// <para>
/// Filling a resource takes the level from the other resource of each of its flows without asking whether the flow was frozen before:
/// if it was, it was by that other resource, which is full, and whose numbers nobody reads any more.
/// Only flows with three or more resources, or frozen by their caps, are asked.
/// </para>
/// <para>
/// Costs O(F·k + R + P log P) for F flows over k resources each, R resources and P outdated keys met: at most F·k, in random
/// networks about as many as resources.
/// </para>
/// </summary>
internal sealed class Filling(FlowGraph graph)
{
    private readonly LevelList _first = new();
    private readonly LevelHeap _raised = new();
    private readonly List<int> _full = [];
    private int _mark;
    private int _openCount;

    /// <summary>Begins a computation. Each has another mark, not 0.</summary>
    public void Begin(int mark)
    {
        _mark = mark;
        _openCount = 0;
        _first.Clear();
        _raised.Clear();
    }

    /// <summary>A resource of the region. Its links must be what they are to be.</summary>
    public void Add(int id)
    {
        ref var resource = ref graph.Resources[id];
        resource.Mark = _mark;
        graph.Levels[id] = long.MaxValue;
        if (resource.Capacity == long.MaxValue)
        {
            graph.Left[id] = new Left { FlowCount = int.MaxValue }; // never full, never closed
        }
        else
        {
            graph.Left[id] = new Left { Capacity = resource.Capacity, FlowCount = resource.FlowCount };
            if (resource.FlowCount > 0)
            {
                _openCount++;
                _first.Append(new LevelEntry(resource.Capacity / resource.FlowCount, id));
            }
        }
    }

    /// <summary>
    /// A flow of the region may have a limit: its cap, and the levels of what it passes outside, which stand. It may be told twice. To be
    /// called when all resources of the region are known.
    /// </summary>
    public void AddLimit(Link link)
    {
        var limit = graph.Caps[link.Flow];
        if (link.Other >= 0)
        {
            limit = Math.Min(limit, LevelOutside(link.Other));
        }
        else
        {
            foreach (var resource in graph.RouteOf(link.Flow))
            {
                limit = Math.Min(limit, LevelOutside(resource));
            }
        }

        if (limit != long.MaxValue)
        {
            _first.Append(new LevelEntry(limit, ~link.Flow));
        }
    }

    /// <summary>The same of a flow with a cap, where nothing is outside; it need not be without a limited resource.</summary>
    public void AddCap(int id)
    {
        var narrowest = long.MaxValue;
        foreach (var resource in graph.RouteOf(id))
        {
            narrowest = Math.Min(narrowest, graph.Resources[resource].Capacity);
        }

        if (graph.Caps[id] < narrowest && narrowest != long.MaxValue)
        {
            _first.Append(new LevelEntry(graph.Caps[id], ~id));
        }
    }

    /// <summary>Raises the level until every resource is full or without unfrozen flows.</summary>
    public void Run()
    {
        _first.Sort();
        while (_openCount > 0)
        {
            var level = Math.Min(_first.Lowest, _raised.Lowest);
            TakeFull(level);
            foreach (var id in _full)
            {
                if (id >= 0)
                {
                    FreezeFlowsOf(id, level);
                }
                else
                {
                    FreezeByLimit(~id, level);
                }
            }

            _full.Clear();
        }
    }

    /// <summary>Takes from the queue whatever is full at the lowest key, and brings keys up to date that are outdated.</summary>
    private void TakeFull(long level)
    {
        while (_first.Lowest == level)
        {
            var id = _first.Take();
            if (IsOutdated(id, level, out var share))
            {
                _raised.Push(new LevelEntry(share, id));
            }
        }

        while (_raised.Lowest == level)
        {
            if (IsOutdated(_raised.LowestId, level, out var share))
            {
                _raised.RaiseLowest(share);
            }
            else
            {
                _raised.TakeLowest();
            }
        }
    }

    /// <summary>Tells the higher share if the key is outdated; else what has the key is full, or has no unfrozen flows any more.</summary>
    private bool IsOutdated(int id, long level, out long share)
    {
        share = level;
        if (id < 0)
        {
            _full.Add(id);
            return false;
        }

        ref var left = ref graph.Left[id];
        if (left.FlowCount > 0)
        {
            share = left.Capacity / left.FlowCount;
            if (share > level)
            {
                return true;
            }

            graph.Levels[id] = level;
            left.FlowCount = 0;
            _openCount--;
            _full.Add(id);
        }

        return false;
    }

    private void FreezeFlowsOf(int id, long level)
    {
        var resources = graph.Left;
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

    private void FreezeByLimit(int id, long level)
    {
        if (graph.FrozenIn[id] == _mark)
        {
            return; // it was told twice
        }

        var insideCount = 0;
        foreach (var resource in graph.RouteOf(id))
        {
            if (graph.Resources[resource].Mark != _mark)
            {
                continue;
            }

            if (graph.Levels[resource] != long.MaxValue)
            {
                return; // full before, or now: that freezes it
            }

            insideCount++;
        }

        if (insideCount > 1 && !graph.Flows[id].IsOpaque)
        {
            graph.SetOpaque(id, true);
        }

        Freeze(id, level);
    }

    // What is taken from a resource outside means nothing, and must not close it.
    private long LevelOutside(int id)
    {
        if (graph.Resources[id].Mark == _mark)
        {
            return long.MaxValue;
        }

        graph.Left[id] = new Left { FlowCount = int.MaxValue };
        return graph.Levels[id];
    }

    private void Freeze(int id, long level)
    {
        graph.FrozenIn[id] = _mark;
        foreach (var resource in graph.RouteOf(id))
        {
            Take(ref graph.Left[resource], level);
        }
    }

    private void Take(ref Left left, long level)
    {
        left.Capacity -= level;
        if (--left.FlowCount == 0)
        {
            _openCount--;
        }
    }
}
