using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Shoal.Protocol;

namespace Shoal.Cli.Reporting;

/// <summary>One JSON object on a line for each event.</summary>
internal sealed class JsonReporter(TextWriter output, bool isQuiet) : Reporter
{
    private readonly Lock _gate = new();

    public override TimeSpan ProgressInterval => TimeSpan.FromSeconds(1);

    public override void Report(Event happened)
    {
        if (!isQuiet || happened.IsResult)
        {
            lock (_gate)
            {
                Write(output, happened);
            }
        }
    }

    /// <summary>Writes one event.</summary>
    public static void Write(TextWriter output, Event happened) =>
        output.WriteLine(JsonSerializer.Serialize(happened, Readable.Event));

    // For programs and eyes, not for web pages: '&' in a link stays '&'.
    private static readonly EventContext Readable = new(
        new JsonSerializerOptions(EventContext.Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
}

/// <summary>How events become JSON.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    Converters = [typeof(InfoHashConverter)])]
[JsonSerializable(typeof(Event))]
internal sealed partial class EventContext : JsonSerializerContext;

/// <summary>An info-hash is its hexadecimal digits.</summary>
internal sealed class InfoHashConverter : JsonConverter<InfoHash>
{
    public override InfoHash Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        InfoHash.TryParse(reader.GetString(), out var infoHash) ? infoHash : throw new JsonException("not an info-hash");

    public override void Write(Utf8JsonWriter writer, InfoHash value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value.ToString());
}
