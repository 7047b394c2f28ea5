using System.Globalization;
using System.Text;
using System.Text.Json;
using Shoal.Engine.Swarms;
using Shoal.Simulation.Faults;
using Shoal.Simulation.Scenarios;

namespace Shoal.Simulation.Fuzzing.Swarms;

/// <summary>A case as text: the scenario as a scenario file would have it, and what goes wrong beside it.</summary>
public static class SwarmText
{
    /// <summary>JSON with two members: "scenario", as `shoal simulate` reads it, and "adversity".</summary>
    public static string Of(SwarmCase fuzzCase)
    {
        ArgumentNullException.ThrowIfNull(fuzzCase);
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            Write(json, fuzzCase.Scenario);
            Write(json, fuzzCase.Adversity);
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(stream.GetBuffer(), 0, (int)stream.Length);
    }

    private static void Write(Utf8JsonWriter json, Scenario scenario)
    {
        json.WriteStartObject("scenario");
        json.WriteString("name", scenario.Name);
        json.WriteNumber("seed", scenario.Seed);
        json.WriteNumber("size", scenario.ContentLength);
        json.WriteNumber("pieceLength", scenario.PieceLength ?? 0);
        json.WriteNumber("blockLength", scenario.BlockLength ?? 0);
        WriteAll(json, "classes", scenario.Classes, Write);
        WriteAll(json, "zones", scenario.Zones, Write);
        json.WriteStartObject("tracker");
        json.WriteString("interval", Text(scenario.Tracker.Interval));
        json.WriteString("latency", Text(scenario.Tracker.Latency));
        json.WriteEndObject();
        json.WriteStartObject("swarm");
        json.WriteString("policy", BalancePolicies.NameOf(scenario.Swarm.Policy));
        json.WriteBoolean("job", scenario.Swarm.IsJob);
        json.WriteBoolean("trusted", scenario.Swarm.IsTrusted);
        json.WriteNumber("connections", scenario.Swarm.MaximumConnectionCount);
        json.WriteNumber("uploadSlots", scenario.Swarm.UploadSlotCount);
        json.WriteEndObject();
        WriteAll(json, "faults", scenario.Faults, Write);
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, PeerClass peers)
    {
        json.WriteString("name", peers.Name);
        json.WriteNumber("count", peers.Count);
        json.WriteBoolean("seeder", peers.IsSeeder);
        json.WriteString("up", Rate(peers.UpBytesPerSecond));
        json.WriteString("down", Rate(peers.DownBytesPerSecond));
        json.WriteString("latency", Text(peers.Latency));
        json.WriteString("joinAt", Text(peers.JoinAt));
        json.WriteString("joinWithin", Text(peers.JoinWithin));
        if (peers.DiskBytesPerSecond is { } disk)
        {
            json.WriteString("disk", Rate(disk));
        }

        json.WriteString("behavior", ScenarioFields.Behaviors[(int)peers.Behavior]);
        WriteIfAny(json, "stay", peers.StayAfterCompletion);
        WriteIfAny(json, "lifetime", peers.MeanLifetime);
        if (peers.Zone is not null)
        {
            json.WriteString("zone", peers.Zone);
        }

        if (peers.RackSize > 0)
        {
            json.WriteNumber("rackSize", peers.RackSize);
            json.WriteString("rackRate", Rate(peers.RackBytesPerSecond));
        }
    }

    private static void Write(Utf8JsonWriter json, Zone zone)
    {
        json.WriteString("name", zone.Name);
        json.WriteString("up", Rate(zone.UpBytesPerSecond));
        json.WriteString("down", Rate(zone.DownBytesPerSecond));
        json.WriteString("latency", Text(zone.Latency));
    }

    private static void Write(Utf8JsonWriter json, Fault fault)
    {
        json.WriteString("kind", ScenarioFields.FaultKinds[(int)fault.Kind]);
        json.WriteString("at", Text(fault.At));
        json.WriteString("for", Text(fault.Duration));
        if (fault.Class is not null)
        {
            json.WriteString("class", fault.Class);
            json.WriteNumber("count", fault.Count);
        }

        if (fault.Zone is not null)
        {
            json.WriteString("zone", fault.Zone);
        }
    }

    private static void Write(Utf8JsonWriter json, Adversity adversity)
    {
        json.WriteStartObject("adversity");
        json.WriteString("jitter", Text(adversity.Jitter));
        json.WriteBoolean("split", adversity.IsSplit);
        WriteIfAny(json, "linkLifetime", adversity.MeanLinkLifetime);
        json.WriteNumber("silentPercent", adversity.SilentPercent);
        json.WriteNumber("unreadablePerTenThousand", adversity.UnreadablePerTenThousand);
        json.WriteString("until", Text(adversity.Until));
        json.WriteBoolean("tearing", adversity.IsTearing);
        json.WriteBoolean("endpoints", adversity.HasEndpoints);
        json.WriteBoolean("exchangesPeers", adversity.ExchangesPeers);
        json.WriteBoolean("looksAround", adversity.LooksAround);
        json.WriteNumber("fromLinkPercent", adversity.FromLinkPercent);
        json.WriteNumber("encryptedPercent", adversity.EncryptedPercent);
        json.WriteString("linger", Text(adversity.Linger));
        WriteIfAny(json, "bufferBytes", adversity.BufferBytes);
        WriteIfAny(json, "requestDepth", adversity.RequestDepth);
        json.WriteEndObject();
    }

    private static void WriteAll<T>(Utf8JsonWriter json, string name, IReadOnlyList<T> items, Action<Utf8JsonWriter, T> write)
    {
        json.WriteStartArray(name);
        foreach (var item in items)
        {
            json.WriteStartObject();
            write(json, item);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteIfAny(Utf8JsonWriter json, string name, TimeSpan? time)
    {
        if (time is { } there)
        {
            json.WriteString(name, Text(there));
        }
    }

    private static void WriteIfAny(Utf8JsonWriter json, string name, long? number)
    {
        if (number is { } there)
        {
            json.WriteNumber(name, there);
        }
    }

    private static string Text(TimeSpan time) => string.Create(CultureInfo.InvariantCulture, $"{(decimal)time.Ticks / TimeSpan.TicksPerSecond}s");

    private static string Rate(long bytesPerSecond) => string.Create(CultureInfo.InvariantCulture, $"{bytesPerSecond}B/s");
}
