using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Shoal.Simulation.Fuzzing.Dht;
using Shoal.Simulation.Fuzzing.Routers;
using Shoal.Simulation.Fuzzing.Secrets;

namespace Shoal.Simulation.Fuzzing;

/// <summary>The plans of worlds as JSON, for whoever has to mend what was found.</summary>
[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true)]
[JsonSerializable(typeof(DhtPlan))]
[JsonSerializable(typeof(RouterPlan))]
[JsonSerializable(typeof(SecretPlan))]
internal sealed partial class FuzzJson : JsonSerializerContext
{
    public static string Text<T>(T plan, JsonTypeInfo<T> type) => JsonSerializer.Serialize(plan, type);
}
