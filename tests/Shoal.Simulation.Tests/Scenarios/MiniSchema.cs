using System.Text.Json;
using System.Text.RegularExpressions;

namespace Shoal.Simulation.Tests.Scenarios;

/// <summary>
/// As much of JSON Schema 2020-12 as the published schema uses. A keyword that it does not know is an error: what is not checked here
/// would be a promise that nobody keeps.
/// </summary>
internal sealed class MiniSchema(JsonElement root)
{
    private static readonly string[] Annotations = ["$schema", "$defs", "title", "description", "default"];

    /// <summary>What is wrong with the value, each with its place; empty if it is valid.</summary>
    public IReadOnlyList<string> Check(JsonElement value) => [.. Check(value, root, "")];

    private IEnumerable<string> Check(JsonElement value, JsonElement schema, string place) =>
        schema.EnumerateObject().Where(one => !Annotations.Contains(one.Name)).SelectMany(one => Check(value, schema, one.Name, one.Value, place));

    private IEnumerable<string> Check(JsonElement value, JsonElement schema, string keyword, JsonElement wanted, string place) => keyword switch
    {
        "$ref" => Check(value, root.GetProperty("$defs").GetProperty(wanted.GetString()!["#/$defs/".Length..]), place),
        "type" => If(IsOfType(value, wanted.GetString()!), $"{place}: is no {wanted}"),
        "enum" => If(wanted.EnumerateArray().Any(one => one.ValueEquals(value)), $"{place}: is none of {wanted}"),
        "anyOf" => If(wanted.EnumerateArray().Any(one => !Check(value, one, place).Any()), $"{place}: fits none"),
        "pattern" => If(value.ValueKind != JsonValueKind.String || Regex.IsMatch(value.GetString()!, wanted.GetString()!, RegexOptions.ECMAScript, TimeSpan.FromSeconds(1)), $"{place}: does not match {wanted}"),
        "minimum" => If(value.ValueKind != JsonValueKind.Number || value.GetDecimal() >= wanted.GetDecimal(), $"{place}: is below {wanted}"),
        "maximum" => If(value.ValueKind != JsonValueKind.Number || value.GetDecimal() <= wanted.GetDecimal(), $"{place}: is above {wanted}"),
        "minLength" => If(value.ValueKind != JsonValueKind.String || value.GetString()!.Length >= wanted.GetInt32(), $"{place}: is shorter than {wanted}"),
        "maxLength" => If(value.ValueKind != JsonValueKind.String || value.GetString()!.Length <= wanted.GetInt32(), $"{place}: is longer than {wanted}"),
        "minItems" => If(value.ValueKind != JsonValueKind.Array || value.GetArrayLength() >= wanted.GetInt32(), $"{place}: has fewer than {wanted}"),
        "maxItems" => If(value.ValueKind != JsonValueKind.Array || value.GetArrayLength() <= wanted.GetInt32(), $"{place}: has more than {wanted}"),
        "items" => value.ValueKind != JsonValueKind.Array ? [] : value.EnumerateArray().SelectMany((one, i) => Check(one, wanted, $"{place}[{i}]")),
        "required" => value.ValueKind != JsonValueKind.Object ? [] : wanted.EnumerateArray().Where(one => !value.TryGetProperty(one.GetString()!, out _)).Select(one => $"{place}: lacks {one}"),
        "properties" => value.ValueKind != JsonValueKind.Object ? [] : value.EnumerateObject().Where(one => wanted.TryGetProperty(one.Name, out _))
            .SelectMany(one => Check(one.Value, wanted.GetProperty(one.Name), $"{place}.{one.Name}")),
        "additionalProperties" when !wanted.GetBoolean() => value.ValueKind != JsonValueKind.Object ? [] : value.EnumerateObject()
            .Where(one => !schema.GetProperty("properties").TryGetProperty(one.Name, out _)).Select(one => $"{place}: has {one.Name}"),
        _ => throw new NotSupportedException($"the schema has '{keyword}', which is not checked here"),
    };

    private static IEnumerable<string> If(bool holds, string error) => holds ? [] : [error];

    private static bool IsOfType(JsonElement value, string type) => type switch
    {
        "object" => value.ValueKind == JsonValueKind.Object,
        "array" => value.ValueKind == JsonValueKind.Array,
        "string" => value.ValueKind == JsonValueKind.String,
        "boolean" => value.ValueKind is JsonValueKind.True or JsonValueKind.False,
        "number" => value.ValueKind == JsonValueKind.Number,
        // 1.0 is an integer too (2020-12, section 6.1.1).
        "integer" => value.ValueKind == JsonValueKind.Number && value.TryGetDecimal(out var number) && decimal.IsInteger(number),
        _ => throw new NotSupportedException($"the schema has the type '{type}'"),
    };
}

internal static class JsonElements
{
    public static bool ValueEquals(this JsonElement one, JsonElement other) => JsonElement.DeepEquals(one, other);
}
