using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Shoal.Cli.Reporting;

/// <summary>One JSON object on a line for each event.</summary>
internal sealed class JsonReporter(TextWriter output, TextWriter error, bool isQuiet) : Reporter
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

    // Who reads events reads nothing else there.
    public override void Pass(string line, bool isError) => error.WriteLine(line);

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
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(Event))]
internal sealed partial class EventContext : JsonSerializerContext;
