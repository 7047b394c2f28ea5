using System.Text.Json;
using System.Text.Json.Serialization;

namespace Shoal.Protocol;

/// <summary>In JSON an info-hash is its hexadecimal digits.</summary>
public sealed class InfoHashConverter : JsonConverter<InfoHash>
{
    /// <inheritdoc/>
    public override InfoHash Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        InfoHash.TryParse(reader.GetString(), out var infoHash) ? infoHash : throw new JsonException("not an info-hash");

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, InfoHash value, JsonSerializerOptions options)
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.WriteStringValue(value.ToString());
    }
}
