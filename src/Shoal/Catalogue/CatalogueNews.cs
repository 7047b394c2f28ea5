using Shoal.Protocol.Catalogue;

namespace Shoal.Catalogue;

/// <summary>What a subscriber of a catalogue is told.</summary>
public enum CatalogueNewsKind
{
    /// <summary>There is a version that matches: <see cref="CatalogueEvent.Published"/>.</summary>
    Published,

    /// <summary>Something that matches was taken out: <see cref="CatalogueEvent.Removed"/>.</summary>
    Removed,

    /// <summary>All that there was has been told; what follows happens now.</summary>
    Ready,

    /// <summary>The catalogue cannot be heard, for <see cref="CatalogueNews.Reason"/>; it is tried again.</summary>
    Disconnected,

    /// <summary>An event says something that cannot be, for <see cref="CatalogueNews.Reason"/>; it goes on behind it.</summary>
    PassedOver,
}

/// <summary>Something that a subscriber of a catalogue is told. Immutable.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Id">How far the subscriber has heard with this: where a later subscription continues. Null while it has heard of nothing.</param>
/// <param name="Event">What was published or removed; else null.</param>
/// <param name="Reason">Why the connection is lost or the event passed over, in one line; else null.</param>
public sealed record CatalogueNews(CatalogueNewsKind Kind, long? Id, CatalogueEvent? Event = null, string? Reason = null);

/// <summary>How long a subscriber waits. Immutable.</summary>
internal sealed record CatalogueTiming
{
    /// <summary>Until it connects again, the first time; each further time twice as long.</summary>
    public TimeSpan FirstPause { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Until it connects again, at most.</summary>
    public TimeSpan LongestPause { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The longest that a server may ask it to stay away.</summary>
    public TimeSpan LongestAskedPause { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How long nothing may come until the connection counts as lost: three times what servers let pass.</summary>
    public TimeSpan Silence { get; init; } = TimeSpan.FromSeconds(45);

    /// <summary>How long it may take until a server answers.</summary>
    public TimeSpan Answer { get; init; } = TimeSpan.FromSeconds(60);
}
