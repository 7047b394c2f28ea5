using System.Runtime.CompilerServices;

namespace Shoal.Simulation.Network;

/// <summary>
/// Which flows pass which resources, in arrays without an object per flow. Each resource knows the flows through it that are linked.
/// Invariant: for a linked flow f and each place i of its route, <c>_flowsOf[route[i]][_placeOf[f * 8 + i]] == f * 8 + i</c>.
/// </summary>
internal sealed class FlowGraph
{
    /// <summary>Resources of one flow at most: both peers' links, their racks' and their zones'.</summary>
    public const int MaximumRouteLength = 6;

    /// <summary>An entry in a resource's list is the flow's id and the place in its route: id * 8 + place.</summary>
    public const int EntryShift = 3;

    private int[] _placeOf = new int[64 << EntryShift];
    private int[][] _flowsOf = new int[64][];
    private int _freeFlow = -1;

    /// <summary>The flows, by id.</summary>
    public Flow[] Flows = new Flow[64];

    /// <summary>The resources, by id.</summary>
    public Resource[] Resources = new Resource[64];

    /// <summary>Ids of flows that were ever given.</summary>
    public int FlowCount { get; private set; }

    /// <summary>The number of resources.</summary>
    public int ResourceCount { get; private set; }

    public int AddResource(long capacity)
    {
        if (ResourceCount == Resources.Length)
        {
            Array.Resize(ref Resources, ResourceCount * 2);
            Array.Resize(ref _flowsOf, ResourceCount * 2);
        }

        Resources[ResourceCount].Capacity = capacity;
        _flowsOf[ResourceCount] = [];
        return ResourceCount++;
    }

    public int AddFlow(ReadOnlySpan<int> route)
    {
        ArgumentOutOfRangeException.ThrowIfZero(route.Length, nameof(route));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(route.Length, MaximumRouteLength, nameof(route));
        foreach (var resource in route)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)resource, (uint)ResourceCount, nameof(route));
        }

        var id = _freeFlow;
        if (id >= 0)
        {
            _freeFlow = Flows[id].Route[0];
        }
        else
        {
            id = FlowCount++;
            if (id == Flows.Length)
            {
                Array.Resize(ref Flows, id * 2);
                Array.Resize(ref _placeOf, Flows.Length << EntryShift);
            }
        }

        ref var flow = ref Flows[id];
        flow.Rate = 0;
        flow.Cap = long.MaxValue;
        flow.RouteLength = (byte)route.Length;
        route.CopyTo(flow.Route);
        return id;
    }

    /// <summary>Forgets a flow that is not linked; its id is given to the next.</summary>
    public void RemoveFlow(int id)
    {
        Flows[id].RouteLength = 0;
        Flows[id].Route[0] = _freeFlow;
        _freeFlow = id;
    }

    /// <summary>The linked flows of a resource, as entries.</summary>
    public ReadOnlySpan<int> EntriesOf(int resource) => _flowsOf[resource].AsSpan(0, Resources[resource].FlowCount);

    /// <summary>Puts the flow into the lists of its resources.</summary>
    public void Link(int id)
    {
        ref var flow = ref Flows[id];
        flow.IsLinked = true;
        for (var i = 0; i < flow.RouteLength; i++)
        {
            var resource = flow.Route[i];
            ref var count = ref Resources[resource].FlowCount;
            ref var entries = ref _flowsOf[resource];
            if (count == entries.Length)
            {
                Array.Resize(ref entries, Math.Max(4, count * 2));
            }

            var entry = (id << EntryShift) + i;
            _placeOf[entry] = count;
            entries[count++] = entry;
        }
    }

    /// <summary>Takes the flow out of the lists of its resources; the last of each list takes its place.</summary>
    public void Unlink(int id)
    {
        ref var flow = ref Flows[id];
        flow.IsLinked = false;
        for (var i = 0; i < flow.RouteLength; i++)
        {
            var resource = flow.Route[i];
            var entries = _flowsOf[resource];
            var last = entries[--Resources[resource].FlowCount];
            var place = _placeOf[(id << EntryShift) + i];
            entries[place] = last;
            _placeOf[last] = place;
        }
    }
}

/// <summary>A flow. Rates in bytes per second.</summary>
internal struct Flow
{
    /// <summary>What it got in the last computation that it took part in; 0 since it was unlinked.</summary>
    public long Rate;

    /// <summary>Its own limit.</summary>
    public long Cap;

    /// <summary>In which computation it was last reached, or frozen.</summary>
    public int Mark;

    /// <summary>0 for an id that is free.</summary>
    public byte RouteLength;

    /// <summary>What the caller wants.</summary>
    public bool IsActive;

    /// <summary>Whether it was active in the last computation.</summary>
    public bool IsLinked;

    /// <summary>Whether it is in the list of those to look at in the next computation.</summary>
    public bool IsQueued;

    /// <summary>Whether the next computation must reach it.</summary>
    public bool IsTouched;

    /// <summary>The resources that it passes.</summary>
    public Route Route;
}

/// <summary>The resources that a flow passes.</summary>
[InlineArray(FlowGraph.MaximumRouteLength)]
internal struct Route
{
    private int _first;
}

/// <summary>A directed capacity. Bytes per second.</summary>
internal struct Resource
{
    /// <summary>What it can; <see cref="long.MaxValue"/> if that is no limit.</summary>
    public long Capacity;

    /// <summary>During a computation: what the frozen flows leave.</summary>
    public long Remaining;

    /// <summary>During a computation: flows that are not frozen.</summary>
    public int UnfrozenCount;

    /// <summary>In which computation it was last reached.</summary>
    public int Mark;

    /// <summary>Linked flows.</summary>
    public int FlowCount;

    /// <summary>Whether it is in the list of those to look at in the next computation.</summary>
    public bool IsQueued;
}
