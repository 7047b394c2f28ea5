using Shoal.Protocol;

namespace Shoal.Tracker.Catalogue;

/// <summary>
/// Where the changes of a catalogue and its .torrent files are kept. The core alone uses it, one call at a time; only
/// <see cref="ReadTorrentAsync"/> is for everybody at any time. What fails is a <see cref="CatalogueException"/>.
/// </summary>
internal interface ICatalogueStore : IAsyncDisposable
{
    /// <summary>Whether other trackers may have it, too.</summary>
    bool IsShared { get; }

    /// <summary>Hands over all changes that count, in order.</summary>
    /// <returns>How far the changes are numbered.</returns>
    long Load(Action<CatalogueChange> replay);

    /// <summary>From now on calls back, on any thread, when somebody else may have changed something. Called once, after the first <see cref="Load"/>.</summary>
    void Watch(Action changed);

    /// <summary>The first changes after the given number, those of others: a slice of them, none if there are none. Such as count no more may be missing.</summary>
    IReadOnlyList<CatalogueChange> ReadAfter(long sequence);

    /// <summary>Begins to write: until what is returned is disposed, nobody else decides anything.</summary>
    /// <param name="sequence">The last change that is known here.</param>
    ICatalogueWriting Begin(long sequence);

    /// <summary>The .torrent file; null if it is not there.</summary>
    Task<byte[]?> ReadTorrentAsync(InfoHash infoHash, CancellationToken cancellationToken);

    /// <summary>Lets go of those .torrent files that nothing in the index names any more. That one stays harms nobody.</summary>
    void Forget(HashSet<InfoHash> gone, CatalogueIndex index);

    /// <summary>Makes what is kept shorter, if it is worth it: it shall say no more than the index does.</summary>
    void Tidy(CatalogueIndex index, long sequence);
}

/// <summary>Changes on their way into a store: all of them, or, if it is disposed before <see cref="Commit"/>, none.</summary>
internal interface ICatalogueWriting : IDisposable
{
    /// <summary>What others did after what was known, all of it and in order; null if that is to be read with <see cref="ICatalogueStore.ReadAfter"/> first.</summary>
    IReadOnlyList<CatalogueChange>? News { get; }

    /// <summary>Takes in a .torrent file that a change may name.</summary>
    void Put(InfoHash infoHash, ReadOnlyMemory<byte> torrent);

    /// <summary>When this returns, the changes and the .torrent files are kept, whatever comes.</summary>
    /// <param name="changes">Their numbers follow those of all others; none if the .torrent files alone are to be kept, of versions that there are.</param>
    /// <param name="gone">Torrents of versions that are taken out, which others may name.</param>
    /// <exception cref="OutcomeUnknownException">They may be kept or not.</exception>
    void Commit(IReadOnlyList<CatalogueChange> changes, IReadOnlySet<InfoHash> gone);
}

/// <summary>The connection broke while it was said whether the changes are kept: who begins to write once more finds them among the news, or not.</summary>
internal sealed class OutcomeUnknownException(string message, Exception? innerException = null) : Exception(message, innerException);
