using System.Runtime.CompilerServices;
using System.Text;

namespace Shoal.Protocol.Bencode;

/// <summary>Where a reader stands in one open list or dictionary.</summary>
internal struct BencodeLevel
{
    /// <summary>Of a dictionary: where its latest key is. Of a list: the item's index. -1 before the first.</summary>
    public int Start;

    /// <summary>The latest key's length, in bytes.</summary>
    public int Length;

    /// <summary>Whether it is a list; else a dictionary.</summary>
    public bool IsList;

    /// <summary>Whether an item or a key was come to whose value nobody has begun to read.</summary>
    public bool IsPending;
}

/// <summary>
/// The open lists and dictionaries of a <see cref="BencodeReader"/>, outermost first, held in place so that reading
/// allocates nothing; and how an error tells of them.
/// </summary>
[InlineArray(BencodeOptions.GreatestDepth)]
internal struct BencodeLevels
{
    private BencodeLevel _first;

    /// <summary>"info.files[3].path": the way to the value that is being read, as far as a depth.</summary>
    public readonly string PathIn(ReadOnlySpan<byte> bytes, int depth)
    {
        var text = new StringBuilder();
        for (var i = 0; i < depth && text.Length <= 200; i++)
        {
            var level = this[i];
            if (level.Start < 0)
            {
                continue;
            }

            if (level.IsList)
            {
                text.Append('[').Append(level.Start).Append(']');
            }
            else
            {
                text.Append(text.Length > 0 ? "." : "").Append(Show(bytes.Slice(level.Start, level.Length)));
            }
        }

        return text.Length <= 200 ? text.ToString() : text.Append('…').ToString();
    }

    /// <summary>A remote's byte in a text for people.</summary>
    public static string Show(byte value) => value is > 0x20 and < 0x7f ? $"'{(char)value}'" : $"byte 0x{value:x2}";

    /// <summary>A remote's key in a text for people: short, and nothing that a terminal would obey.</summary>
    public static string Show(ReadOnlySpan<byte> key)
    {
        var text = new StringBuilder();
        foreach (var value in key[..Math.Min(key.Length, 40)])
        {
            text.Append(value is >= 0x20 and < 0x7f ? (char)value : '?');
        }

        return key.Length > 40 ? text.Append('…').ToString() : text.ToString();
    }
}
