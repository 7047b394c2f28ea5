using System.Buffers;
using System.Text.Json;
using Shoal.Protocol;
using Shoal.Protocol.Catalogue;

namespace Shoal.Tracker.Catalogue;

/// <summary>
/// What a line of the journal says. Publications as we write them ourselves, of which there may be millions, are read property by property, so
/// that opening takes half the time; whatever is written otherwise goes through the serializer, so that nothing is read differently for it.
/// </summary>
internal static class JournalLine
{
    /// <summary>The change; null if it is none.</summary>
    public static CatalogueChange? Read(ReadOnlySpan<byte> json)
    {
        try
        {
            var change = ReadPublication(json) is { } published ? new CatalogueChange(published) : JsonSerializer.Deserialize(json, JournalJson.Default.CatalogueChange);
            return change is { Sequence: > 0 } ? change : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    // Null if it is anything but what we write, in that order.
    private static CatalogueEntry? ReadPublication(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json);
        Span<byte> hash = stackalloc byte[InfoHash.Length];
        if (!reader.Read() || !Next(ref reader, "published"u8, JsonTokenType.StartObject) ||
            !Next(ref reader, "name"u8, JsonTokenType.String) || reader.GetString() is not { } name ||
            !Next(ref reader, "version"u8, JsonTokenType.Number) || !reader.TryGetInt32(out var version) ||
            !Next(ref reader, "infoHash"u8, JsonTokenType.String) || reader.ValueSpan.Length != 2 * InfoHash.Length ||
            Convert.FromHexString(reader.ValueSpan, hash, out _, out _) != OperationStatus.Done ||
            !Next(ref reader, "size"u8, JsonTokenType.Number) || !reader.TryGetInt64(out var size) ||
            !Next(ref reader, "fileCount"u8, JsonTokenType.Number) || !reader.TryGetInt32(out var fileCount) ||
            !Next(ref reader, "pieceLength"u8, JsonTokenType.Number) || !reader.TryGetInt32(out var pieceLength) ||
            !Next(ref reader, "publishedAt"u8, JsonTokenType.String) || !reader.TryGetDateTimeOffset(out var publishedAt) ||
            !Next(ref reader, "sequence"u8, JsonTokenType.Number) || !reader.TryGetInt64(out var sequence) || !reader.Read())
        {
            return null;
        }

        string? by = null;
        if (reader.TokenType == JsonTokenType.PropertyName)
        {
            if (!reader.ValueTextEquals("publishedBy"u8) || !reader.Read() || reader.TokenType != JsonTokenType.String)
            {
                return null;
            }

            by = reader.GetString();
            reader.Read();
        }

        return reader.TokenType == JsonTokenType.EndObject && reader.Read() && reader.TokenType == JsonTokenType.EndObject && !reader.Read()
            ? new CatalogueEntry(name, version, new InfoHash(hash), size, fileCount, pieceLength, publishedAt, sequence) { PublishedBy = by }
            : null;
    }

    private static bool Next(ref Utf8JsonReader reader, ReadOnlySpan<byte> property, JsonTokenType type) =>
        reader.Read() && reader.TokenType == JsonTokenType.PropertyName && reader.ValueTextEquals(property) && reader.Read() && reader.TokenType == type;
}
