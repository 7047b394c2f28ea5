using Shoal.Protocol;

namespace Shoal.Engine.Swarms;

/// <summary>
/// Keeps the graph of links mixed. Peers that come one after the other and keep the first links they get form closed circles, whose
/// members are full and know nobody outside: so only half of the links are of our own opening, and one that nothing has passed over
/// for a while makes room for who comes, and now and then for who is known and not tried yet. It may be a seeder with nothing to do.
/// </summary>
internal sealed class Turnover(SwarmContext context)
{
    /// <summary>Between two links that make room for candidates.</summary>
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(20);

    /// <summary>The same while no link has anything that we want, and between two that make room for who comes.</summary>
    private static readonly TimeSpan ShortInterval = TimeSpan.FromSeconds(5);

    /// <summary>
    /// A link is given so long to prove useful. No shorter: whoever loses one calls others, of whom most are full, and a crowd of
    /// thousands would have a tenth more to do.
    /// </summary>
    private static readonly TimeSpan Trial = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan StarvingTrial = TimeSpan.FromSeconds(10);

    private Instant _nextForCandidateAt;
    private Instant _nextForIncomingAt;

    /// <summary>Links of our own opening at most; the others are left to those who come later. All, where everybody is told of everybody.</summary>
    public int MaximumOutgoingCount => !context.TellsPieces
        ? context.Options.MaximumConnectionCount
        : context.Options.MaximumConnectionCount - (context.Options.MaximumConnectionCount / 2);

    /// <summary>Links of our own opening.</summary>
    public int OutgoingCount { get; private set; }

    /// <summary>Whether one more may be opened.</summary>
    public bool MayOpen => OutgoingCount < MaximumOutgoingCount;

    private bool IsFull => context.Connections.Count >= context.Options.MaximumConnectionCount;

    public void Opened(LinkId link) => OutgoingCount += link.IsIncoming ? 0 : 1;

    public void Closed(LinkId link) => OutgoingCount -= link.IsIncoming ? 0 : 1;

    /// <summary>The link that is to make room for one that somebody has opened to us; null if none is.</summary>
    public PeerConnection? ForIncoming()
    {
        if (!context.TellsPieces || context.Now < _nextForIncomingAt || FindIdle(Trial, anyWillDo: true) is not { } idle)
        {
            return null;
        }

        _nextForIncomingAt = context.Now + ShortInterval;
        return idle;
    }

    /// <summary>The link that is to make room for a candidate now; null if none is.</summary>
    public PeerConnection? ForCandidate()
    {
        if (!context.TellsPieces || context.Now < _nextForCandidateAt || !(IsFull || !MayOpen) || context.Book.CandidateCount == 0)
        {
            return null;
        }

        var isStarving = !context.IsSeeding && !context.Connections.Exists(connection => connection.AmInterested);
        _nextForCandidateAt = context.Now + (isStarving ? ShortInterval : Interval);
        return FindIdle(isStarving ? StarvingTrial : Trial, anyWillDo: MayOpen);
    }

    // The oldest over which nothing goes; of our own opening, if it is that kind that there are too many of.
    private PeerConnection? FindIdle(TimeSpan trial, bool anyWillDo) => context.Connections.Find(connection =>
        connection.Phase == ConnectionPhase.Open && connection.Pipeline.Count == 0 &&
        (anyWillDo || !connection.Link.IsIncoming) && context.Now - connection.OpenedAt > trial &&
        connection.Downloaded.RateBytesPerSecond(context.Now) == 0 && connection.Uploaded.RateBytesPerSecond(context.Now) == 0);
}
