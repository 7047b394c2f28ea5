using Microsoft.Extensions.Logging;
using Shoal.Engine;
using Shoal.Engine.Swarms;
using Shoal.Protocol;
using Shoal.Protocol.Trackers;

namespace Shoal;

/// <summary>What a client tells of its torrents; links are told of by their host.</summary>
internal static partial class Log
{
    /// <summary>Puts an event of the engine into words, if it is one of those that are logged. Costs nothing if nobody listens.</summary>
    public static void Happened(ILogger logger, string torrent, SwarmEvent happened)
    {
        switch (happened)
        {
            case SwarmEvent.PeerBanned e:
                PeerBanned(logger, torrent, e.Address, e.Reason);
                break;
            case SwarmEvent.TrackerReplied { Result: { Failure: { } failure } result }:
                AnnounceFailed(logger, torrent, Passkey.Redact(result.Tracker), Passkey.Redact(failure));
                break;
            case SwarmEvent.TrackerReplied { Result: var result }:
                Announced(logger, torrent, Passkey.Redact(result.Tracker), result.Kind, result.Peers?.Count ?? 0);
                break;
            case SwarmEvent.Paused e:
                Paused(logger, torrent, e.Reason);
                break;
            case SwarmEvent.Resumed:
                Resumed(logger, torrent);
                break;
            case SwarmEvent.PieceFailed e:
                PieceFailed(logger, torrent, e.Piece.Value);
                break;
            case SwarmEvent.PiecesLost e:
                PiecesLost(logger, torrent, e.Pieces.Count, e.PieceCount, e.Reason);
                break;
            case SwarmEvent.Completed:
                Completed(logger, torrent);
                break;
            case SwarmEvent.Stopped:
                Stopped(logger, torrent);
                break;
            default:
                break; // links are the host's to tell, pieces are too many
        }
    }

    [LoggerMessage(1, LogLevel.Information, "{Torrent}: added, info-hash {InfoHash}")]
    public static partial void Added(ILogger logger, string torrent, InfoHash infoHash);

    [LoggerMessage(2, LogLevel.Information, "{Torrent}: {HaveCount} of {PieceCount} pieces are there; {CheckedBytes} bytes were read to check")]
    public static partial void Checked(ILogger logger, string torrent, int haveCount, int pieceCount, long checkedBytes);

    [LoggerMessage(3, LogLevel.Information, "{Torrent}: complete")]
    private static partial void Completed(ILogger logger, string torrent);

    [LoggerMessage(4, LogLevel.Information, "{Torrent}: stopped")]
    private static partial void Stopped(ILogger logger, string torrent);

    [LoggerMessage(5, LogLevel.Error, "{Torrent}: failed: {Reason}")]
    public static partial void Failed(ILogger logger, string torrent, string reason);

    [LoggerMessage(6, LogLevel.Warning, "{Torrent}: no record could be kept: {Reason}")]
    public static partial void NotRecorded(ILogger logger, string torrent, string reason);

    [LoggerMessage(7, LogLevel.Information, "{Torrent}: announced to {Tracker} ({Kind}), which names {PeerCount} peers")]
    private static partial void Announced(ILogger logger, string torrent, string tracker, AnnounceKind kind, int peerCount);

    [LoggerMessage(8, LogLevel.Warning, "{Torrent}: announce to {Tracker} failed: {Reason}")]
    private static partial void AnnounceFailed(ILogger logger, string torrent, string tracker, string reason);

    [LoggerMessage(9, LogLevel.Warning, "{Torrent}: {Peer} is banned: {Reason}")]
    private static partial void PeerBanned(ILogger logger, string torrent, PeerAddress peer, string reason);

    [LoggerMessage(10, LogLevel.Warning, "{Torrent}: piece {Piece} came wrong and is fetched again")]
    private static partial void PieceFailed(ILogger logger, string torrent, int piece);

    [LoggerMessage(11, LogLevel.Warning, "{Torrent}: {Count} of {PieceCount} pieces are lost: {Reason}")]
    private static partial void PiecesLost(ILogger logger, string torrent, int count, int pieceCount, string reason);

    [LoggerMessage(12, LogLevel.Error, "{Torrent}: paused, for the disk failed: {Reason}")]
    private static partial void Paused(ILogger logger, string torrent, string reason);

    [LoggerMessage(13, LogLevel.Information, "{Torrent}: the disk works again")]
    private static partial void Resumed(ILogger logger, string torrent);

    [LoggerMessage(20, LogLevel.Warning, "the DHT cannot be used: {Reason}")]
    public static partial void NoDht(ILogger logger, string reason);
}
