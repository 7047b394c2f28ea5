using System.Text.Json;
using System.Text.Json.Serialization;

namespace Shoal.Protocol.Catalogue;

/// <summary>One version of a name. Immutable.</summary>
/// <param name="Name">What it is published as; see <see cref="CatalogueName"/>.</param>
/// <param name="Version">Counts from 1; a number is never given twice, even if the version is removed.</param>
/// <param name="InfoHash">The torrent that it is.</param>
/// <param name="Size">Bytes of its files.</param>
/// <param name="FileCount">Its files.</param>
/// <param name="PieceLength">Bytes of a piece.</param>
/// <param name="PublishedAt">When the catalogue took it in (UTC).</param>
/// <param name="Sequence">The number of this change among all of the catalogue, in order.</param>
public sealed record CatalogueEntry(
    string Name, int Version, InfoHash InfoHash, long Size, int FileCount, int PieceLength, DateTimeOffset PublishedAt, long Sequence)
{
    /// <summary>The name of the token by which it was published; null from who needed none.</summary>
    public string? PublishedBy { get; init; }

    /// <summary>How many have all of it, as the tracker knows; null where nobody looked.</summary>
    public int? Seeders { get; init; }

    /// <summary>How many are fetching it, as the tracker knows; null where nobody looked.</summary>
    public int? Leechers { get; init; }
}

/// <summary>Something was taken out of the catalogue.</summary>
/// <param name="Name">What it was published as.</param>
/// <param name="Version">Which version; null for all of them.</param>
/// <param name="LastVersion">The highest version that the name ever had; the next is one more.</param>
/// <param name="At">When (UTC).</param>
/// <param name="Sequence">The number of this change among all of the catalogue, in order.</param>
public sealed record CatalogueRemoval(string Name, int? Version, int LastVersion, DateTimeOffset At, long Sequence)
{
    /// <summary>The name of the token by which it was removed; null from who needed none.</summary>
    public string? RemovedBy { get; init; }
}

/// <summary>Some names, each with its newest version.</summary>
/// <param name="Entries">In the order that was asked for.</param>
/// <param name="Next">Where the next page begins, to be given back as it is; null if there is none.</param>
public sealed record CataloguePage(IReadOnlyList<CatalogueEntry> Entries, string? Next = null);

/// <summary>What an event tells: a new version, or what was removed; neither in one that only says that all is well.</summary>
public sealed record CatalogueEvent(CatalogueEntry? Published = null, CatalogueRemoval? Removed = null);

/// <summary>Why the catalogue did not do what it was asked for: one line.</summary>
public sealed record CatalogueRefusal(string Error);

/// <summary>How a list is sorted.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<CatalogueOrder>))]
public enum CatalogueOrder
{
    /// <summary>By name, from A.</summary>
    Name,

    /// <summary>The largest first.</summary>
    Size,

    /// <summary>The newest first.</summary>
    Age,
}

/// <summary>How a catalogue speaks JSON.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(CatalogueEntry))]
[JsonSerializable(typeof(CatalogueRemoval))]
[JsonSerializable(typeof(CatalogueEvent))]
[JsonSerializable(typeof(CataloguePage))]
[JsonSerializable(typeof(CatalogueRefusal))]
[JsonSerializable(typeof(IReadOnlyList<CatalogueEntry>))]
public sealed partial class CatalogueJson : JsonSerializerContext;
