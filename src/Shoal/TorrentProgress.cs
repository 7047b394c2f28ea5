namespace Shoal;

/// <summary>Where a torrent is in its life.</summary>
public enum TorrentState
{
    /// <summary>Asks peers what the torrent holds (BEP 9).</summary>
    FetchingMetadata,

    /// <summary>Checks what lies on disk.</summary>
    Checking,

    /// <summary>Downloads, and uploads what it has.</summary>
    Downloading,

    /// <summary>Has all that is wanted, and uploads.</summary>
    Seeding,

    /// <summary>The disk failed; nothing is lost, it is tried again.</summary>
    Paused,

    /// <summary>Finishes what is under way.</summary>
    Stopping,

    /// <summary>Stopped.</summary>
    Stopped,
}

/// <summary>How a torrent stands at one moment. Sizes in bytes; a size or count is 0 while it is not known.</summary>
public sealed record TorrentProgress
{
    /// <summary>Where it is in its life.</summary>
    public required TorrentState State { get; init; }

    /// <summary>Pieces that are there, verified; while checking, those checked.</summary>
    public int HavePieceCount { get; init; }

    /// <summary>Pieces that were there when all was, and are not offered any more, since their file changed or cannot be read.</summary>
    public int LostPieceCount { get; init; }

    /// <summary>Pieces in all.</summary>
    public int PieceCount { get; init; }

    /// <summary>Of what is wanted: bytes that are there, verified; while checking, bytes checked.</summary>
    public long HaveBytes { get; init; }

    /// <summary>Bytes that are wanted; while checking, bytes to check.</summary>
    public long WantedBytes { get; init; }

    /// <summary>Of what is wanted and not there: bytes of pieces that no peer has to which there is a connection.</summary>
    public long UnavailableBytes { get; init; }

    /// <summary>Bytes received in this run.</summary>
    public long DownloadedBytes { get; init; }

    /// <summary>Bytes sent in this run.</summary>
    public long UploadedBytes { get; init; }

    /// <summary>How fast it comes.</summary>
    public long DownloadRateBytesPerSecond { get; init; }

    /// <summary>How fast it goes.</summary>
    public long UploadRateBytesPerSecond { get; init; }

    /// <summary>The peers there is a connection to.</summary>
    public IReadOnlyList<Engine.Swarms.PeerStatus> Peers { get; init; } = [];

    /// <summary>The trackers, in the order in which they are tried.</summary>
    public IReadOnlyList<TrackerProgress> Trackers { get; init; } = [];

    /// <summary>Whether it has to wait for somebody to come, since no peer has what is missing.</summary>
    public bool IsWaiting => State == TorrentState.Downloading && HaveBytes < WantedBytes && HaveBytes + UnavailableBytes >= WantedBytes;

    /// <summary>How much is there, from 0 to 1.</summary>
    public double Fraction => WantedBytes == 0
        ? (State is TorrentState.FetchingMetadata or TorrentState.Checking ? 0 : 1)
        : (double)HaveBytes / WantedBytes;

    /// <summary>Sent by received; where nothing was received in this run, by what is there.</summary>
    public double Ratio => (DownloadedBytes, HaveBytes) switch
    {
        ( > 0, _) => (double)UploadedBytes / DownloadedBytes,
        (_, > 0) => (double)UploadedBytes / HaveBytes,
        _ => 0,
    };

    /// <summary>How long it will take at this rate; null if nothing comes.</summary>
    public TimeSpan? Eta => State == TorrentState.Downloading && DownloadRateBytesPerSecond > 0
        ? TimeSpan.FromSeconds(Math.Ceiling((double)(WantedBytes - HaveBytes) / DownloadRateBytesPerSecond))
        : null;
}
