namespace Shoal.Cli.LineEditing;

/// <summary>The lines that were entered, the newest last: at most 1,000. Not thread-safe.</summary>
internal sealed class History
{
    public const int MaximumCount = 1000;

    private readonly List<string> _lines = [];
    private int _position;
    private string _draft = "";

    public History(IEnumerable<string> lines)
    {
        foreach (var line in lines)
        {
            Add(line);
        }
    }

    public IReadOnlyList<string> Lines => _lines;

    /// <summary>Keeps the line, unless it says nothing or is the last one again; the next look begins behind it.</summary>
    public void Add(string line)
    {
        if (!string.IsNullOrWhiteSpace(line) && (_lines.Count == 0 || _lines[^1] != line))
        {
            _lines.Add(line);
            if (_lines.Count > MaximumCount)
            {
                _lines.RemoveAt(0);
            }
        }

        _position = _lines.Count;
    }

    /// <summary>The line before the one that is looked at; null if there is none. What is being typed is kept until <see cref="Newer"/> comes back to it.</summary>
    public string? Older(string current)
    {
        if (_position == _lines.Count)
        {
            _draft = current;
        }

        return _position == 0 ? null : _lines[--_position];
    }

    /// <summary>The line behind the one that is looked at; at last what was being typed.</summary>
    public string? Newer() => _position == _lines.Count ? null : ++_position == _lines.Count ? _draft : _lines[_position];
}
