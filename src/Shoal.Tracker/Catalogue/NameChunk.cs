namespace Shoal.Tracker.Catalogue;

/// <summary>Some names that follow each other, in order. Not thread-safe.</summary>
internal sealed class NameChunk(List<NamedVersions> names)
{
    private NameSlice? _slice;

    public int Count => names.Count;

    public NamedVersions this[int index] => names[index];

    public void Replace(int index, NamedVersions name)
    {
        names[index] = name;
        _slice = null;
    }

    public void Insert(int index, NamedVersions name)
    {
        names.Insert(index, name);
        _slice = null;
    }

    /// <summary>Takes those from the index on off, into a chunk of their own.</summary>
    public NameChunk Split(int index, int capacity)
    {
        var rest = new List<NamedVersions>(capacity);
        rest.AddRange(names[index..]);
        names.RemoveRange(index, names.Count - index);
        names.TrimExcess();
        _slice = null;
        return new NameChunk(rest);
    }

    /// <summary>The names as they are now, for who looks at many of them.</summary>
    public NameSlice Slice() => _slice ??= new NameSlice([.. names]);
}

/// <summary>
/// Names that followed each other at one time. Their text stands in one piece, and so do their sizes: who walks through a million finds the next where
/// the last ended, and not somewhere in memory. Immutable.
/// </summary>
internal sealed class NameSlice
{
    /// <summary>In place of a size: there is no version of that name.</summary>
    public const long NoSize = -1;

    private readonly NamedVersions[] _names;
    private readonly string _text;
    private readonly int[] _ends;
    private readonly long[] _sizes;

    public NameSlice(NamedVersions[] names)
    {
        _names = names;
        _ends = new int[names.Length];
        _sizes = new long[names.Length];
        var length = 0;
        for (var i = 0; i < names.Length; i++)
        {
            length += names[i].Name.Length;
            _ends[i] = length;
            _sizes[i] = names[i].Latest?.Size ?? NoSize;
        }

        _text = string.Create(length, names, static (text, names) =>
        {
            foreach (var name in names)
            {
                name.Name.CopyTo(text);
                text = text[name.Name.Length..];
            }
        });
    }

    public int Count => _names.Length;

    public NamedVersions this[int index] => _names[index];

    /// <summary>The text of all names, one behind the other with nothing between.</summary>
    public ReadOnlySpan<char> Text => _text;

    /// <summary>The text of a name.</summary>
    public ReadOnlySpan<char> NameAt(int index)
    {
        var start = index == 0 ? 0 : _ends[index - 1];
        return _text.AsSpan(start, _ends[index] - start);
    }

    /// <summary>Bytes of the newest version; <see cref="NoSize"/> if all were removed.</summary>
    public long SizeAt(int index) => _sizes[index];
}
