using System.Text.Json.Serialization;
using Shoal.Protocol;

namespace Shoal.Cli.Reporting;

/// <summary>All that a catalogue has is known, of so many names; what follows happens now.</summary>
internal sealed record SubscribedEvent(int Names, string At, string Folder) : Event
{
    public override string ToLine() => $"Subscribed at {At}: {Units.Count(Names, "name")} into {Folder}";
}

/// <summary>There is a version that matches; it will be fetched.</summary>
internal sealed record VersionFoundEvent(string Name, int Version, InfoHash InfoHash, long TotalBytes) : Event
{
    public override string ToLine() => $"Found {Name}@{Version} ({Units.Size(TotalBytes)})";
}

/// <summary>What is fetched just now; perhaps nothing.</summary>
internal sealed record FetchingEvent(IReadOnlyList<FetchingRow> Versions) : Event
{
    private const int MostShown = 4;

    public override string? ToLine() => Versions.Count == 0 ? null
        : $"Fetching {string.Join("; ", Versions.Take(MostShown).Select(one => $"{one.What} {Units.Percent(Fraction.Of(one.Bytes, one.TotalBytes))} {one.Rest}"))}" +
          (Versions.Count > MostShown ? $"; and {Versions.Count - MostShown} more" : "");
}

/// <summary>How far a version is.</summary>
internal sealed record FetchingRow(
    string Name, int Version, string State, long Bytes, long TotalBytes, long DownloadRateBytesPerSecond, int PeerCount, double? EtaSeconds)
{
    /// <summary>What it is called.</summary>
    [JsonIgnore]
    public string What => $"{Name}@{Version}";

    /// <summary>What stands behind how far it is.</summary>
    [JsonIgnore]
    public string Rest => State == "checking" ? "checked" : PeerCount == 0 ? "nobody is there who has it"
        : State == "waiting" ? $"of {Units.Size(TotalBytes)}, {Units.Count(PeerCount, "peer")}, and nobody has the rest"
        : $"of {Units.Size(TotalBytes)}, {Units.Rate(DownloadRateBytesPerSecond)}, {Units.Count(PeerCount, "peer")}, ETA {Units.Time(EtaSeconds is { } eta ? TimeSpan.FromSeconds(eta) : null)}";
}

/// <summary>Nobody is there who has the version.</summary>
internal sealed record WaitingEvent(string Name, int Version) : Event
{
    public override string ToLine() => $"Waiting for {Name}@{Version}: nobody is there who has it; it goes on when somebody is";
}

/// <summary>A version is in its place: at <paramref name="Path"/> its name leads to it. So much came from others, so much was here.</summary>
internal sealed record FetchedEvent(string Name, int Version, string Path, long DownloadedBytes, long ReusedBytes) : Event
{
    public override string ToLine() => $"Fetched {Name}@{Version}: {Path} (got {Units.Size(DownloadedBytes)}, {Units.Size(ReusedBytes)} were here)";
}

/// <summary>It was taken out of the catalogue: that version, or all. What is here of it stays.</summary>
internal sealed record RemovedEvent(string Name, int? Version) : Event
{
    /// <summary>What is said where somebody asked for it.</summary>
    public const string OfCommand = "who has the files keeps them";

    /// <summary>What becomes of the files.</summary>
    [JsonIgnore]
    public string Rest { get; init; } = "what is here of it stays";

    public override string ToLine() => $"Removed from the catalogue: {Name}{(Version is { } version ? $"@{version}" : "")}; {Rest}";
}

/// <summary>The catalogue cannot be heard; it is tried again.</summary>
internal sealed record DisconnectedEvent(string At, string Reason) : Event
{
    public override string ToLine() => $"Warning: the catalogue at {At} cannot be heard: {Reason}; trying again";
}

/// <summary>The catalogue is heard again.</summary>
internal sealed record ReconnectedEvent(string At) : Event
{
    public override string ToLine() => $"The catalogue at {At} is heard again";
}
