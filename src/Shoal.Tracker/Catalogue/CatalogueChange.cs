using System.Text.Json;
using System.Text.Json.Serialization;
using Shoal.Protocol.Catalogue;

namespace Shoal.Tracker.Catalogue;

/// <summary>One change of a catalogue, and one line of its journal: one of the three is set.</summary>
/// <param name="Published">A new version.</param>
/// <param name="Removed">What was taken out.</param>
/// <param name="Reached">How far the changes are numbered: a journal that was rewritten has lost the last of them, and no number is given twice.</param>
internal sealed record CatalogueChange(CatalogueEntry? Published = null, CatalogueRemoval? Removed = null, long? Reached = null)
{
    /// <summary>The number of this change among all of the catalogue, in order.</summary>
    [JsonIgnore]
    public long Sequence => Published?.Sequence ?? Removed?.Sequence ?? Reached ?? 0;

    /// <summary>Whose change it is; empty if it is nobody's.</summary>
    [JsonIgnore]
    public string Name => Published?.Name ?? Removed?.Name ?? "";
}

/// <summary>How the journal's lines are written.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(CatalogueChange))]
internal sealed partial class JournalJson : JsonSerializerContext;
