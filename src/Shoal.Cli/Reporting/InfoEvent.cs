using System.Text;
using Shoal.Protocol;
using Shoal.Protocol.Metadata;

namespace Shoal.Cli.Reporting;

/// <summary>What a .torrent says. Its strings come from strangers: control characters never reach the terminal.</summary>
internal sealed record InfoEvent(
    InfoHash InfoHash, string Name, long TotalBytes, int PieceLength, int PieceCount, bool Private, bool Secret,
    IReadOnlyList<InfoFile> Files, IReadOnlyList<IReadOnlyList<string>> Trackers, IReadOnlyList<string> WebSeeds, IReadOnlyList<string> Nodes,
    string? Comment, string? CreatedBy, DateTimeOffset? CreationDate) : Event
{
    public static InfoEvent Of(Metainfo metainfo) => new(
        metainfo.InfoHash, metainfo.Name, metainfo.TotalLength, metainfo.Layout.PieceLength, metainfo.Layout.PieceCount, metainfo.IsPrivate, metainfo.IsSealed,
        [.. metainfo.Files.Where(file => !file.IsPadding).Select(file => new InfoFile(metainfo.RelativePathOf(file), file.Length))],
        metainfo.Trackers, metainfo.WebSeeds, [.. metainfo.Nodes.Select(node => node.ToString())], metainfo.Comment, metainfo.CreatedBy, metainfo.CreationDate);

    public override string ToLine()
    {
        var text = new StringBuilder();
        void Line(string label, string? value)
        {
            if (!string.IsNullOrEmpty(value))
            {
                text.Append(label.PadRight(14)).Append(Printable.Of(value)).Append('\n');
            }
        }

        Line("Name:", Name);
        Line("Info-hash:", InfoHash.ToString());
        Line("Size:", $"{Units.Size(TotalBytes)} ({TotalBytes} bytes)");
        Line("Pieces:", $"{PieceCount} of {Units.Size(PieceLength)}");
        Line("Private:", Private ? "yes: peers come from its trackers only" : null);
        Line("Secret:", Secret ? "yes: it can be read only by who has its shoal: link" : null);
        Line("Comment:", Comment);
        Line("Created by:", CreatedBy);
        Line("Created:", CreationDate?.ToString("yyyy-MM-dd HH:mm:ss 'UTC'"));
        foreach (var (tier, index) in Trackers.Select((tier, index) => (tier, index)))
        {
            Line(Trackers.Count == 1 ? "Trackers:" : $"Tier {index + 1}:", string.Join("  ", tier));
        }

        foreach (var webSeed in WebSeeds)
        {
            Line("Web seed:", webSeed);
        }

        Line("DHT nodes:", string.Join("  ", Nodes));
        Line("Files:", Files.Count.ToString());
        foreach (var file in Files)
        {
            text.Append($"{Units.Size(file.Bytes),12}  {Printable.Of(file.Path)}").Append('\n');
        }

        return text.ToString().TrimEnd('\n');
    }
}

/// <summary>One file of `info`.</summary>
internal sealed record InfoFile(string Path, long Bytes);

/// <summary>Text from strangers, made harmless.</summary>
internal static class Printable
{
    /// <summary>The text with every control character replaced, so that it can neither move the cursor, break a line nor stand otherwise than it is.</summary>
    public static string Of(string text) =>
        text.Any(IsControl) ? string.Concat(text.Select(character => IsControl(character) ? '\uFFFD' : character)) : text;

    /// <summary>Whether it is a control character: those of writing direction are, too.</summary>
    public static bool IsControl(char character) =>
        char.IsControl(character) || character is (>= '\u202A' and <= '\u202E') or (>= '\u2066' and <= '\u2069') or '\u200E' or '\u200F' or '\u061C';
}
