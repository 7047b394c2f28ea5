using System.Text.Json.Serialization;
using Shoal.Protocol;
using Shoal.Protocol.Trackers;

namespace Shoal.Cli.Reporting;

/// <summary>
/// Something that a command tells its user: one line of plain text, or one JSON object on a line. The names of events
/// and members are a promise to programs: they may grow, they do not change. Byte counts are bytes, rates bytes per
/// second, times seconds.
/// </summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "event")]
[JsonDerivedType(typeof(ListeningEvent), "listening")]
[JsonDerivedType(typeof(PortEvent), "port")]
[JsonDerivedType(typeof(HashingEvent), "hashing")]
[JsonDerivedType(typeof(CheckingEvent), "checking")]
[JsonDerivedType(typeof(TorrentEvent), "torrent")]
[JsonDerivedType(typeof(MetadataEvent), "metadata")]
[JsonDerivedType(typeof(ProgressEvent), "progress")]
[JsonDerivedType(typeof(PeerEvent), "peer")]
[JsonDerivedType(typeof(TrackerEvent), "tracker")]
[JsonDerivedType(typeof(PieceEvent), "piece")]
[JsonDerivedType(typeof(LostEvent), "lost")]
[JsonDerivedType(typeof(PausedEvent), "paused")]
[JsonDerivedType(typeof(ResumedEvent), "resumed")]
[JsonDerivedType(typeof(CompleteEvent), "complete")]
[JsonDerivedType(typeof(StoppedEvent), "stopped")]
[JsonDerivedType(typeof(InfoEvent), "info")]
[JsonDerivedType(typeof(MagnetEvent), "magnet")]
[JsonDerivedType(typeof(FileEvent), "file")]
[JsonDerivedType(typeof(VerifiedEvent), "verified")]
[JsonDerivedType(typeof(ScrapeEvent), "scrape")]
[JsonDerivedType(typeof(TrackerUrlsEvent), "announce-urls")]
[JsonDerivedType(typeof(StatsEvent), "stats")]
[JsonDerivedType(typeof(MpiRunEvent), "mpi-run")]
[JsonDerivedType(typeof(CopyProgressEvent), "copy-progress")]
[JsonDerivedType(typeof(CopyLackEvent), "copy-lack")]
[JsonDerivedType(typeof(CopiedEvent), "copied")]
[JsonDerivedType(typeof(SimulationProgressEvent), "simulation-progress")]
[JsonDerivedType(typeof(FuzzProgressEvent), "fuzz-progress")]
[JsonDerivedType(typeof(FuzzFailureEvent), "fuzz-failure")]
[JsonDerivedType(typeof(FuzzedEvent), "fuzzed")]
[JsonDerivedType(typeof(SimulationEvent), "simulation")]
[JsonDerivedType(typeof(SimulationsEvent), "simulations")]
[JsonDerivedType(typeof(ComparisonEvent), "comparison")]
[JsonDerivedType(typeof(DhtEvent), "dht")]
[JsonDerivedType(typeof(DhtPeerEvent), "dht-peer")]
[JsonDerivedType(typeof(DhtLookupEvent), "dht-lookup")]
[JsonDerivedType(typeof(PublishedEvent), "published")]
[JsonDerivedType(typeof(ListedEvent), "listed")]
[JsonDerivedType(typeof(TokenEvent), "token")]
[JsonDerivedType(typeof(SubscribedEvent), "subscribed")]
[JsonDerivedType(typeof(VersionFoundEvent), "version-found")]
[JsonDerivedType(typeof(FetchingEvent), "fetching")]
[JsonDerivedType(typeof(WaitingEvent), "waiting")]
[JsonDerivedType(typeof(FetchedEvent), "fetched")]
[JsonDerivedType(typeof(RemovedEvent), "removed")]
[JsonDerivedType(typeof(DisconnectedEvent), "disconnected")]
[JsonDerivedType(typeof(ReconnectedEvent), "reconnected")]
[JsonDerivedType(typeof(ConnectedEvent), "connected")]
[JsonDerivedType(typeof(SeedingAgainEvent), "seeding-again")]
[JsonDerivedType(typeof(TransfersEvent), "transfers")]
[JsonDerivedType(typeof(UnfinishedEvent), "unfinished")]
[JsonDerivedType(typeof(TransferEvent), "transfer")]
[JsonDerivedType(typeof(SubscriptionEvent), "subscription")]
[JsonDerivedType(typeof(ConnectedPeerEvent), "connected-peer")]
[JsonDerivedType(typeof(NoteEvent), "note")]
[JsonDerivedType(typeof(DoneEvent), "done")]
[JsonDerivedType(typeof(WarningEvent), "warning")]
[JsonDerivedType(typeof(ErrorEvent), "error")]
internal abstract record Event
{
    /// <summary>The line for people; null for what they need not see.</summary>
    public abstract string? ToLine();

    /// <summary>Whether it is what was asked for, and so shown even with --quiet.</summary>
    [JsonIgnore]
    public bool IsResult => this is TorrentEvent or CompleteEvent or InfoEvent or MagnetEvent or FileEvent or ScrapeEvent or TrackerUrlsEvent or MpiRunEvent
        or CopyLackEvent or CopiedEvent or SimulationEvent or SimulationsEvent or ComparisonEvent
        or FuzzFailureEvent or FuzzedEvent or DhtPeerEvent or PublishedEvent or ListedEvent or TokenEvent or FetchedEvent
        or TransferEvent or SubscriptionEvent or ConnectedPeerEvent or NoteEvent or DoneEvent or ErrorEvent;
}

/// <summary>A port is open.</summary>
internal sealed record ListeningEvent(string Address, int Port, string For) : Event
{
    public override string ToLine() => $"Listening on {(Address.Contains(':') ? $"[{Address}]" : Address)}:{Port} ({For})";
}

/// <summary>The router lets others in at the port.</summary>
internal sealed record PortEvent(string Transport, int Port, string External, string Protocol) : Event
{
    public override string ToLine() => $"{(Transport == "udp" ? "UDP port" : "Port")} {Port} is open on the router ({External}, {Protocol})";
}

/// <summary>Content is being hashed for the first time.</summary>
internal sealed record HashingEvent(string Path, long Bytes, long TotalBytes) : Event
{
    public override string ToLine() => $"Hashing {Path}: {Units.Percent(Fraction.Of(Bytes, TotalBytes))} of {Units.Size(TotalBytes)}";
}

/// <summary>Content that was there is being checked.</summary>
internal sealed record CheckingEvent(string Path, long Bytes, long TotalBytes) : Event
{
    public override string ToLine() => $"Checking {Path}: {Units.Percent(Fraction.Of(Bytes, TotalBytes))} of {Units.Size(TotalBytes)}";
}

/// <summary>A torrent is made: how others get it. Of a secret share the magnet link is for those who only carry it, and <paramref name="Link"/> has the key.</summary>
internal sealed record TorrentEvent(
    InfoHash InfoHash, string Name, long TotalBytes, int PieceCount, int PieceLength, int FileCount,
    string Torrent, string? Magnet, string? Command, string? Link = null) : Event
{
    public override string ToLine()
    {
        var text = $"{Name}: {Units.Size(TotalBytes)}, {Units.Count(FileCount, "file")}, {Units.Count(PieceCount, "piece")} of {Units.Size(PieceLength)}\n" +
            $"Torrent:  {Torrent}";
        text += Magnet is null ? $"\nInfo-hash: {InfoHash}" : $"\nMagnet:   {Magnet}";
        text += Link is null ? "" : $"\nLink:     {Link}\nWho has this link can read it; the magnet link is for those who only carry it.";
        return Command is null ? text : text + $"\nOn the other side:\n  {Command}";
    }
}

/// <summary>A torrent's magnet link.</summary>
internal sealed record MagnetEvent(InfoHash InfoHash, string? Name, string Magnet) : Event
{
    public override string ToLine() => Magnet;
}

/// <summary>It is known what the torrent holds.</summary>
internal sealed record MetadataEvent(InfoHash InfoHash, string Name, long TotalBytes, int PieceCount, int PieceLength, int FileCount) : Event
{
    public override string ToLine() =>
        $"{Name}: {Units.Size(TotalBytes)}, {Units.Count(FileCount, "file")}, {Units.Count(PieceCount, "piece")} of {Units.Size(PieceLength)}";
}

/// <summary>How far it is.</summary>
internal sealed record ProgressEvent(
    string State, string Name, int Pieces, int LostPieces, int PieceCount, long Bytes, long TotalBytes,
    long DownloadRateBytesPerSecond, long UploadRateBytesPerSecond, int PeerCount,
    long DownloadedBytes, long UploadedBytes, double Ratio, double? EtaSeconds,
    [property: JsonIgnore] IReadOnlyList<PeerRow>? Peers = null,
    IReadOnlyList<TrackerRow>? Trackers = null) : Event
{
    public override string? ToLine()
    {
        var peers = Units.Count(PeerCount, "peer");
        var lost = LostPieces == 0 ? "" : $", {LostEvent.Of(LostPieces, PieceCount)}";
        return State switch
        {
            "metadata" => $"Fetching metadata: {peers}",
            "checking" => $"Checking what is there: {Units.Percent(Fraction.Of(Bytes, TotalBytes))}",
            "stopping" or "stopped" => null,
            "seeding" when PeerCount == 0 && UploadedBytes == 0 => null,
            "seeding" => $"Seeding: {peers}, up {Units.Rate(UploadRateBytesPerSecond)}, sent {Units.Size(UploadedBytes)}, ratio {Ratio:F2}{lost}",
            "waiting" when PeerCount == 0 => $"Waiting for peers: {Units.Percent(Fraction.Of(Bytes, TotalBytes))} of {Units.Size(TotalBytes)} is here",
            "waiting" => $"Waiting for a seeder: {Units.Percent(Fraction.Of(Bytes, TotalBytes))} of {Units.Size(TotalBytes)} is here, " +
                $"and the rest at none of {peers}, up {Units.Rate(UploadRateBytesPerSecond)}",
            _ => $"{char.ToUpperInvariant(State[0])}{State[1..]}: {Units.Percent(Fraction.Of(Bytes, TotalBytes))} of {Units.Size(TotalBytes)}, " +
                $"down {Units.Rate(DownloadRateBytesPerSecond)}, up {Units.Rate(UploadRateBytesPerSecond)}, {peers}, " +
                $"ETA {Units.Time(EtaSeconds is { } eta ? TimeSpan.FromSeconds(eta) : null)}",
        };
    }
}

/// <summary>One line of the table of peers.</summary>
internal sealed record PeerRow(string Address, string Client, double Fraction, long DownloadRateBytesPerSecond, long UploadRateBytesPerSecond);

/// <summary>How a tracker stands: seconds since it answered (or was given up waiting for) and until it is asked again, counts that it told.</summary>
internal sealed record TrackerRow(string Url, int Tier, double? SecondsSinceAnswer, double? SecondsUntilNext, int? Seeders, int? Leechers, string? Error)
{
    public string Url { get; } = Passkey.Redact(Url);

    public string? Error { get; } = Error is null ? null : Passkey.Redact(Error);
}

/// <summary>A peer came ("connected"), went ("disconnected"), or is not talked to any more ("banned").</summary>
internal sealed record PeerEvent(string Address, string Change, string? Client = null, string? Reason = null) : Event
{
    public override string? ToLine() => Change == "banned" ? $"Banned {Address}: {Reason}" : null;
}

/// <summary>A tracker answered, or did not.</summary>
internal sealed record TrackerEvent(string Url, string? Error, int? Seeders, int? Leechers, int PeerCount, string? Warning) : Event
{
    public string Url { get; } = Passkey.Redact(Url);

    public string? Error { get; } = Error is null ? null : Passkey.Redact(Error);

    public string? Warning { get; } = Warning is null ? null : Passkey.Redact(Warning);

    public override string? ToLine() =>
        Error is not null ? (Error.Contains(Url, StringComparison.Ordinal) ? $"Failed: {Error}" : $"Tracker {Url}: {Error}") :
        Warning is not null ? $"Tracker {Url} warns: {Warning}" : null;
}

/// <summary>A piece failed its hash.</summary>
internal sealed record PieceEvent(int Piece, string Change) : Event
{
    public override string ToLine() => $"Piece {Piece} came wrong and is fetched again";
}

/// <summary>
/// So many pieces were lost on disk now. <paramref name="LostPieces"/> are lost for this run in all; 0: they are fetched again.
/// </summary>
internal sealed record LostEvent(int Pieces, int LostPieces, int PieceCount, string Reason) : Event
{
    public override string ToLine() => LostPieces > 0
        ? $"{Of(Pieces, PieceCount)} and no longer offered: {Reason}"
        : $"{Of(Pieces, PieceCount)} and fetched again: {Reason}";

    /// <summary>"3 of 40 pieces lost".</summary>
    public static string Of(int lost, int count) => $"{lost} of {Units.Count(count, "piece")} lost";
}

/// <summary>The disk failed; nothing is lost, and it is tried again.</summary>
internal sealed record PausedEvent(string Reason) : Event
{
    public override string ToLine() => $"Paused: {Reason}; trying again";
}

/// <summary>The disk works again.</summary>
internal sealed record ResumedEvent : Event
{
    public override string ToLine() => "Going on";
}

/// <summary>All that was wanted is there, verified.</summary>
internal sealed record CompleteEvent(InfoHash InfoHash, string Path, long Bytes, long DownloadedBytes, double Seconds) : Event
{
    public override string ToLine() => DownloadedBytes == 0
        ? $"Complete: {Path} ({Units.Size(Bytes)}, all of it was there)"
        : $"Complete: {Path} ({Units.Size(Bytes)}; got {Units.Size(DownloadedBytes)} in {Units.Time(TimeSpan.FromSeconds(Seconds))}, " +
          $"{Units.Rate(DownloadedBytes / Math.Max(Seconds, 0.001))})";
}

/// <summary>The end, summed up.</summary>
internal sealed record StoppedEvent(long DownloadedBytes, long UploadedBytes, double Ratio, double Seconds) : Event
{
    public override string ToLine() =>
        $"Stopped after {Units.Time(TimeSpan.FromSeconds(Seconds))}: got {Units.Size(DownloadedBytes)}, sent {Units.Size(UploadedBytes)}, ratio {Ratio:F2}";
}

/// <summary>A file: of `info`, or one in which `verify` found something off.</summary>
internal sealed record FileEvent(string Path, long Bytes, string? Problem = null, int BadPieceCount = 0) : Event
{
    public override string ToLine() => Problem is null ? $"{Units.Size(Bytes),12}  {Path}" : $"{Path}: {Problem}";
}

/// <summary>What `verify` found in all.</summary>
internal sealed record VerifiedEvent(int Pieces, int PieceCount, int BadFileCount, int FileCount) : Event
{
    public override string ToLine() => BadFileCount == 0
        ? $"All is well: {Units.Count(PieceCount, "piece")} in {Units.Count(FileCount, "file")}"
        : $"{BadFileCount} of {Units.Count(FileCount, "file")} not as they should be; {PieceCount - Pieces} of {Units.Count(PieceCount, "piece")} bad or missing";
}

/// <summary>What a tracker says of a torrent (BEP 48).</summary>
internal sealed record ScrapeEvent(string Url, InfoHash InfoHash, int Seeders, int Leechers, int Downloads) : Event
{
    public string Url { get; } = Passkey.Redact(Url);

    public override string ToLine() => $"{InfoHash} at {Url}: {Units.Count(Seeders, "seeder")}, {Units.Count(Leechers, "leecher")}, {Units.Count(Downloads, "download")}";
}

/// <summary>Where to announce to a tracker of one's own.</summary>
internal sealed record TrackerUrlsEvent(string Http, string Udp) : Event
{
    public override string ToLine() => $"Announce to {Http} or {Udp}";
}

/// <summary>What a tracker of one's own holds and has done.</summary>
internal sealed record StatsEvent(int Swarms, int Peers, int Seeders, int Leechers, long Announces, long Scrapes, long Refusals) : Event
{
    public override string ToLine() =>
        $"{Units.Count(Swarms, "torrent")}, {Units.Count(Peers, "peer")} ({Units.Count(Seeders, "seeder")}), {Units.Count(Announces, "announce")}, {Units.Count(Scrapes, "scrape")}, {Refusals} refused";
}

/// <summary>Something is amiss, but it goes on.</summary>
internal sealed record WarningEvent(string Text) : Event
{
    public override string ToLine() => $"Warning: {Text}";
}

/// <summary>It went wrong, and this is the end.</summary>
internal sealed record ErrorEvent(string Text, int ExitCode) : Event
{
    public override string? ToLine() => null;
}

/// <summary>Parts of a whole.</summary>
internal static class Fraction
{
    public static double Of(long part, long whole) => whole == 0 ? 1 : (double)part / whole;
}
