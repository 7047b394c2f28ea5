using System.Text;

namespace Shoal.Protocol.Catalogue;

/// <summary>
/// The name of something published: a path as <c>models/x/weights</c>, without <c>@version</c>. One name has one spelling: it is in
/// NFC, no part of it is empty, <c>.</c> or <c>..</c>, and nothing in it is read differently on another system or shown
/// otherwise than it is. Only <see cref="TryParse"/> makes one. Ordered by <see cref="string.CompareOrdinal(string, string)"/>, that
/// is by UTF-16 units (not by bytes of UTF-8, which puts U+E000 to U+FFFF elsewhere): all names that begin alike stand together.
/// </summary>
public readonly record struct CatalogueName : IComparable<CatalogueName>
{
    /// <summary>The longest name, in bytes of UTF-8.</summary>
    public const int MaximumLength = 1024;

    private readonly string? _value;

    private CatalogueName(string value) => _value = value;

    /// <summary>The name as text. Empty only of the default, which is no name.</summary>
    public string Value => _value ?? "";

    /// <summary>What stands behind the last slash.</summary>
    public string LastPart => Value[(Value.LastIndexOf('/') + 1)..];

    /// <summary>
    /// Reads a name; if it is none, one clause tells what is wrong, and where: parts and characters are counted from 1. The
    /// clause repeats nothing of the text that a terminal would mind.
    /// </summary>
    public static bool TryParse(string text, out CatalogueName name, out string error)
    {
        ArgumentNullException.ThrowIfNull(text);
        error = WhatIsWrongWith(text) ?? "";
        name = error.Length == 0 ? new CatalogueName(text) : default;
        return error.Length == 0;
    }

    /// <inheritdoc/>
    public int CompareTo(CatalogueName other) => string.CompareOrdinal(Value, other.Value);

    /// <summary>The name as text.</summary>
    public override string ToString() => Value;

    /// <summary>Where the version begins, at its '@', in a text that ends in '@' and digits; or -1.</summary>
    internal static int VersionAt(ReadOnlySpan<char> text)
    {
        var at = text.TrimEnd("0123456789").Length - 1;
        return at >= 0 && at + 1 < text.Length && text[at] == '@' ? at : -1;
    }

    /// <summary>Which character stands at the index, as who reads the text counts: from 1, and not in UTF-16.</summary>
    internal static int CharacterNumber(string text, int index)
    {
        var number = 1;
        foreach (var _ in text.AsSpan(0, index).EnumerateRunes())
        {
            number++;
        }

        return number;
    }

    private static string? WhatIsWrongWith(string text)
    {
        if (text.Length == 0)
        {
            return "the name is empty";
        }

        // Half a surrogate pair counts as the three bytes of what would replace it.
        var length = Encoding.UTF8.GetByteCount(text);
        if (length > MaximumLength)
        {
            return $"the name is {length} bytes long, of at most {MaximumLength}";
        }

        if (WhatIsWrongWithCharacters(text) is { } wrong)
        {
            return wrong;
        }

        var partNumber = 0;
        foreach (var range in text.AsSpan().Split('/'))
        {
            partNumber++;
            switch (text.AsSpan()[range])
            {
                case "" when partNumber == 1: return "the name begins with a slash";
                case "" when range.End.Value == text.Length: return "the name ends in a slash";
                case "": return $"part {partNumber} is empty";
                case "." or "..": return $"part {partNumber} is '{text[range]}'";
            }
        }

        if (VersionAt(text) >= 0)
        {
            return "the last part ends in '@' and digits, as a version does";
        }

        var uncomposed = Composition.FirstUncomposed(text);
        return uncomposed < 0 ? null : $"the name is not composed as Unicode's NFC demands (at character {CharacterNumber(text, uncomposed)})";
    }

    private static string? WhatIsWrongWithCharacters(string text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            var character = text[i];
            if (character is >= ' ' and < '\x7f' and not '\\')
            {
                continue;
            }

            if (i + 1 < text.Length && char.IsSurrogatePair(character, text[i + 1]))
            {
                i++;
                continue;
            }

            var what = character switch
            {
                '\\' => "a backslash",
                '\u2028' or '\u2029' => "a line break",
                >= '\u202A' and <= '\u202E' or >= '\u2066' and <= '\u2069' => "a control of writing direction",
                _ when char.IsControl(character) => "a control character",
                _ when char.IsSurrogate(character) => "half a surrogate pair",
                _ => null,
            };
            if (what is not null)
            {
                var code = character == '\\' ? "" : $" (U+{(int)character:X4})";
                return $"character {CharacterNumber(text, i)} is {what}{code}";
            }
        }

        return null;
    }
}
