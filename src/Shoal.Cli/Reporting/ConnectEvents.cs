using System.Text.Json.Serialization;
using Shoal.Cli.Connect;

namespace Shoal.Cli.Reporting;

/// <summary>A session with a catalogue has begun.</summary>
internal sealed record ConnectedEvent(string At, int Port) : Event
{
    public override string ToLine() => $"Connected to {At}; peers reach this machine at port {Port}";
}

/// <summary>What a session uploaded before is seeded again.</summary>
internal sealed record SeedingAgainEvent(IReadOnlyList<string> Names) : Event
{
    public override string ToLine() => $"Seeding again: {Uploads.Shorten(Names)}";
}

/// <summary>How all that goes on in a session stands.</summary>
internal sealed record TransfersEvent(IReadOnlyList<FetchingRow> Versions, int SeedingCount, int PeerCount, long UploadRateBytesPerSecond) : Event
{
    // Seeding alone is no news.
    public override string? ToLine() => new FetchingEvent(Versions).ToLine();

    /// <summary>The line of status above the prompt; null if nothing goes on.</summary>
    [JsonIgnore]
    public string? Status
    {
        get
        {
            var seeding = SeedingCount == 0 ? null
                : $"Seeding {SeedingCount}: {Units.Count(PeerCount, "peer")}, up {Units.Rate(UploadRateBytesPerSecond)}";
            var fetching = ToLine();
            return fetching is null || seeding is null ? fetching ?? seeding : $"{fetching} · {seeding}";
        }
    }
}

/// <summary>A download that is not whole when the session ends.</summary>
internal sealed record UnfinishedEvent(string Name, int Version, string Path, long Bytes, long TotalBytes) : Event
{
    public override string ToLine() =>
        $"Not whole yet: {Path} ({Units.Percent(Fraction.Of(Bytes, TotalBytes))} of {Units.Size(TotalBytes)}); to download {Name}@{Version} there again goes on with it";
}

/// <summary>Something that a session fetches or seeds; <paramref name="Path"/> is null where a subscription fetches it.</summary>
internal sealed record TransferEvent(
    string Name, int Version, string State, long Bytes, long TotalBytes, long DownloadRateBytesPerSecond, long UploadRateBytesPerSecond,
    long DownloadedBytes, long UploadedBytes, int PeerCount, double? EtaSeconds, string? Path) : Event
{
    public override string ToLine()
    {
        var peers = Units.Count(PeerCount, "peer");
        return $"{Name}@{Version}  {State}  " + (State == "seeding"
            ? $"{Units.Size(TotalBytes)}  ↑ {Units.Rate(UploadRateBytesPerSecond)}  sent {Units.Size(UploadedBytes)}  {peers}"
            : $"{Units.Percent(Fraction.Of(Bytes, TotalBytes))} of {Units.Size(TotalBytes)}  ↓ {Units.Rate(DownloadRateBytesPerSecond)}  ↑ {Units.Rate(UploadRateBytesPerSecond)}  {peers}" +
              $"  ETA {Units.Time(EtaSeconds is { } eta ? TimeSpan.FromSeconds(eta) : null)}") + (Path is null ? "" : $"  {Path}");
    }
}

/// <summary>A subscription of a session.</summary>
internal sealed record SubscriptionEvent(string Pattern, string Folder) : Event
{
    public override string ToLine() => $"Subscribed to {Pattern} into {Folder}";
}

/// <summary>Somebody who is connected for a name.</summary>
internal sealed record ConnectedPeerEvent(
    string Name, int Version, string Address, string Client, double Fraction, long DownloadRateBytesPerSecond, long UploadRateBytesPerSecond) : Event
{
    public override string ToLine() =>
        $"{Name}@{Version}  {Address}  {Client}  has {Units.Percent(Fraction)}  ↓ {Units.Rate(DownloadRateBytesPerSecond)}  ↑ {Units.Rate(UploadRateBytesPerSecond)}";
}

/// <summary>An answer in words.</summary>
internal sealed record NoteEvent(string Text) : Event
{
    public override string ToLine() => Text;
}

/// <summary>A command of a script is done, with what a command of its own would have ended with.</summary>
internal sealed record DoneEvent(int Line, int ExitCode) : Event
{
    public override string? ToLine() => null;
}
