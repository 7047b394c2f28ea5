using System.Text.Json;

namespace Shoal.Simulation.Scenarios;

/// <summary>
/// One object of a scenario file, asked for its fields by name. Whatever is not as it should be is a <see cref="ScenarioException"/>
/// that names the place. Invariant: the object has only known fields, each once.
/// </summary>
internal sealed class JsonFields
{
    private const int MaximumShownLength = 40;

    private readonly Dictionary<string, JsonElement> _fields = new(StringComparer.Ordinal);
    private readonly IReadOnlyList<string> _known;
    private readonly string _source;
    private readonly string _place;

    public JsonFields(string source, string place, JsonElement element, IReadOnlyList<string> known)
    {
        (_source, _place, _known) = (source, place, known);
        if (element.ValueKind != JsonValueKind.Object)
        {
            throw new ScenarioException(source, place, $"{Shown(element)} is not an object {{…}}");
        }

        foreach (var field in element.EnumerateObject())
        {
            var name = Decoded(place, () => field.Name);
            if (!known.Contains(name, StringComparer.Ordinal))
            {
                throw new ScenarioException(source, place, $"there is no field '{Cut(name)}'{ScenarioFields.Near(Cut(name), known)}");
            }

            if (!_fields.TryAdd(name, field.Value))
            {
                throw Wrong(name, "is there twice");
            }
        }
    }

    public bool Has(string name) => Find(name) is not null;

    public string Text(string name) => TextOrNull(name) ?? throw Missing(name);

    public string? TextOrNull(string name) => Find(name) is not { } value ? null
        : value.ValueKind == JsonValueKind.String ? TextOf(name, value) : throw Wrong(name, $"{Shown(value)} is not a text \"…\"");

    public bool Flag(string name) => Find(name) is { } value &&
        (value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean() : throw Wrong(name, $"{Shown(value)} is neither true nor false"));

    public int Count(string name, int fallback) => Find(name) is not { } value ? fallback
        : TryWhole(value, int.MinValue, int.MaxValue, out var count) ? (int)count : throw Wrong(name, $"{Shown(value)} is not a whole number");

    public ulong Seed(string name, ulong fallback) => Find(name) is not { } value ? fallback
        : TryWhole(value, ulong.MinValue, ulong.MaxValue, out var seed) ? (ulong)seed : throw Wrong(name, $"{Shown(value)} is not a whole number of at least 0");

    public double Number(string name) => Find(name) is not { } value ? 0
        : value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number) && double.IsFinite(number) ? number : throw Wrong(name, $"{Shown(value)} is not a number");

    public long Size(string name) => SizeOrNull(name) ?? throw Missing(name);

    public long? SizeOrNull(string name) => Find(name) is not { } value ? null
        : TryWhole(value, long.MinValue, long.MaxValue, out var count) ? (long)count
        : value.ValueKind == JsonValueKind.String && Quantity.TryParseSize(TextOf(name, value), out var bytes) ? bytes
        : throw Wrong(name, $"{Shown(value)} is not a size such as {Quantity.SizeExample}");

    /// <summary>A size that must fit 31 bits.</summary>
    public int? LengthOrNull(string name) => SizeOrNull(name) is not { } size ? null
        : size is >= 0 and <= int.MaxValue ? (int)size : throw Wrong(name, $"{Shown(Find(name)!.Value)} is too large");

    public long Rate(string name) => RateOrNull(name) ?? throw Missing(name);

    public long? RateOrNull(string name) => Find(name) is not { } value ? null
        : value.ValueKind == JsonValueKind.String && Quantity.TryParseRate(TextOf(name, value), out var rate) ? rate
        : throw Wrong(name, $"{Shown(value)} is not a rate such as {Quantity.RateExample}");

    public TimeSpan Time(string name) => TimeOrNull(name) ?? throw Missing(name);

    public TimeSpan? TimeOrNull(string name) => Find(name) is not { } value ? null
        : value.ValueKind == JsonValueKind.String && Quantity.TryParseTime(TextOf(name, value), out var time) ? time
        : throw Wrong(name, $"{Shown(value)} is not a time such as {Quantity.TimeExample}");

    /// <summary>One of some words; its place among them.</summary>
    public int Choice(string name, IReadOnlyList<string> words, int fallback)
    {
        if (TextOrNull(name) is not { } text)
        {
            return fallback;
        }

        for (var i = 0; i < words.Count; i++)
        {
            if (words[i] == text)
            {
                return i;
            }
        }

        throw Wrong(name, $"'{Cut(text)}' is not known{ScenarioFields.Near(Cut(text), words)}");
    }

    /// <summary>The object in a field, or null if there is none.</summary>
    public JsonFields? Object(string name, IReadOnlyList<string> known) =>
        Find(name) is { } value ? new JsonFields(_source, PlaceOf(name), value, known) : null;

    /// <summary>The objects of an array, which may be missing.</summary>
    public IReadOnlyList<JsonFields> Objects(string name, IReadOnlyList<string> known)
    {
        if (Find(name) is not { } value)
        {
            return [];
        }

        return value.ValueKind == JsonValueKind.Array
            ? [.. value.EnumerateArray().Select((element, i) => new JsonFields(_source, $"{PlaceOf(name)}[{i}]", element, known))]
            : throw Wrong(name, $"{Shown(value)} is not an array […]");
    }

    public ScenarioException Missing(string name) => new(_source, _place, $"'{name}' is missing");

    public ScenarioException Wrong(string name, string text) => new(_source, PlaceOf(name), text);

    private string TextOf(string name, JsonElement value) => Decoded(PlaceOf(name), () => value.GetString()!);

    // Half of a surrogate pair is valid JSON and no text.
    private string Decoded(string place, Func<string> decode)
    {
        try
        {
            return decode();
        }
        catch (InvalidOperationException)
        {
            throw new ScenarioException(_source, place, "half of a surrogate pair is no text");
        }
    }

    private string PlaceOf(string name) => _place.Length == 0 ? name : $"{_place}.{name}";

    // JSON Schema takes 1000.0 and 1e3 for whole numbers, as they are.
    private static bool TryWhole(JsonElement value, decimal least, decimal most, out decimal whole)
    {
        whole = 0;
        return value.ValueKind == JsonValueKind.Number && value.TryGetDecimal(out whole) && decimal.IsInteger(whole) && whole >= least && whole <= most;
    }

    private JsonElement? Find(string name) => !_known.Contains(name, StringComparer.Ordinal)
        ? throw new InvalidOperationException($"the reader asks for '{name}', which no file may have")
        : _fields.TryGetValue(name, out var value) ? value : null;

    private static string Shown(JsonElement value) => $"'{Cut(value.ValueKind == JsonValueKind.String ? value.GetRawText()[1..^1] : value.GetRawText())}'";

    private static string Cut(string text) => text.Length > MaximumShownLength ? text[..MaximumShownLength] + "…" : text;
}
