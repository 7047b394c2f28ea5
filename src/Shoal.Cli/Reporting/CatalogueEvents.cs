using System.Text.Json.Serialization;
using Shoal.Protocol;

namespace Shoal.Cli.Reporting;

/// <summary>A catalogue has it now, under the name; <paramref name="Command"/>, if it is worth telling, gets it.</summary>
internal sealed record PublishedEvent(
    string Name, int Version, InfoHash InfoHash, long TotalBytes, int FileCount, string At, string? Command) : Event
{
    public override string ToLine() =>
        $"Published {Name}, version {Version}: {Units.Size(TotalBytes)}, {Units.Count(FileCount, "file")}, at {At}" +
        (Command is null ? "" : $"\nOn the other side:\n  {Command}");
}

/// <summary>A version of a name that a catalogue has.</summary>
internal sealed record ListedEvent(
    string Name, int Version, InfoHash InfoHash, long TotalBytes, int FileCount, int Seeders, int Leechers, DateTimeOffset PublishedAt) : Event
{
    /// <summary>Characters of the longest name beside it.</summary>
    [JsonIgnore]
    public int NameWidth { get; init; }

    public override string ToLine() =>
        $"{Name.PadRight(NameWidth)}  {$"@{Version}",-4}  {Units.Size(TotalBytes),10}  {Seeders,4} seeders {Leechers,4} leechers  {Units.Age(DateTimeOffset.UtcNow - PublishedAt)}";
}

/// <summary>A token of a catalogue: itself only when it is made.</summary>
internal sealed record TokenEvent(string Name, string Rights, string Pattern, DateTimeOffset CreatedAt, string? Token = null) : Event
{
    public override string ToLine() => Token is null
        ? $"{Name}: {Rights} for '{Pattern}', made {CreatedAt:yyyy-MM-dd HH:mm} UTC"
        : $"Token '{Name}', {Rights} for '{Pattern}', shown this once:\n  {Token}";
}
