using System.Security.Cryptography;
using System.Text;
using Shoal.Protocol;
using Shoal.Protocol.Catalogue;
using Shoal.Protocol.Metadata;
using Shoal.Tracker.Catalogue;

namespace Shoal.Tracker.Tests.Catalogue;

/// <summary>Names, torrents and changes to test with.</summary>
internal static class Samples
{
    private static readonly DateTimeOffset Start = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    public static CatalogueName Name(string text) =>
        CatalogueName.TryParse(text, out var name, out var error) ? name : throw new ArgumentException(error, nameof(text));

    public static CatalogueReference Reference(string text) =>
        CatalogueReference.TryParse(text, out var reference, out var error) ? reference : throw new ArgumentException(error, nameof(text));

    public static NamePattern Pattern(string text) =>
        NamePattern.TryParse(text, out var pattern, out var error) ? pattern : throw new ArgumentException(error, nameof(text));

    /// <summary>The torrent of one file that is called as it reads: two of the same text are the same torrent.</summary>
    public static Metainfo Torrent(string content, string? tracker = null)
    {
        var builder = new MetainfoBuilder
        {
            Name = "content",
            IsFolder = false,
            Files = [new NewFile("", Encoding.UTF8.GetByteCount(content))],
            PieceLength = 16 * 1024,
            PieceHashes = SHA256.HashData(Encoding.UTF8.GetBytes(content)).AsMemory(0, 20),
            Trackers = tracker is null ? [] : [[tracker]],
        };
        Assert.True(builder.TryBuild(out var metainfo, out var error), error);
        return metainfo;
    }

    public static byte[] TorrentBytes(string content, string? tracker = null) => MetainfoWriter.ToArray(Torrent(content, tracker));

    public static InfoHash InfoHashOfTorrent(string content) => Torrent(content).InfoHash;

    public static InfoHash InfoHashOf(string content) => new(SHA256.HashData(Encoding.UTF8.GetBytes(content)).AsSpan(0, InfoHash.Length));

    public static CatalogueEntry Entry(string name, int version, long sequence, long size = 1) =>
        new(name, version, InfoHashOf($"{name}@{version}"), size, 1, 16 * 1024, Start.AddSeconds(sequence), sequence);

    public static CatalogueChange Published(string name, int version, long sequence, long size = 1) => new(Entry(name, version, sequence, size));

    public static CatalogueChange Removed(string name, int? version, int lastVersion, long sequence) =>
        new(Removed: new CatalogueRemoval(name, version, lastVersion, Start.AddSeconds(sequence), sequence));
}
