using Shoal.Engine.Rates;

namespace Shoal.Engine.Sessions;

/// <summary>What the swarms of a session share: how many links, their numbers, and how fast. Has the owner of its session.</summary>
public sealed class SessionLimits(
    int maximumConnectionCount = 500,
    int maximumHalfOpenCount = 50,
    long? uploadRateBytesPerSecond = null,
    long? downloadRateBytesPerSecond = null)
{
    private long _linkSequence = 1; // 0 is no link

    /// <summary>Links at most, half-open ones included.</summary>
    public int MaximumConnectionCount { get; } = maximumConnectionCount;

    /// <summary>Links at most that have not got through their handshake.</summary>
    public int MaximumHalfOpenCount { get; } = maximumHalfOpenCount;

    /// <summary>Links there are.</summary>
    public int ConnectionCount { get; private set; }

    /// <summary>Links that have not got through their handshake.</summary>
    public int HalfOpenCount { get; private set; }

    /// <summary>What may be uploaded.</summary>
    public TokenBucket Upload { get; } = new(uploadRateBytesPerSecond);

    /// <summary>What may be asked for.</summary>
    public TokenBucket Download { get; } = new(downloadRateBytesPerSecond);

    /// <summary>Whether one more link may be opened.</summary>
    public bool HasRoom => ConnectionCount < MaximumConnectionCount && HalfOpenCount < MaximumHalfOpenCount;

    /// <summary>Blocks handed to links to be sent.</summary>
    public long UploadedBlockCount { get; internal set; }

    /// <summary>Blocks that came and were of use.</summary>
    public long DownloadedBlockCount { get; internal set; }

    /// <summary>Requests sent.</summary>
    public long RequestCount { get; internal set; }

    /// <summary>Requests of ours that were rejected.</summary>
    public long RejectCount { get; internal set; }

    internal LinkId NextLink() => LinkId.Outgoing(_linkSequence++);

    internal void Opened()
    {
        ConnectionCount++;
        HalfOpenCount++;
    }

    internal void HandshakeDone() => HalfOpenCount--;

    internal void Closed(bool wasHalfOpen)
    {
        ConnectionCount--;
        HalfOpenCount -= wasHalfOpen ? 1 : 0;
    }
}
