using System.Text.Json;
using System.Text.Unicode;
using Shoal.Engine.Swarms;

namespace Shoal.Simulation.Scenarios;

/// <summary>
/// Reads a scenario file: JSON as <c>docs/scenario.schema.json</c> describes it, comments and trailing commas allowed. What it returns
/// has been checked by <see cref="ScenarioRules"/>. Stateless.
/// </summary>
public static class ScenarioReader
{
    private const int MaximumDepth = 16;

    /// <summary>The longest file that is read, in bytes.</summary>
    public const int MaximumFileLength = 4 << 20;

    /// <summary>Reads a file's bytes.</summary>
    /// <param name="utf8">What is in the file.</param>
    /// <param name="source">What the file is called: for errors, and for the scenario's name where it has none.</param>
    /// <exception cref="ScenarioException">It is not a scenario.</exception>
    public static Scenario Read(ReadOnlyMemory<byte> utf8, string source)
    {
        if (utf8.Length > MaximumFileLength)
        {
            throw new ScenarioException(source, "", $"is longer than {MaximumFileLength >> 20} MiB");
        }

        if (!Utf8.IsValid(utf8.Span))
        {
            throw new ScenarioException(source, "", "is not UTF-8");
        }

        // Editors that mark UTF-8 at its beginning mean well.
        using var document = Parse(utf8.Span.StartsWith("\uFEFF"u8) ? utf8[3..] : utf8, source);
        var scenario = ToScenario(new JsonFields(source, "", document.RootElement, ScenarioFields.Scenario), source);
        ScenarioRules.Check(scenario, source);
        return scenario;
    }

    private static JsonDocument Parse(ReadOnlyMemory<byte> utf8, string source)
    {
        try
        {
            return JsonDocument.Parse(utf8, new JsonDocumentOptions { AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip, MaxDepth = MaximumDepth });
        }
        catch (JsonException error)
        {
            var text = error.Message.Split(" LineNumber:")[0].TrimEnd('.');
            throw new ScenarioException(source, $"line {error.LineNumber + 1}, column {error.BytePositionInLine + 1}", $"not JSON: {text}");
        }
    }

    private static Scenario ToScenario(JsonFields fields, string source)
    {
        var defaults = new Scenario { ContentLength = 0, Classes = [] };
        _ = fields.TextOrNull("$schema");
        _ = fields.TextOrNull("description");
        return new Scenario
        {
            Name = fields.TextOrNull("name") ?? Path.GetFileNameWithoutExtension(source),
            Seed = fields.Seed("seed", defaults.Seed),
            ContentLength = fields.Size("size"),
            PieceLength = fields.LengthOrNull("pieceLength"),
            BlockLength = fields.LengthOrNull("blockLength"),
            Classes = [.. fields.Objects("classes", ScenarioFields.PeerClass).Select(ToClass)],
            Zones = [.. fields.Objects("zones", ScenarioFields.Zone).Select(ToZone)],
            Tracker = ToTracker(fields.Object("tracker", ScenarioFields.Tracker)),
            Swarm = ToSwarm(fields.Object("swarm", ScenarioFields.Swarm)),
            Faults = [.. fields.Objects("faults", ScenarioFields.Fault).Select(ToFault)],
            Limit = fields.TimeOrNull("limit") ?? defaults.Limit,
        };
    }

    private static PeerClass ToClass(JsonFields fields)
    {
        var up = fields.Rate("up");
        var defaults = new PeerClass { Name = "", UpBytesPerSecond = 0, DownBytesPerSecond = 0 };
        return new PeerClass
        {
            Name = fields.Text("name"),
            Count = fields.Count("count", defaults.Count),
            IsSeeder = fields.Flag("seeder"),
            UpBytesPerSecond = up,
            DownBytesPerSecond = fields.RateOrNull("down") ?? up,
            Latency = fields.TimeOrNull("latency") ?? defaults.Latency,
            JoinAt = fields.TimeOrNull("joinAt") ?? defaults.JoinAt,
            JoinWithin = fields.TimeOrNull("joinWithin") ?? defaults.JoinWithin,
            ArrivalsPerSecond = fields.Number("arrivalsPerSecond"),
            StayAfterCompletion = fields.TimeOrNull("stay"),
            MeanLifetime = fields.TimeOrNull("lifetime"),
            Zone = fields.TextOrNull("zone"),
            RackSize = fields.Count("rackSize", defaults.RackSize),
            RackBytesPerSecond = fields.RateOrNull("rackRate") ?? defaults.RackBytesPerSecond,
            DiskBytesPerSecond = fields.RateOrNull("disk"),
            Behavior = (Behavior)fields.Choice("behavior", ScenarioFields.Behaviors, (int)defaults.Behavior),
        };
    }

    private static Zone ToZone(JsonFields fields)
    {
        var up = fields.Rate("up");
        return new Zone(fields.Text("name"), up, fields.RateOrNull("down") ?? up, fields.TimeOrNull("latency") ?? TimeSpan.Zero);
    }

    private static TrackerModel ToTracker(JsonFields? fields)
    {
        var defaults = new TrackerModel();
        return fields is null ? defaults : new TrackerModel
        {
            Interval = fields.TimeOrNull("interval") ?? defaults.Interval,
            Latency = fields.TimeOrNull("latency") ?? defaults.Latency,
        };
    }

    private static SwarmModel ToSwarm(JsonFields? fields)
    {
        var defaults = new SwarmModel();
        return fields is null ? defaults : new SwarmModel
        {
            Policy = (BalancePolicy)fields.Choice("policy", BalancePolicies.Names, (int)defaults.Policy),
            IsJob = fields.Flag("job"),
            IsTrusted = fields.Flag("trusted"),
            MaximumConnectionCount = fields.Count("connections", defaults.MaximumConnectionCount),
            UploadSlotCount = fields.Count("uploadSlots", defaults.UploadSlotCount),
        };
    }

    private static Fault ToFault(JsonFields fields) => new()
    {
        Kind = fields.Has("kind") ? (FaultKind)fields.Choice("kind", ScenarioFields.FaultKinds, 0) : throw fields.Missing("kind"),
        At = fields.Time("at"),
        Duration = fields.TimeOrNull("for") is not { } lasting ? TimeSpan.Zero
            : lasting > TimeSpan.Zero ? lasting : throw fields.Wrong("for", "must be above 0; a crash for ever has no 'for'"),
        Class = fields.TextOrNull("class"),
        Count = fields.Count("count", 1),
        Zone = fields.TextOrNull("zone"),
    };
}
