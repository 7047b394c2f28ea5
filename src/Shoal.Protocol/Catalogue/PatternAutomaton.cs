using System.Numerics;

namespace Shoal.Protocol.Catalogue;

/// <summary>
/// Runs a name through a graph, along all ways at once: a set of bits has the places where the name may be. So for every
/// pattern the time is in proportion to the name (at worst a step for each of its characters and each of the pattern's), and
/// nothing is allocated. Immutable.
/// </summary>
internal sealed class PatternAutomaton
{
    private const int BitsPerWord = 64;

    // For the places of the longest pattern, of a character each, and the start.
    private const int MaximumWordCount = (NamePattern.MaximumLength / BitsPerWord) + 1;

    private readonly int _wordCount;

    // By state, which is a place from which the name may go on; state 0 is where it begins. Mostly a state leads to its
    // neighbours, so of a row no more is read than from the first word that has a bit to the last.
    private readonly ulong[] _next;
    private readonly (int Start, int End)[] _rows;

    // The states in which a name may end; and those in which it matches whatever else is to come.
    private readonly ulong[] _ends;
    private readonly ulong[] _takesAll;

    // Characters between which the pattern makes no difference are of one kind: at which character a kind begins, and which
    // states take it.
    private readonly int[] _kindStarts;
    private readonly ulong[] _takers;
    private readonly ushort[] _asciiKinds = new ushort[128];

    /// <summary>An automaton for what is left of a name that has come to one of the places before <paramref name="first"/>.</summary>
    public PatternAutomaton(PatternGraph graph, Bitfield first)
    {
        var last = graph.Count - 1;
        var places = Reachable(graph, first);
        var stateOf = new int[graph.Count];
        for (var state = 1; state < places.Count; state++)
        {
            stateOf[places[state]] = state;
        }

        _wordCount = ((places.Count - 1) / BitsPerWord) + 1;
        _next = new ulong[places.Count * _wordCount];
        _rows = new (int, int)[places.Count];
        _ends = new ulong[_wordCount];
        _takesAll = new ulong[_wordCount];
        for (var state = 0; state < places.Count; state++)
        {
            var after = state == 0 ? first : graph.After(places[state]);
            var row = _next.AsSpan(state * _wordCount, _wordCount);
            for (var place = after.NextSet(0); place >= 0 && place != last; place = after.NextSet(place + 1))
            {
                Set(row, stateOf[place]);
                if (after[last] && graph.SetOf(place) == ScalarSet.Any && graph.After(place) is var loop && loop[place] && loop[last])
                {
                    Set(_takesAll, state);
                }
            }

            if (after[last])
            {
                Set(_ends, state);
            }

            var start = Math.Max(row.IndexOfAnyExcept(0UL), 0);
            _rows[state] = (start, Math.Max(row.LastIndexOfAnyExcept(0UL) + 1, start));
        }

        int[] kindStarts = [0, .. places.Skip(1).SelectMany(place => graph.SetOf(place).Ranges).SelectMany(range => new[] { range.From, range.To + 1 })];
        _kindStarts = [.. kindStarts.Distinct().Order()];
        _takers = new ulong[_kindStarts.Length * _wordCount];
        for (var state = 1; state < places.Count; state++)
        {
            foreach (var (from, to) in graph.SetOf(places[state]).Ranges)
            {
                for (var kind = KindOf(from); kind < _kindStarts.Length && _kindStarts[kind] <= to; kind++)
                {
                    Set(_takers.AsSpan(kind * _wordCount, _wordCount), state);
                }
            }
        }

        for (var character = 0; character < _asciiKinds.Length; character++)
        {
            _asciiKinds[character] = (ushort)KindOf(character);
        }
    }

    /// <summary>Whether the rest of a name leads to the graph's last place. Thread-safe.</summary>
    public bool Accepts(ReadOnlySpan<char> rest) => _wordCount == 1 ? AcceptsNarrow(rest) : AcceptsWide(rest);

    private bool AcceptsNarrow(ReadOnlySpan<char> rest)
    {
        var (next, takers, takesAll) = (_next, _takers, _takesAll[0]);
        var states = 1UL;
        for (var at = 0; (states & takesAll) == 0;)
        {
            if (at == rest.Length)
            {
                return (states & _ends[0]) != 0;
            }

            var reached = 0UL;
            for (var left = states; left != 0; left &= left - 1)
            {
                reached |= next[BitOperations.TrailingZeroCount(left)];
            }

            states = reached & takers[NextKind(rest, ref at)];
            if (states == 0)
            {
                return false;
            }
        }

        return true;
    }

    private bool AcceptsWide(ReadOnlySpan<char> rest)
    {
        var states = (stackalloc ulong[MaximumWordCount])[.._wordCount];
        var reached = (stackalloc ulong[MaximumWordCount])[.._wordCount];
        states.Clear();
        states[0] = 1;
        for (var at = 0; !Overlap(states, _takesAll);)
        {
            if (at == rest.Length)
            {
                return Overlap(states, _ends);
            }

            reached.Clear();
            for (var word = 0; word < states.Length; word++)
            {
                for (var left = states[word]; left != 0; left &= left - 1)
                {
                    var state = (word * BitsPerWord) + BitOperations.TrailingZeroCount(left);
                    var (start, end) = _rows[state];
                    for (var i = start; i < end; i++)
                    {
                        reached[i] |= _next[(state * _wordCount) + i];
                    }
                }
            }

            var takers = _takers.AsSpan(NextKind(rest, ref at) * _wordCount, _wordCount);
            var any = 0UL;
            for (var word = 0; word < states.Length; word++)
            {
                states[word] = reached[word] & takers[word];
                any |= states[word];
            }

            if (any == 0)
            {
                return false;
            }
        }

        return true;
    }

    private int NextKind(ReadOnlySpan<char> rest, ref int at)
    {
        var character = rest[at++];
        if (character < _asciiKinds.Length)
        {
            return _asciiKinds[character];
        }

        return at < rest.Length && char.IsSurrogatePair(character, rest[at])
            ? KindOf(char.ConvertToUtf32(character, rest[at++]))
            : KindOf(character);
    }

    private int KindOf(int scalar)
    {
        var index = _kindStarts.AsSpan().BinarySearch(scalar);
        return index >= 0 ? index : ~index - 1;
    }

    // The places but the last to which some way leads, behind one that stands for the start.
    private static List<int> Reachable(PatternGraph graph, Bitfield first)
    {
        var reached = first.Clone();
        var waiting = new Stack<int>();
        for (var place = first.NextSet(0); place >= 0; place = first.NextSet(place + 1))
        {
            waiting.Push(place);
        }

        while (waiting.TryPop(out var place))
        {
            var after = graph.After(place);
            for (var next = after.NextSet(0); next >= 0; next = after.NextSet(next + 1))
            {
                if (reached.Set(next))
                {
                    waiting.Push(next);
                }
            }
        }

        return [0, .. Enumerable.Range(1, graph.Count - 2).Where(place => reached[place])];
    }

    private static void Set(Span<ulong> bits, int index) => bits[index / BitsPerWord] |= 1UL << (index % BitsPerWord);

    private static bool Overlap(ReadOnlySpan<ulong> left, ReadOnlySpan<ulong> right)
    {
        for (var word = 0; word < left.Length; word++)
        {
            if ((left[word] & right[word]) != 0)
            {
                return true;
            }
        }

        return false;
    }
}
