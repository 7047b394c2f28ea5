using Shoal.Engine.Swarms;
using Shoal.Protocol.Metadata;

namespace Shoal;

/// <summary>Makes what a user sees of a torrent from what its swarm and its content say.</summary>
internal static class ProgressReport
{
    public static TorrentProgress Of(
        SwarmStatus? status, bool hasStopped, Metainfo? metainfo, TorrentContent? opened, (long Checked, long ToCheck) checking)
    {
        var state = hasStopped ? TorrentState.Stopped : status?.Phase switch
        {
            SwarmPhase.FetchingMetadata => TorrentState.FetchingMetadata,
            SwarmPhase.Downloading => TorrentState.Downloading,
            SwarmPhase.Seeding => TorrentState.Seeding,
            SwarmPhase.Paused => TorrentState.Paused,
            SwarmPhase.Stopping => TorrentState.Stopping,
            SwarmPhase.Stopped => TorrentState.Stopped,
            _ => TorrentState.Checking,
        };
        if (state == TorrentState.Checking || status is null || opened is not { } content)
        {
            return new TorrentProgress
            {
                State = state,
                PieceCount = metainfo?.Layout.PieceCount ?? 0,
                HaveBytes = checking.Checked,
                WantedBytes = checking.ToCheck,
                Peers = status?.Peers ?? [],
            };
        }

        return new TorrentProgress
        {
            State = state,
            HavePieceCount = status.HaveCount,
            PieceCount = status.PieceCount,
            HaveBytes = content.WantedBytes - Math.Min(status.MissingBytes, content.WantedBytes),
            WantedBytes = content.WantedBytes,
            DownloadedBytes = Math.Max(0, status.DownloadedBytes),
            UploadedBytes = status.UploadedBytes,
            DownloadRateBytesPerSecond = status.DownloadRateBytesPerSecond,
            UploadRateBytesPerSecond = status.UploadRateBytesPerSecond,
            Peers = status.Peers,
        };
    }
}
