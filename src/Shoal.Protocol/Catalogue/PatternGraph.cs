using System.Text;

namespace Shoal.Protocol.Catalogue;

/// <summary>
/// A pattern as a graph of its places (Glushkov's construction): a place takes one character, and there is an edge to it
/// from each that may come before it. A name matches if its characters lead from the first place, which stands before them,
/// to the last, which stands behind them. From every place there is a way to the last.
/// </summary>
internal sealed class PatternGraph
{
    private readonly int _capacity;
    private readonly List<ScalarSet> _sets = [];
    private readonly List<Bitfield> _after = [];
    private readonly List<Bitfield> _before = [];

    /// <summary>Only the first place. As many can be added as make <paramref name="capacity"/>.</summary>
    public PatternGraph(int capacity)
    {
        _capacity = capacity;
        Add(ScalarSet.None);
    }

    /// <summary>The number of places; the last is the last that was added.</summary>
    public int Count => _sets.Count;

    /// <summary>No places.</summary>
    public Bitfield Nowhere() => new(_capacity);

    /// <summary>What the place takes.</summary>
    public ScalarSet SetOf(int place) => _sets[place];

    /// <summary>Where the name may be next. Not to be changed.</summary>
    public Bitfield After(int place) => _after[place];

    /// <summary>Adds a place to which no edge leads yet.</summary>
    public int Add(ScalarSet set)
    {
        _sets.Add(set);
        _after.Add(Nowhere());
        _before.Add(Nowhere());
        return _sets.Count - 1;
    }

    /// <summary>Adds an edge from each of the places.</summary>
    public void Join(Bitfield places, int next)
    {
        for (var place = places.NextSet(0); place >= 0; place = places.NextSet(place + 1))
        {
            _after[place].Set(next);
        }

        _before[next].Add(places);
    }

    /// <summary>The longest text with which all that matches begins, and where it may go on from there.</summary>
    public string Prefix(out Bitfield next) => string.Concat(Walk(_after, 0, out next).Select(Text));

    /// <summary>The longest text with which all that matches ends.</summary>
    public string Suffix() => string.Concat(Walk(_before, Count - 1, out _).AsEnumerable().Reverse().Select(Text));

    // As long as there is but one way to go on. It ends: a place that comes after itself takes more than one character, and so
    // do the first and the last place in that they take none.
    private List<int> Walk(List<Bitfield> edges, int from, out Bitfield next)
    {
        var walked = new List<int>();
        next = edges[from];
        while (OnlyScalarOf(next) is var scalar and >= 0)
        {
            walked.Add(scalar);
            var further = Nowhere();
            for (var place = next.NextSet(0); place >= 0; place = next.NextSet(place + 1))
            {
                further.Add(edges[place]);
            }

            next = further;
        }

        return walked;
    }

    private int OnlyScalarOf(Bitfield places)
    {
        var first = places.NextSet(0);
        var only = _sets[first].Single;
        for (var place = first; place >= 0 && only >= 0; place = places.NextSet(place + 1))
        {
            only = _sets[place].Single == only ? only : -1;
        }

        return only;
    }

    private static string Text(int scalar) => new Rune(scalar).ToString();
}
