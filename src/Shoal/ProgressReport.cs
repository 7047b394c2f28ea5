using Shoal.Engine;
using Shoal.Engine.Swarms;
using Shoal.Protocol.Metadata;

namespace Shoal;

/// <summary>How a torrent stands, told from how its swarm stands and how far its check is.</summary>
internal static class ProgressReport
{
    public static TorrentProgress Of(
        SwarmStatus? status, Metainfo? metainfo, TorrentContent? content, (long Checked, long ToCheck) checking, bool isStopped, Instant now)
    {
        var state = isStopped ? TorrentState.Stopped : StateOf(status?.Phase);
        if (state == TorrentState.Checking || status is null || content is null)
        {
            return new TorrentProgress
            {
                State = state,
                PieceCount = metainfo?.Layout.PieceCount ?? 0,
                HaveBytes = checking.Checked,
                WantedBytes = checking.ToCheck,
                Peers = status?.Peers ?? [],
                Trackers = [.. status?.Trackers.Select(tracker => Of(tracker, now)) ?? []],
            };
        }

        return new TorrentProgress
        {
            State = state,
            HavePieceCount = status.HaveCount,
            PieceCount = status.PieceCount,
            LostPieceCount = status.LostCount,
            HaveBytes = Math.Max(0, content.WantedBytes - status.MissingBytes - status.LostBytes),
            WantedBytes = content.WantedBytes,
            UnavailableBytes = status.UnavailableBytes,
            DownloadedBytes = Math.Max(0, status.DownloadedBytes),
            UploadedBytes = status.UploadedBytes,
            DownloadRateBytesPerSecond = status.DownloadRateBytesPerSecond,
            UploadRateBytesPerSecond = status.UploadRateBytesPerSecond,
            Peers = status.Peers,
            Trackers = [.. status.Trackers.Select(tracker => Of(tracker, now))],
        };
    }

    private static TrackerProgress Of(TrackerStatus tracker, Instant now) => new(
        tracker.Url, tracker.Tier, tracker.IsUnderWay,
        tracker.LastAnsweredAt is { } at ? now - at : null,
        tracker.NextAnnounceAt == Instant.Never ? null : tracker.NextAnnounceAt - Instant.Min(now, tracker.NextAnnounceAt),
        tracker.SeederCount, tracker.LeecherCount, tracker.Error);

    private static TorrentState StateOf(SwarmPhase? phase) => phase switch
    {
        SwarmPhase.FetchingMetadata => TorrentState.FetchingMetadata,
        SwarmPhase.Downloading => TorrentState.Downloading,
        SwarmPhase.Seeding => TorrentState.Seeding,
        SwarmPhase.Paused => TorrentState.Paused,
        SwarmPhase.Stopping => TorrentState.Stopping,
        SwarmPhase.Stopped => TorrentState.Stopped,
        _ => TorrentState.Checking,
    };
}
