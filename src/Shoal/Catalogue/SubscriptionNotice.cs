using Shoal.Protocol;

namespace Shoal.Catalogue;

/// <summary>How a subscription works. Immutable.</summary>
public sealed record SubscriptionOptions
{
    /// <summary>Versions of each name that stay, the newest: what is older is removed once a newer one is in place. 1.</summary>
    public int Keep { get; init; } = 1;

    /// <summary>Versions that are fetched at a time; others wait, in order. One that nobody has counts no more until somebody has it. 4.</summary>
    public int MaximumDownloadCount { get; init; } = 4;

    /// <summary>How the torrents are added.</summary>
    public AddOptions Torrents { get; init; } = new();

    /// <summary>
    /// Awaited after a version was put in its place, one at a time for each name; again after a crash that came before it had ended.
    /// Cancelled when the subscription ends; what then throws <see cref="OperationCanceledException"/> is done again by the next run.
    /// </summary>
    public Func<VersionInPlace, CancellationToken, Task>? WhenInPlace { get; init; }

    /// <summary>Told what happens, from several tasks at a time.</summary>
    public Action<SubscriptionNotice> Tell { get; init; } = static _ => { };

    /// <summary>How long to wait until what failed is tried again, the first time; then twice as long, up to ten times this. 30 s.</summary>
    internal TimeSpan Pause { get; init; } = TimeSpan.FromSeconds(30);
}

/// <summary>A version that is in its place.</summary>
/// <param name="Name">Its name in the catalogue.</param>
/// <param name="Version">Which version it is.</param>
/// <param name="Path">Where it is: the absolute path of the link by which it is called by its name.</param>
public sealed record VersionInPlace(string Name, int Version, string Path);

/// <summary>A version that is being fetched.</summary>
public sealed record SubscriptionProgress(string Name, int Version, TorrentProgress Progress);

/// <summary>What happens in a subscription.</summary>
public abstract record SubscriptionNotice
{
    private SubscriptionNotice()
    {
    }

    /// <summary>All that the catalogue has is known; what follows happens now.</summary>
    public sealed record Ready(int NameCount) : SubscriptionNotice;

    /// <summary>There is a version that will be fetched.</summary>
    public sealed record Found(string Name, int Version, InfoHash InfoHash, long Size) : SubscriptionNotice;

    /// <summary>Nobody is there to give it; it is fetched when somebody is.</summary>
    public sealed record Waiting(string Name, int Version) : SubscriptionNotice;

    /// <summary>A version is in its place, at <paramref name="Path"/>. Of its bytes so many came from others, so many were here.</summary>
    public sealed record Fetched(string Name, int Version, string Path, long BytesGot, long BytesReused) : SubscriptionNotice;

    /// <summary>It was taken out of the catalogue (all versions, if none is named). What is here of it stays.</summary>
    public sealed record Removed(string Name, int? Version) : SubscriptionNotice;

    /// <summary>The catalogue cannot be heard; it is tried again.</summary>
    public sealed record Disconnected(string Reason) : SubscriptionNotice;

    /// <summary>The catalogue is heard again.</summary>
    public sealed record Reconnected : SubscriptionNotice;

    /// <summary>Something is amiss, but it goes on.</summary>
    public sealed record Warning(string Text) : SubscriptionNotice;
}
