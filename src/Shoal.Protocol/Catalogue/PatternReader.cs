using System.Text;

namespace Shoal.Protocol.Catalogue;

/// <summary>
/// Reads a pattern's text into a graph, in one pass and without a tree: what was read last is known by the places where a
/// name may now be. Braces mean what all their expansions mean together, so whether a <c>**/</c> begins a
/// level may differ from one way that leads there to another; the ways are kept in two sets for that.
/// </summary>
internal sealed class PatternReader
{
    /// <summary>How deep braces may nest; it bounds the stack.</summary>
    public const int MaximumDepth = 32;

    private readonly string _text;
    private readonly PatternGraph _graph;
    private int _at;
    private string? _error;

    // Characters one after the other that every name has which matches: those just read, and the most there were.
    private readonly StringBuilder _run = new();
    private string _longestRun = "";

    // Where a name may be: behind a slash of the pattern or at its beginning; and elsewhere.
    private Bitfield _atLevel;
    private Bitfield _within;

    private PatternReader(string text)
    {
        // No construct has more places than characters; then there are the first and the last.
        _text = text;
        _graph = new PatternGraph(text.Length + 2);
        _atLevel = _graph.Nowhere();
        _within = _graph.Nowhere();
        _atLevel.Set(0);
    }

    /// <summary>The text's graph; or null, and what is wrong with it.</summary>
    /// <param name="text">The pattern.</param>
    /// <param name="run">The longest text that stands somewhere in every name that matches, perhaps empty.</param>
    /// <param name="error">What is wrong.</param>
    public static PatternGraph? Read(string text, out string run, out string error)
    {
        var reader = new PatternReader(text);
        reader.ReadSequence(depth: 0);
        reader.EndRun();
        run = reader._longestRun;
        error = reader._error ?? "";
        if (error.Length > 0)
        {
            return null;
        }

        reader.Join(reader._graph.Add(ScalarSet.None));
        return reader._graph;
    }

    // Up to what ends it: the text's end, or within braces a ',' or '}', which it leaves.
    private void ReadSequence(int depth)
    {
        while (_error is null && _at < _text.Length)
        {
            if (depth == 0 && _text[_at] is '{' or '[' or '*' or '?')
            {
                EndRun();
            }

            switch (_text[_at])
            {
                case ',' or '}' when depth > 0: return;
                case ']' or '}': Fail($"the '{_text[_at]}'", _at, "closes nothing"); break;
                case '{': ReadBraces(depth + 1); break;
                case '[': ReadClass(); break;
                case '*': ReadStars(); break;
                case '?': Take(ScalarSet.WithinLevel); _at++; break;
                default: ReadLiteral(isForAll: depth == 0); break;
            }
        }
    }

    private void EndRun()
    {
        _longestRun = _run.Length > _longestRun.Length ? _run.ToString() : _longestRun;
        _run.Clear();
    }

    private void ReadLiteral(bool isForAll)
    {
        if (TryReadScalar(out var scalar))
        {
            if (isForAll)
            {
                _run.Append(char.ConvertFromUtf32(scalar));
            }

            Take(ScalarSet.Of(scalar));
            if (scalar == '/')
            {
                (_atLevel, _within) = (_within, _atLevel);
            }
        }
    }

    private void ReadStars()
    {
        var end = _at;
        while (end < _text.Length && _text[end] == '*')
        {
            end++;
        }

        var isWithinLevel = end == _at + 1;
        var isLevels = !isWithinLevel && end < _text.Length && _text[end] == '/';
        _at = isLevels ? end + 1 : end;

        var run = _graph.Add(isWithinLevel ? ScalarSet.WithinLevel : ScalarSet.Any);
        Join(run);
        _graph.Join(Only(run), run);
        if (isLevels)
        {
            var slash = _graph.Add(ScalarSet.Of('/'));
            Join(slash);
            _graph.Join(Only(run), slash);

            // Where a level begins it may be no levels at all.
            _within.ClearAll();
            _atLevel.Set(slash);
        }
        else
        {
            _within.Add(_atLevel);
            _within.Set(run);
            _atLevel.ClearAll();
        }
    }

    private void ReadBraces(int depth)
    {
        var open = _at++;
        if (depth > MaximumDepth)
        {
            Fail("the '{'", open, $"is inside {MaximumDepth} others");
            return;
        }

        if (_at < _text.Length && _text[_at] == '}')
        {
            Fail("the '{'", open, "is closed at once");
            return;
        }

        var (atLevelBefore, withinBefore) = (_atLevel, _within);
        var (atLevelAfter, withinAfter) = (_graph.Nowhere(), _graph.Nowhere());
        do
        {
            (_atLevel, _within) = (atLevelBefore.Clone(), withinBefore.Clone());
            ReadSequence(depth);
            atLevelAfter.Add(_atLevel);
            withinAfter.Add(_within);
            if (_at == _text.Length)
            {
                Fail("the '{'", open, "is not closed");
            }
        }
        while (_error is null && _text[_at++] == ',');
        (_atLevel, _within) = (atLevelAfter, withinAfter);
    }

    private void ReadClass()
    {
        var open = _at++;
        var isNegated = _at < _text.Length && _text[_at] is '!' or '^';
        _at += isNegated ? 1 : 0;
        var ranges = new List<(int From, int To)>();
        while (_at == _text.Length || _text[_at] != ']' || ranges.Count == 0)
        {
            if (_at == _text.Length)
            {
                Fail("the '['", open, "is not closed");
                return;
            }

            var start = _at;
            if (!TryReadScalar(out var from))
            {
                return;
            }

            var to = from;
            if (_at + 1 < _text.Length && _text[_at] == '-' && _text[_at + 1] != ']')
            {
                _at++;
                if (!TryReadScalar(out to))
                {
                    return;
                }
            }

            if (from > to)
            {
                Fail("the range", start, "runs backwards");
                return;
            }

            ranges.Add((from, to));
        }

        _at++;
        var set = ScalarSet.Of(ranges, isNegated);
        if (set.Ranges.Count == 0)
        {
            Fail("the class", open, "takes no character");
        }

        Take(set);
    }

    // One character as it is, or the one behind a backslash.
    private bool TryReadScalar(out int scalar)
    {
        scalar = 0;
        var start = _at;
        _at += _text[_at] == '\\' ? 1 : 0;
        if (_at == _text.Length)
        {
            Fail("the backslash", start, "has nothing behind it");
        }
        else if (!Rune.TryGetRuneAt(_text, _at, out var rune))
        {
            Fail("what stands", _at, "is half a surrogate pair");
        }
        else
        {
            scalar = rune.Value;
            _at += rune.Utf16SequenceLength;
        }

        return _error is null;
    }

    private void Take(ScalarSet set)
    {
        var place = _graph.Add(set);
        Join(place);
        _atLevel.ClearAll();
        _within = Only(place);
    }

    private void Join(int next)
    {
        _graph.Join(_atLevel, next);
        _graph.Join(_within, next);
    }

    private Bitfield Only(int place)
    {
        var only = _graph.Nowhere();
        only.Set(place);
        return only;
    }

    // What is found first is told: of braces the innermost.
    private void Fail(string what, int index, string wrong) =>
        _error ??= $"{what} at character {CatalogueName.CharacterNumber(_text, index)} {wrong}";
}
