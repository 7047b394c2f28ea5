namespace Shoal.Simulation.Network;

/// <summary>
/// Which flows pass which resources, in arrays without an object per flow. Each resource lists the places of the linked flows through it:
/// a place is the flow's id * 8 + the position in its route, and beside it stands the route's other resource, so that filling needs not
/// look at the flow. Where it must (routes of more than two, flows that their own cap has frozen), -1 stands there instead.
/// Invariant: for a linked flow f and each position i, <c>LinksOf(route[i])[_indexOf[f * 8 + i]].Place == f * 8 + i</c>, and either all
/// places of a flow have -1 beside them or none.
/// </summary>
internal sealed class FlowGraph
{
    /// <summary>Resources of one flow at most: both peers' links, their racks' and their zones'.</summary>
    public const int MaximumRouteLength = 6;

    /// <summary>A place is a flow shifted so far to the left, and a position.</summary>
    public const int PlaceShift = 3;

    /// <summary>The resources, by id.</summary>
    public Resource[] Resources = new Resource[64];

    /// <summary>What is left of each resource during a computation, by id.</summary>
    public Left[] Left = new Left[64];

    /// <summary>The level at which each resource was full when last computed, by id; <see cref="long.MaxValue"/> if it was not.</summary>
    public long[] Levels = new long[64];

    /// <summary>The flows, by id.</summary>
    public FlowState[] Flows = new FlowState[64];

    /// <summary>The flows' own limits, by id; <see cref="long.MaxValue"/> for none, and for ids that are free.</summary>
    public long[] Caps = new long[64];

    /// <summary>In which computation a flow with -1 beside its places was last frozen, by id.</summary>
    public int[] FrozenIn = new int[64];

    private int[] _routes = new int[64 << PlaceShift];
    private int[] _indexOf = new int[64 << PlaceShift];
    private Link[][] _links = new Link[64][];
    private int _freeFlow = -1;

    /// <summary>Ids of flows that were ever given.</summary>
    public int FlowCount { get; private set; }

    /// <summary>The number of resources.</summary>
    public int ResourceCount { get; private set; }

    /// <summary>Places of linked flows in all lists together.</summary>
    public int PlaceCount { get; private set; }

    public int AddResource(long capacity)
    {
        if (ResourceCount == Resources.Length)
        {
            Array.Resize(ref Resources, ResourceCount * 2);
            Array.Resize(ref Left, ResourceCount * 2);
            Array.Resize(ref Levels, ResourceCount * 2);
            Array.Resize(ref _links, ResourceCount * 2);
        }

        Resources[ResourceCount].Capacity = capacity;
        Levels[ResourceCount] = long.MaxValue;
        _links[ResourceCount] = [];
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
            _freeFlow = _routes[id << PlaceShift];
        }
        else
        {
            id = FlowCount++;
            if (id == Flows.Length)
            {
                Grow();
            }
        }

        ref var flow = ref Flows[id];
        flow.Rate = 0;
        flow.RouteLength = (byte)route.Length;
        flow.IsOpaque = route.Length > 2;
        Caps[id] = long.MaxValue;
        route.CopyTo(_routes.AsSpan(id << PlaceShift));
        return id;
    }

    /// <summary>Forgets a flow that is not linked; its id is given to the next.</summary>
    public void RemoveFlow(int id)
    {
        Flows[id].RouteLength = 0;
        Caps[id] = long.MaxValue;
        _routes[id << PlaceShift] = _freeFlow;
        _freeFlow = id;
    }

    /// <summary>The resources that a flow passes.</summary>
    public ReadOnlySpan<int> RouteOf(int id) => _routes.AsSpan(id << PlaceShift, Flows[id].RouteLength);

    /// <summary>The linked flows of a resource.</summary>
    public ReadOnlySpan<Link> LinksOf(int resource) => _links[resource].AsSpan(0, Resources[resource].FlowCount);

    /// <summary>Puts the flow into the lists of its resources.</summary>
    public void Link(int id)
    {
        Flows[id].IsLinked = true;
        var route = RouteOf(id);
        PlaceCount += route.Length;
        for (var i = 0; i < route.Length; i++)
        {
            ref var count = ref Resources[route[i]].FlowCount;
            ref var links = ref _links[route[i]];
            if (count == links.Length)
            {
                Array.Resize(ref links, Math.Max(4, count * 2));
            }

            var place = (id << PlaceShift) + i;
            _indexOf[place] = count;
            links[count++] = new Link(place, OtherOf(id, i));
        }
    }

    /// <summary>Takes the flow out of the lists of its resources; the last of each list takes its place. It has no rate then.</summary>
    public void Unlink(int id)
    {
        SetRate(id, 0);
        Flows[id].IsLinked = false;
        var route = RouteOf(id);
        PlaceCount -= route.Length;
        for (var i = 0; i < route.Length; i++)
        {
            var links = _links[route[i]];
            var last = links[--Resources[route[i]].FlowCount];
            var index = _indexOf[(id << PlaceShift) + i];
            links[index] = last;
            _indexOf[last.Place] = index;
        }
    }

    /// <summary>What a flow gets from now on.</summary>
    public void SetRate(int id, long rate)
    {
        ref var flow = ref Flows[id];
        foreach (var resource in RouteOf(id))
        {
            Resources[resource].Used += rate - flow.Rate;
        }

        flow.Rate = rate;
    }

    /// <summary>Sets whether a flow must be looked at itself.</summary>
    public void SetOpaque(int id, bool isOpaque)
    {
        Flows[id].IsOpaque = isOpaque;
        var route = RouteOf(id);
        for (var i = 0; Flows[id].IsLinked && i < route.Length; i++)
        {
            var place = (id << PlaceShift) + i;
            _links[route[i]][_indexOf[place]] = new Link(place, OtherOf(id, i));
        }
    }

    /// <summary>A flow over one resource has that as its own other: a full resource does not mind to be told of its flows.</summary>
    private int OtherOf(int id, int position) =>
        Flows[id].IsOpaque ? -1 : _routes[(id << PlaceShift) + (Flows[id].RouteLength == 2 ? 1 - position : 0)];

    private void Grow()
    {
        var length = Flows.Length * 2;
        Array.Resize(ref Flows, length);
        Array.Resize(ref Caps, length);
        Array.Resize(ref FrozenIn, length);
        Array.Resize(ref _routes, length << PlaceShift);
        Array.Resize(ref _indexOf, length << PlaceShift);
    }
}

/// <summary>A flow in a resource's list.</summary>
/// <param name="Place">The flow's id * 8 + the position in its route.</param>
/// <param name="Other">The other resource of its route; -1 if the flow must be looked at itself.</param>
internal readonly record struct Link(int Place, int Other)
{
    /// <summary>The flow.</summary>
    public int Flow => Place >> FlowGraph.PlaceShift;
}

/// <summary>What is known of a flow.</summary>
internal struct FlowState
{
    /// <summary>Bytes per second that it got in the last computation that it took part in; 0 since it was unlinked.</summary>
    public long Rate;

    /// <summary>In which run its rate was last changed.</summary>
    public int ChangedIn;

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

    /// <summary>Whether filling must look at it.</summary>
    public bool IsOpaque;
}

/// <summary>A directed capacity. Bytes per second.</summary>
internal struct Resource
{
    /// <summary>What it can; <see cref="long.MaxValue"/> if that is no limit.</summary>
    public long Capacity;

    /// <summary>The rates of its linked flows together: of those that nothing limits that is far more than a long can hold.</summary>
    public Int128 Used;

    /// <summary>In which computation it last took part.</summary>
    public int Mark;

    /// <summary>Linked flows.</summary>
    public int FlowCount;

    /// <summary>Whether it is in the list of those to look at in the next computation.</summary>
    public bool IsQueued;
}

/// <summary>What is left of a resource: hot, so apart from the rest.</summary>
internal struct Left
{
    /// <summary>Bytes per second that the frozen flows leave.</summary>
    public long Capacity;

    /// <summary>Flows that are not frozen.</summary>
    public int FlowCount;
}
