using Shoal.Protocol;

namespace Shoal.Engine.Swarms;

/// <summary>
/// Keeps the graph of links mixed. Peers that come one after the other and keep the first links they get form closed circles, whose
/// members are full and know nobody outside: so only half of the links are of our own opening, and one that nothing has passed over
/// for a while makes room where others wait for it.
/// </summary>
internal sealed class Turnover(SwarmContext context)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(60);

    /// <summary>Between two changes while no link has anything that we want.</summary>
    private static readonly TimeSpan StarvingInterval = TimeSpan.FromSeconds(5);

    /// <summary>A link is given so long to prove useful.</summary>
    private static readonly TimeSpan Trial = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan StarvingTrial = TimeSpan.FromSeconds(10);

    private Instant _nextAt;
    private bool _isAwaited; // by somebody who was turned away

    /// <summary>Links of our own opening at most; the others are left to those who come later. All, where everybody is told of everybody.</summary>
    public int MaximumOutgoingCount => !context.TellsPieces
        ? context.Options.MaximumConnectionCount
        : context.Options.MaximumConnectionCount - (context.Options.MaximumConnectionCount / 2);

    /// <summary>Links of our own opening.</summary>
    public int OutgoingCount { get; private set; }

    /// <summary>Whether one more may be opened.</summary>
    public bool MayOpen => OutgoingCount < MaximumOutgoingCount;

    public void Opened(LinkId link) => OutgoingCount += link.IsIncoming ? 0 : 1;

    public void Closed(LinkId link) => OutgoingCount -= link.IsIncoming ? 0 : 1;

    /// <summary>Somebody came for whom there was no room.</summary>
    public void TurnedAway() => _isAwaited = true;

    /// <summary>The link that is to make room for another now; null if none is.</summary>
    public PeerConnection? Next()
    {
        if (!context.TellsPieces || context.Now < _nextAt)
        {
            return null;
        }

        var isFull = context.Connections.Count >= context.Options.MaximumConnectionCount;
        var hasCandidates = context.Book.CandidateCount > 0;
        if (!(isFull && _isAwaited) && !((isFull || !MayOpen) && hasCandidates))
        {
            return null;
        }

        var isStarving = !context.IsSeeding && !context.Connections.Exists(connection => connection.AmInterested);
        _nextAt = context.Now + (isStarving ? StarvingInterval : Interval);
        _isAwaited = false;
        return FindIdle(isFull, isStarving ? StarvingTrial : Trial);
    }

    // The oldest over which nothing goes; of our own opening, if it is that kind that there are too many of.
    private PeerConnection? FindIdle(bool isFull, TimeSpan trial) => context.Connections.Find(connection =>
        connection.Phase == ConnectionPhase.Open && connection.Pipeline.Count == 0 &&
        (isFull || !connection.Link.IsIncoming) && context.Now - connection.OpenedAt > trial &&
        connection.Downloaded.RateBytesPerSecond(context.Now) == 0 && connection.Uploaded.RateBytesPerSecond(context.Now) == 0);
}
