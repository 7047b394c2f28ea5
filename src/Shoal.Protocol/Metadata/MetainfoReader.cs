using System.Diagnostics.CodeAnalysis;
using Shoal.Protocol.Bencode;

namespace Shoal.Protocol.Metadata;

/// <summary>
/// Reads .torrent files (BEP 3, 5) and info dictionaries that came from peers (BEP 9). Nothing in them is trusted: what
/// is needed must be right in form and sense, else there is one line that tells what and where; what is not needed
/// (comment, date) is left out if its form is wrong. Never throws for what the bytes hold.
/// </summary>
public static class MetainfoReader
{
    /// <summary>The largest metainfo that is read, in bytes: 256 MiB, far beyond <see cref="PieceLayout.MaximumPieceCount"/> hashes.</summary>
    public const int MaximumLength = 256 * 1024 * 1024;

    /// <summary>The largest number of files.</summary>
    public const int MaximumFileCount = 1_000_000;

    /// <summary>Trackers beyond this number are not read, nor web seeds.</summary>
    public const int MaximumUrlCount = 1000;

    /// <summary>A URL longer than this is not read.</summary>
    public const int MaximumUrlLength = 2048;

    /// <summary>DHT nodes beyond this number are not read.</summary>
    public const int MaximumNodeCount = 32;

    // 0001-01-01 and 9999-12-31 in seconds of Unix: the range of DateTimeOffset.
    private const long EarliestDate = -62_135_596_800;
    private const long LatestDate = 253_402_300_799;

    /// <summary>Reads a .torrent. The result keeps a reference to <paramref name="document"/>, which must not change.</summary>
    /// <param name="document">The file's bytes.</param>
    /// <param name="metainfo">What it says.</param>
    /// <param name="error">What is wrong with it, in one line; empty if nothing.</param>
    /// <param name="rules">What names the platform can take; default <see cref="SafePath.Local"/>.</param>
    public static bool TryRead(
        ReadOnlyMemory<byte> document, [NotNullWhen(true)] out Metainfo? metainfo, out string error, PathRules? rules = null)
    {
        metainfo = null;
        if (IsTooLong(document, out error))
        {
            return false;
        }

        var reader = new BencodeReader(document.Span);
        InfoDictionary? info = null;
        string? announce = null, comment = null, createdBy = null;
        DateTimeOffset? creationDate = null;
        List<IReadOnlyList<string>> tiers = [];
        List<string> webSeeds = [];
        List<MagnetPeer> nodes = [];
        var mayUseDht = true;
        reader.EnterDictionary();
        while (reader.NextKey(out var key))
        {
            switch (key)
            {
                case var _ when key.SequenceEqual("announce"u8):
                    announce = ReadOptionalUrl(ref reader);
                    break;
                case var _ when key.SequenceEqual("announce-list"u8):
                    ReadTiers(ref reader, tiers);
                    break;
                case var _ when key.SequenceEqual("comment"u8):
                    comment = ReadOptionalText(ref reader);
                    break;
                case var _ when key.SequenceEqual("created by"u8):
                    createdBy = ReadOptionalText(ref reader);
                    break;
                case var _ when key.SequenceEqual("creation date"u8):
                    creationDate = ReadOptionalDate(ref reader);
                    break;
                case var _ when key.SequenceEqual("info"u8):
                    info = InfoDictionary.Read(ref reader, document, rules ?? SafePath.Local);
                    break;
                case var _ when key.SequenceEqual("nodes"u8):
                    ReadNodes(ref reader, nodes);
                    break;
                case var _ when key.SequenceEqual("url-list"u8):
                    ReadUrls(ref reader, webSeeds, MaximumUrlCount);
                    break;
                case var _ when key.SequenceEqual("x.dht"u8):
                    mayUseDht = ReadOptionalText(ref reader) != "off";
                    break;
            }
        }

        if (!reader.Failed && info is null)
        {
            reader.FailAt(reader.Offset, "no info dictionary: not a .torrent");
        }

        if (!reader.ReadEnd())
        {
            error = reader.Error!.Text;
            return false;
        }

        if (tiers.Count == 0 && announce is not null)
        {
            tiers.Add([announce]);
        }

        metainfo = info!.ToMetainfo(tiers, webSeeds, nodes, mayUseDht, comment, createdBy, creationDate);
        return true;
    }

    /// <summary>
    /// Reads an info dictionary alone: metadata from peers (BEP 9). The caller compares
    /// <see cref="Metainfo.InfoHash"/> with the one it asked for, best before this. No trackers are in it.
    /// The result keeps a reference to the bytes, which must not change.
    /// </summary>
    public static bool TryReadInfo(
        ReadOnlyMemory<byte> infoBytes, [NotNullWhen(true)] out Metainfo? metainfo, out string error, PathRules? rules = null)
    {
        metainfo = null;
        if (IsTooLong(infoBytes, out error))
        {
            return false;
        }

        var reader = new BencodeReader(infoBytes.Span);
        var info = InfoDictionary.Read(ref reader, infoBytes, rules ?? SafePath.Local);
        if (!reader.ReadEnd())
        {
            error = reader.Error!.Text;
            return false;
        }

        metainfo = info!.ToMetainfo([], [], [], true, null, null, null);
        return true;
    }

    /// <summary>Whether an info dictionary says that its torrent is private (BEP 27); not if it is malformed. Reads nothing else of it.</summary>
    public static bool SaysPrivate(ReadOnlySpan<byte> infoBytes)
    {
        var reader = new BencodeReader(infoBytes);
        var isPrivate = false;
        reader.EnterDictionary();
        while (reader.NextKey(out var key))
        {
            isPrivate |= key.SequenceEqual("private"u8) && InfoDictionary.ReadPrivate(ref reader);
        }

        return isPrivate && !reader.Failed;
    }

    private static bool IsTooLong(ReadOnlyMemory<byte> bytes, out string error)
    {
        error = bytes.Length > MaximumLength ? $"{bytes.Length} bytes are too many for a .torrent" : "";
        return error.Length > 0;
    }

    private static void ReadTiers(ref BencodeReader reader, List<IReadOnlyList<string>> tiers)
    {
        if (reader.Peek() != BencodeKind.List)
        {
            reader.Skip();
            return;
        }

        var count = 0;
        reader.EnterList();
        while (reader.NextItem())
        {
            List<string> tier = [];
            ReadUrls(ref reader, tier, MaximumUrlCount - count);
            count += tier.Count;
            if (tier.Count > 0)
            {
                tiers.Add(tier);
            }
        }
    }

    // One URL or a list of them: BEP 19 allows both, and some write a tier of announce-list as a string.
    private static void ReadUrls(ref BencodeReader reader, List<string> urls, int most)
    {
        if (reader.Peek() != BencodeKind.List)
        {
            Add(ReadOptionalUrl(ref reader));
            return;
        }

        reader.EnterList();
        while (reader.NextItem())
        {
            Add(ReadOptionalUrl(ref reader));
        }

        void Add(string? url)
        {
            if (url is not null && urls.Count < most)
            {
                urls.Add(url);
            }
        }
    }

    // A list of [host, port] (BEP 5).
    private static void ReadNodes(ref BencodeReader reader, List<MagnetPeer> nodes)
    {
        if (reader.Peek() != BencodeKind.List)
        {
            reader.Skip();
            return;
        }

        reader.EnterList();
        while (reader.NextItem())
        {
            if (ReadOptionalNode(ref reader) is { } node && nodes.Count < MaximumNodeCount)
            {
                nodes.Add(node);
            }
        }
    }

    private static MagnetPeer? ReadOptionalNode(ref BencodeReader reader)
    {
        if (reader.Peek() != BencodeKind.List)
        {
            reader.Skip();
            return null;
        }

        string? host = null;
        long? port = null;
        reader.EnterList();
        while (reader.NextItem())
        {
            switch (reader.Peek())
            {
                case BencodeKind.String when host is null:
                    host = reader.ReadText();
                    break;
                case BencodeKind.Integer when port is null:
                    port = reader.ReadInteger();
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return host is not null && MagnetPeer.TryCreate(host, port ?? 0, out var node) ? node : null;
    }

    private static string? ReadOptionalUrl(ref BencodeReader reader)
    {
        var url = ReadOptionalText(ref reader)?.Trim();
        return url is not null && IsPlausibleUrl(url) ? url : null;
    }

    /// <summary>Whether a text is at all fit to be a URL of a tracker or web seed; who uses it parses it.</summary>
    internal static bool IsPlausibleUrl(string url) =>
        url.Length is > 0 and <= MaximumUrlLength && !url.Any(character => char.IsControl(character) || char.IsWhiteSpace(character));

    private static string? ReadOptionalText(ref BencodeReader reader)
    {
        if (reader.Peek() == BencodeKind.String)
        {
            return reader.ReadText();
        }

        reader.Skip();
        return null;
    }

    private static DateTimeOffset? ReadOptionalDate(ref BencodeReader reader)
    {
        if (reader.Peek() != BencodeKind.Integer)
        {
            reader.Skip();
            return null;
        }

        var seconds = reader.ReadInteger();
        return seconds is >= EarliestDate and <= LatestDate ? DateTimeOffset.FromUnixTimeSeconds(seconds) : null;
    }
}
