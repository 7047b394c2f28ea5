using System.Runtime.InteropServices;

namespace Shoal.Simulation.Network;

/// <summary>
/// Brings rates up to date after a change, by filling no more than it touches. Where the level of each resource is what the levels of all
/// others make of it, all rates are max-min fair; so a <b>region</b> around the change is filled while the levels around it stand as
/// they are, like caps, and then one looks whether they still may stand: a resource outside that is full must give each of its flows
/// what it gave before, and one that is not must have room for what its flows take now. Those of which that is not so join
/// the region, and it is filled again. Most changes stay near: who gets less at a full uplink leaves room at downlinks that were not full
/// anyway. A region that has become large is no longer looked for: everything is filled.
/// </summary>
internal sealed class Recomputation(FlowGraph graph)
{
    /// <summary>Up to so many places (see <see cref="FlowGraph"/>) a region is never large.</summary>
    private const int SmallPlaceCount = 64;

    /// <summary>A larger one is if it has more than one place of so many.</summary>
    private const int LargeShare = 8;

    private readonly Filling _filling = new(graph);
    private readonly List<int> _region = []; // resources
    private readonly List<int> _changed = [];
    private readonly List<long> _before = []; // the rates that those had
    private int _placeCount; // of the region
    private int _mark;
    private int _run;

    /// <summary>The flows whose rate was changed in the last run.</summary>
    public ReadOnlySpan<int> Changed => CollectionsMarshal.AsSpan(_changed);

    /// <summary>Brings the rates up to date after these resources, and those of these flows that are touched, have changed.</summary>
    public void Run(List<int> queuedFlows, List<int> queuedResources)
    {
        _run++;
        _changed.Clear();
        _before.Clear();
        _region.Clear();
        _placeCount = 0;
        _filling.Begin(++_mark);
        foreach (var resource in queuedResources)
        {
            Include(resource); // also one that has just become unlimited: its flows were bound to each other
        }

        foreach (var id in queuedFlows)
        {
            foreach (var resource in graph.Flows[id].IsTouched ? graph.RouteOf(id) : [])
            {
                if (graph.Resources[resource].Capacity != long.MaxValue)
                {
                    Include(resource);
                }
            }
        }

        FillWhatIsTouched();
        foreach (var id in queuedFlows)
        {
            if (graph.Flows[id].IsTouched)
            {
                UpdateRate(id); // it may pass nothing that is limited
            }
        }

        ForgetUnchanged();
    }

    private void FillWhatIsTouched()
    {
        for (var filledCount = 0; filledCount < _region.Count; _filling.Begin(++_mark))
        {
            if (_placeCount > SmallPlaceCount && _placeCount > graph.PlaceCount / LargeShare)
            {
                FillEverything();
                return;
            }

            filledCount = _region.Count;
            FillRegion();
            Spread();
        }
    }

    private void FillRegion()
    {
        foreach (var resource in _region)
        {
            _filling.Add(resource);
        }

        foreach (var resource in _region)
        {
            foreach (var link in graph.LinksOf(resource))
            {
                _filling.AddLimit(link);
            }
        }

        _filling.Run();
    }

    // Takes over the new rates, and takes in those resources outside that do not bear them.
    private void Spread()
    {
        var filledCount = _region.Count;
        for (var i = 0; i < filledCount; i++)
        {
            foreach (var link in graph.LinksOf(_region[i]))
            {
                if (!UpdateRate(link.Flow))
                {
                    continue;
                }

                foreach (var other in graph.RouteOf(link.Flow))
                {
                    if (!MayStand(other))
                    {
                        Include(other);
                    }
                }
            }
        }
    }

    // Whether what is known of a resource still holds, of whose flows one has another rate than before. One byte more for each flow is the
    // most that filling may find it to lack.
    private bool MayStand(int id)
    {
        ref var resource = ref graph.Resources[id];
        return graph.Levels[id] == long.MaxValue &&
            (resource.Capacity == long.MaxValue || resource.Used <= resource.Capacity - resource.FlowCount);
    }

    private void Include(int id)
    {
        ref var resource = ref graph.Resources[id];
        if (resource.Mark != _mark)
        {
            resource.Mark = _mark;
            _region.Add(id);
            _placeCount += resource.FlowCount;
        }
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

    private bool UpdateRate(int id)
    {
        var rate = graph.Caps[id];
        foreach (var resource in graph.RouteOf(id))
        {
            rate = Math.Min(rate, graph.Levels[resource]);
        }

        ref var flow = ref graph.Flows[id];
        if (flow.Rate == rate)
        {
            return false;
        }

        if (flow.ChangedIn != _run)
        {
            flow.ChangedIn = _run;
            _changed.Add(id);
            _before.Add(flow.Rate);
        }

        graph.SetRate(id, rate);
        return true;
    }

    // Some are again what they were.
    private void ForgetUnchanged()
    {
        var count = 0;
        for (var i = 0; i < _changed.Count; i++)
        {
            if (graph.Flows[_changed[i]].Rate != _before[i])
            {
                _changed[count++] = _changed[i];
            }
        }

        CollectionsMarshal.SetCount(_changed, count);
    }
}
