namespace Shoal.Tracker.Catalogue;

/// <summary>How a tracker keeps a catalogue. Immutable.</summary>
public sealed record CatalogueOptions
{
    /// <summary>The folder that it is kept in; made if it is not there.</summary>
    public required string Folder { get; init; }

    /// <summary>Whether everybody may publish and remove without a token. Default: only who is on this machine.</summary>
    public bool IsOpen { get; init; }

    /// <summary>Whether a token is needed to list and get, too, except on this machine. Default: no.</summary>
    public bool IsPrivate { get; init; }

    /// <summary>The most subscribers at a time. Default 10,000; others are asked to come again later.</summary>
    public int MaximumSubscriberCount { get; init; } = 10_000;

    /// <summary>The largest .torrent that is taken in, in bytes. Default 32 MiB: some 6 TiB in pieces of 4 MiB.</summary>
    public int MaximumTorrentLength { get; init; } = 32 << 20;
}
