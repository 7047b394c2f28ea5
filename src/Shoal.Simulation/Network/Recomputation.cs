using System.Runtime.InteropServices;

namespace Shoal.Simulation.Network;

/// <summary>
/// Recomputes the rates of what is connected with a change through linked flows and limited resources, and of nothing else.
/// Where one component has most of all flows, looking for its members costs more than filling it; so a change in such a giant
/// recomputes everything, and the others come to what they had. Whether a component is a giant is a guess that decides about the cost
/// only: it is made when the component is walked through, and made anew every so often.
/// </summary>
internal sealed class Recomputation(FlowGraph graph)
{
    /// <summary>After so many recomputations of everything one looks whether the giant still is one.</summary>
    private const int GiantLifetime = 64;

    private readonly Filling _filling = new(graph);
    private readonly List<int> _reached = [];
    private readonly List<int> _changed = [];
    private int _mark;
    private int _giantAge;

    /// <summary>The flows whose rate was changed in the last run.</summary>
    public ReadOnlySpan<int> Changed => CollectionsMarshal.AsSpan(_changed);

    /// <summary>Brings the rates up to date after these resources, and those of these flows that are touched, have changed.</summary>
    public void Run(List<int> queuedFlows, List<int> queuedResources)
    {
        _changed.Clear();
        if (queuedFlows.Count + queuedResources.Count == 0)
        {
            return;
        }

        _filling.Begin(++_mark);
        var isGiant = IsGiantTouched(queuedFlows, queuedResources);
        if (isGiant && ++_giantAge < GiantLifetime)
        {
            FillEverything();
        }
        else
        {
            FillReached(queuedFlows, queuedResources, isGiant);
        }
    }

    private bool IsGiantTouched(List<int> queuedFlows, List<int> queuedResources)
    {
        foreach (var resource in queuedResources)
        {
            if (graph.Resources[resource].IsInGiant)
            {
                return true;
            }
        }

        foreach (var id in queuedFlows)
        {
            foreach (var resource in graph.Flows[id].IsTouched ? graph.RouteOf(id) : [])
            {
                if (graph.Resources[resource].IsInGiant)
                {
                    return true;
                }
            }
        }

        return false;
    }

    private void FillEverything()
    {
        for (var id = 0; id < graph.ResourceCount; id++)
        {
            _filling.Add(id);
        }

        var caps = graph.Caps.AsSpan(0, graph.FlowCount);
        for (var id = 0; id < caps.Length; id++)
        {
            if (caps[id] != long.MaxValue && graph.Flows[id].IsLinked)
            {
                _filling.AddCap(id);
            }
        }

        _filling.Run();
        for (var id = 0; id < caps.Length; id++)
        {
            if (graph.Flows[id].IsLinked)
            {
                UpdateRate(id);
            }
        }
    }

    private void FillReached(List<int> queuedFlows, List<int> queuedResources, bool isGiantOld)
    {
        ReachWhatChanged(queuedFlows, queuedResources);
        var placeCount = 0;
        for (var i = 0; i < _reached.Count; i++)
        {
            foreach (var link in graph.LinksOf(_reached[i]))
            {
                ReachOthers(link);
            }

            placeCount += graph.Resources[_reached[i]].FlowCount;
        }

        _filling.Run();
        foreach (var resource in _reached)
        {
            foreach (var link in graph.LinksOf(resource))
            {
                UpdateRate(link.Flow);
            }
        }

        foreach (var id in queuedFlows)
        {
            if (graph.Flows[id].IsTouched)
            {
                UpdateRate(id); // it may pass nothing that is limited
            }
        }

        _reached.Clear();

        // Most of all that is linked, and enough that walking over everything, idle or not, is the cheaper way.
        var isGiant = placeCount > graph.PlaceCount / 2 && placeCount > (graph.ResourceCount + graph.FlowCount) / 4;
        if (isGiant || isGiantOld)
        {
            RememberGiant(isGiant);
        }
    }

    private void ReachWhatChanged(List<int> queuedFlows, List<int> queuedResources)
    {
        foreach (var resource in queuedResources)
        {
            // Also one that has just become unlimited: its flows were bound to each other.
            _filling.Add(resource);
            _reached.Add(resource);
        }

        foreach (var id in queuedFlows)
        {
            if (graph.Flows[id].IsTouched)
            {
                foreach (var resource in graph.RouteOf(id))
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
            foreach (var resource in graph.RouteOf(link.Flow))
            {
                Reach(resource);
            }
        }

        if (graph.Caps[link.Flow] != long.MaxValue)
        {
            _filling.AddCap(link.Flow);
        }
    }

    private void Reach(int id)
    {
        ref var resource = ref graph.Resources[id];
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
        foreach (ref var resource in graph.Resources.AsSpan(0, graph.ResourceCount))
        {
            resource.IsInGiant = isGiant && resource.Mark == _mark;
        }
    }

    private void UpdateRate(int id)
    {
        var rate = graph.Caps[id];
        foreach (var resource in graph.RouteOf(id))
        {
            rate = Math.Min(rate, graph.Levels[resource]);
        }

        ref var flow = ref graph.Flows[id];
        if (flow.Rate != rate)
        {
            flow.Rate = rate;
            _changed.Add(id);
        }
    }
}
