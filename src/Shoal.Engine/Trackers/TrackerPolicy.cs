using Shoal.Protocol;

namespace Shoal.Engine.Trackers;

/// <summary>How a tracker answers. Immutable; one may serve many <see cref="TrackerCore"/>s.</summary>
public sealed record TrackerPolicy
{
    /// <summary>
    /// How often peers are to announce. Default 10 minutes: an announce costs microseconds, and a stale list costs its
    /// readers more. Each answer adds a random part, up to an eighth, so that peers do not come in step.
    /// </summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How often peers may announce at most. Default 1 minute; nothing enforces it.</summary>
    public TimeSpan MinimumInterval { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>
    /// How long after its last announce a peer is gone, to 1/64. Default: one and a half intervals and half a minute.
    /// </summary>
    public TimeSpan? PeerTimeout { get; init; }

    /// <summary>Peers in an answer if the announce does not say how many it wants. Default 50.</summary>
    public int DefaultPeerCount { get; init; } = 50;

    /// <summary>Peers in an answer at most. Default 200.</summary>
    public int MaximumPeerCount { get; init; } = 200;

    /// <summary>If not null, only these swarms are served.</summary>
    public IReadOnlySet<InfoHash>? Allowed { get; init; }

    /// <summary>These swarms are not served, even if allowed.</summary>
    public IReadOnlySet<InfoHash>? Denied { get; init; }

    /// <summary>The time-out in force.</summary>
    internal TimeSpan EffectivePeerTimeout => PeerTimeout ?? ((Interval * 1.5) + TimeSpan.FromSeconds(30));
}

/// <summary>
/// How much a tracker may hold, counted over all its cores. Cores that run at the same time share one that is
/// thread-safe, which is their driver's to write.
/// </summary>
public interface ITrackerCapacity
{
    /// <summary>Whether there is no room for another peer.</summary>
    bool IsFullOfPeers { get; }

    /// <summary>Takes room for a swarm, if there is any.</summary>
    bool TryTakeSwarm();

    /// <summary>Takes room for a peer, if there is any.</summary>
    bool TryTakePeer();

    /// <summary>Gives the room of a swarm back.</summary>
    void GiveSwarm();

    /// <summary>Gives the room of so many peers back.</summary>
    void GivePeers(int count);
}

/// <summary>The room of one core, or of several with one owner. Not thread-safe.</summary>
public sealed class TrackerCapacity(int maximumSwarmCount, int maximumPeerCount) : ITrackerCapacity
{
    private int _swarms;
    private int _peers;

    /// <inheritdoc/>
    public bool IsFullOfPeers => _peers >= maximumPeerCount;

    /// <inheritdoc/>
    public bool TryTakeSwarm()
    {
        var fits = _swarms < maximumSwarmCount;
        _swarms += fits ? 1 : 0;
        return fits;
    }

    /// <inheritdoc/>
    public bool TryTakePeer()
    {
        var fits = _peers < maximumPeerCount;
        _peers += fits ? 1 : 0;
        return fits;
    }

    /// <inheritdoc/>
    public void GiveSwarm() => _swarms--;

    /// <inheritdoc/>
    public void GivePeers(int count) => _peers -= count;
}

/// <summary>What a tracker has done and holds. Counts of a moment.</summary>
public readonly record struct TrackerStatistics(
    int SwarmCount, int PeerCount, int SeederCount, long AnnounceCount, long ScrapeCount, long RefusalCount, long DownloadCount, long TableBytes)
{
    /// <summary>The sums.</summary>
    public static TrackerStatistics operator +(TrackerStatistics left, TrackerStatistics right) => new(
        left.SwarmCount + right.SwarmCount,
        left.PeerCount + right.PeerCount,
        left.SeederCount + right.SeederCount,
        left.AnnounceCount + right.AnnounceCount,
        left.ScrapeCount + right.ScrapeCount,
        left.RefusalCount + right.RefusalCount,
        left.DownloadCount + right.DownloadCount,
        left.TableBytes + right.TableBytes);
}
