using System.Globalization;

namespace Shoal.Protocol.Metadata;

/// <summary>Files that stand one after another in a torrent's list, the first and the last of them, counted from 0.</summary>
public readonly record struct FileRange(int First, int Last)
{
    /// <summary>Whether the file is one of them.</summary>
    public bool Contains(int file) => file >= First && file <= Last;

    /// <summary>Reads "7" or "2-5".</summary>
    public static bool TryParse(string text, out FileRange files)
    {
        var dash = text.IndexOf('-', StringComparison.Ordinal);
        var isRead = TryParseNumber(dash < 0 ? text : text.AsSpan(0, dash), out var first);
        var last = first;
        isRead = isRead && (dash < 0 || TryParseNumber(text.AsSpan(dash + 1), out last)) && last >= first;
        files = isRead ? new FileRange(first, last) : default;
        return isRead;
    }

    /// <summary>"7", "2-5".</summary>
    public override string ToString() =>
        First == Last ? First.ToString(CultureInfo.InvariantCulture) : string.Create(CultureInfo.InvariantCulture, $"{First}-{Last}");

    private static bool TryParseNumber(ReadOnlySpan<char> text, out int number) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
