using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using Shoal.Engine.Swarms;
using Shoal.Simulation.Scenarios;

namespace Shoal.Simulation.Tests.Scenarios;

/// <summary>The published schema and the reader say the same, and every example is a scenario by both.</summary>
public class ScenarioSchemaTests
{
    private static readonly string Root = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(Here())!, "..", "..", ".."));
    private static readonly JsonElement Schema = Json(File.ReadAllText(Path.Combine(Root, "docs", "scenario.schema.json")));

    public static TheoryData<string> Examples =>
        [.. Directory.GetFiles(Path.Combine(Root, "examples", "scenarios"), "*.json").Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Examples))]
    public void Every_example_is_a_scenario_by_the_schema_and_by_the_reader(string example)
    {
        var bytes = File.ReadAllBytes(Path.Combine(Root, "examples", "scenarios", example));
        Assert.Empty(new MiniSchema(Schema).Check(Json(Encoding.UTF8.GetString(bytes))));
        var scenario = ScenarioReader.Read(bytes, example);
        Assert.Equal(Path.GetFileNameWithoutExtension(example), scenario.Name.Replace(' ', '-'));
        // What an example is for: to be run while one waits.
        var pieces = (scenario.ContentLength / ScenarioRules.PieceLengthOf(scenario)) + 1;
        Assert.InRange(scenario.Classes.Sum(one => one.Count) * pieces, 1, 2_100_000);
    }

    [Fact]
    public void The_examples_are_those_that_the_manual_names()
    {
        var manual = File.ReadAllText(Path.Combine(Root, "docs", "simulation.md"));
        Assert.All(Examples, example => Assert.Contains($"`{(string)example}`", manual, StringComparison.Ordinal));
        Assert.True(Examples.Count >= 6);
    }

    [Fact]
    public void Each_field_of_the_reader_is_in_the_schema_and_the_manual_and_the_other_way_round()
    {
        var manual = File.ReadAllText(Path.Combine(Root, "docs", "simulation.md"));
        (string? Definition, IReadOnlyList<string> Fields)[] parts =
        [
            (null, ScenarioFields.Scenario), ("class", ScenarioFields.PeerClass), ("zone", ScenarioFields.Zone),
            ("tracker", ScenarioFields.Tracker), ("swarm", ScenarioFields.Swarm), ("fault", ScenarioFields.Fault),
        ];
        foreach (var (definition, fields) in parts)
        {
            var part = definition is null ? Schema : Schema.GetProperty("$defs").GetProperty(definition);
            Assert.Equal(fields, part.GetProperty("properties").EnumerateObject().Select(property => property.Name));
            Assert.False(part.GetProperty("additionalProperties").GetBoolean());
            Assert.All(fields, field => Assert.Contains($"`{field}`", manual, StringComparison.Ordinal));
        }
    }

    [Fact]
    public void The_words_that_a_field_may_have_are_the_same_in_both()
    {
        string[] Words(string definition, string field) =>
            [.. Schema.GetProperty("$defs").GetProperty(definition).GetProperty("properties").GetProperty(field).GetProperty("enum").EnumerateArray().Select(word => word.GetString()!)];
        Assert.Equal(BalancePolicies.Names, Words("swarm", "policy"));
        Assert.Equal(ScenarioFields.Behaviors, Words("class", "behavior"));
        Assert.Equal(ScenarioFields.FaultKinds, Words("fault", "kind"));
        Assert.Equal(Enum.GetValues<Behavior>().Length, ScenarioFields.Behaviors.Count);
        Assert.Equal(Enum.GetValues<FaultKind>().Length, ScenarioFields.FaultKinds.Count);
    }

    [Theory]
    [InlineData("up", "1Gbit", true)]
    [InlineData("up", "500 MB/s", true)]
    [InlineData("up", "0.5mbit/s", true)]
    [InlineData("up", "100", false)]
    [InlineData("up", "100Mb/s", false)]
    [InlineData("up", "fast", false)]
    [InlineData("latency", "50us", true)]
    [InlineData("latency", "1.5 MS", true)]
    [InlineData("latency", "5", false)]
    [InlineData("joinAt", "2min", true)]
    [InlineData("joinAt", "1h", true)]
    [InlineData("joinAt", "-1s", false)]
    [InlineData("joinAt", "1 week", false)]
    [InlineData("behavior", "liar", true)]
    [InlineData("behavior", "thief", false)]
    [InlineData("nonsense", "1", false)]
    public void A_value_is_valid_by_both_or_by_neither(string field, string value, bool isValid)
    {
        var other = field == "up" ? "" : "\"up\":\"1Mbit\",";
        var json = $$"""{"size":"1MiB","classes":[{"name":"s","seeder":true,"up":"1Mbit"},{"name":"h","up":"1Mbit"},{"name":"l",{{other}}"{{field}}":"{{value}}"}]}""";
        Assert.Equal(isValid, new MiniSchema(Schema).Check(Json(json)).Count == 0);
        Assert.Equal(isValid, Record.Exception(() => ScenarioReader.Read(Encoding.UTF8.GetBytes(json), "x")) is null);
    }

    [Theory]
    [InlineData("size", "1000", true)]
    [InlineData("size", "1000.0", true)]
    [InlineData("size", "1e3", true)]
    [InlineData("size", "1.5", false)]
    [InlineData("size", "0", false)]
    [InlineData("size", "-1", false)]
    [InlineData("size", "\"1.5\"", false)]
    [InlineData("size", "\"1000\"", true)]
    [InlineData("size", "\"1.5kB\"", true)]
    [InlineData("size", "\".5 KiB\"", true)]
    [InlineData("size", "\"5.KiB\"", false)]
    [InlineData("size", "\"0MiB\"", false)]
    [InlineData("size", "\"0.0MiB\"", false)]
    [InlineData("size", "\"0\"", false)]
    [InlineData("size", "null", false)]
    [InlineData("pieceLength", "0", false)]
    [InlineData("pieceLength", "65536.0", true)]
    [InlineData("pieceLength", "268435457", false)]
    [InlineData("pieceLength", "null", false)]
    [InlineData("seed", "1e3", true)]
    [InlineData("seed", "18446744073709551615", true)]
    [InlineData("seed", "18446744073709551616", false)]
    [InlineData("seed", "0.5", false)]
    [InlineData("name", "null", false)]
    [InlineData("limit", "\"0s\"", false)]
    [InlineData("limit", "\"0.0h\"", false)]
    [InlineData("limit", "\"5.s\"", false)]
    [InlineData("limit", "\"10s\"", true)]
    [InlineData("zones", "null", false)]
    [InlineData("zones", "[null]", false)]
    [InlineData("zones", "[{\"name\":\"z\",\"up\":\"0Mbit\"}]", false)]
    [InlineData("zones", "[{\"name\":\"z\",\"up\":\"1.Mbit\"}]", false)]
    [InlineData("zones", "[{\"name\":\"z\",\"up\":\"1Mbit\",\"latency\":\"0s\"}]", true)]
    [InlineData("tracker", "null", false)]
    [InlineData("swarm", "null", false)]
    [InlineData("swarm", "{\"connections\":2e1}", true)]
    [InlineData("swarm", "{\"connections\":2.5}", false)]
    [InlineData("swarm", "{\"trusted\":null}", false)]
    [InlineData("swarm", "{\"policy\":null}", false)]
    [InlineData("faults", "[{\"kind\":\"tracker-down\",\"at\":\"0s\",\"for\":\"1s\"}]", true)]
    [InlineData("faults", "[{\"kind\":\"tracker-down\",\"at\":\"0s\",\"for\":\"0s\"}]", false)]
    [InlineData("faults", "[{\"kind\":null,\"at\":\"0s\",\"for\":\"1s\"}]", false)]
    public void What_stands_in_a_field_is_valid_by_both_or_by_neither(string field, string value, bool isValid)
    {
        var size = field == "size" ? "" : "\"size\":\"1MiB\",";
        var json = $$"""{ {{size}}"classes":[{"name":"s","seeder":true,"up":"1Mbit"},{"name":"l","up":"1Mbit"}],"{{field}}":{{value}}}""";
        Assert.Equal(isValid, new MiniSchema(Schema).Check(Json(json)).Count == 0);
        Assert.Equal(isValid, Record.Exception(() => ScenarioReader.Read(Encoding.UTF8.GetBytes(json), "x")) is null);
    }

    private static JsonElement Json(string text) => JsonDocument.Parse(text).RootElement.Clone();

    private static string Here([CallerFilePath] string path = "") => path;
}
