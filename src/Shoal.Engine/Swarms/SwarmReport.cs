using Shoal.Engine.Announcing;
using Shoal.Protocol;

namespace Shoal.Engine.Swarms;

/// <summary>Makes the copy of a swarm's state that a user looks at.</summary>
internal static class SwarmReport
{
    public static SwarmStatus Of(SwarmPhase phase, SwarmContext context, AnnouncePlan announces, Losses losses)
    {
        var peers = context.Connections
            .Where(connection => connection.Phase == ConnectionPhase.Open)
            .Select(connection => Of(connection, context))
            .ToArray();
        return new SwarmStatus
        {
            Phase = phase,
            PieceCount = context.Layout?.PieceCount ?? 0,
            HaveCount = context.Picker?.Have.Count ?? 0,
            MissingBytes = context.Picker?.MissingBytes ?? 0,
            UnavailableBytes = UnavailableBytes(context),
            LostCount = losses.Count,
            LostBytes = losses.Bytes,
            DownloadedBytes = context.DownloadedBytes,
            UploadedBytes = context.UploadedBytes,
            WastedBytes = context.WastedBytes,
            DownloadRateBytesPerSecond = peers.Sum(peer => peer.DownloadRateBytesPerSecond),
            UploadRateBytesPerSecond = peers.Sum(peer => peer.UploadRateBytesPerSecond),
            Peers = peers,
            Trackers = [.. announces.Trackers.Select(Of)],
            CandidateCount = context.Book.CandidateCount,
        };
    }

    // Looks at every piece: for who looks at a status now and then.
    private static long UnavailableBytes(SwarmContext context)
    {
        var bytes = 0L;
        for (var i = 0; context.Picker is { } picker && i < picker.Missing.Length; i++)
        {
            var piece = new PieceIndex(i);
            bytes += picker.Missing[i] && picker.AvailabilityOf(piece) == 0 ? context.Layout!.LengthOf(piece) : 0;
        }

        return bytes;
    }

    private static PeerStatus Of(PeerConnection connection, SwarmContext context) => new(
        connection.Address,
        connection.Id,
        connection.Client,
        connection.Link.IsIncoming,
        connection.IsSeeder,
        connection.Has is { Length: > 0 } has ? (double)has.Count / has.Length : 0,
        connection.Downloaded.RateBytesPerSecond(context.Now),
        connection.Uploaded.RateBytesPerSecond(context.Now),
        connection.Downloaded.TotalBytes,
        connection.Uploaded.TotalBytes,
        connection.IsChoking,
        connection.AmChoking,
        connection.IsInterested,
        connection.AmInterested,
        connection.IsSnubbed,
        connection.Pipeline.Count);

    private static TrackerStatus Of(TrackerState tracker) => new(
        tracker.Url,
        tracker.Tier,
        tracker.NextAnnounceAt,
        tracker.SeederCount,
        tracker.LeecherCount,
        tracker.Error,
        tracker.IsUnderWay,
        tracker.LastAnsweredAt);
}
