using Shoal.Protocol;

namespace Shoal.Discovery;

/// <summary>One way to find peers without a tracker, shared by all torrents of a client. Thread-safe; nothing here blocks or throws.</summary>
internal interface IPeerFinder : IAsyncDisposable
{
    /// <summary>Whether strangers anywhere learn what is looked for: such a way is for public torrents only.</summary>
    bool IsPublic { get; }

    /// <summary>Looks for peers of the torrent, and lets others know of us as far as they may, until <see cref="End"/>.</summary>
    /// <param name="infoHash">Which torrent; each is begun once.</param>
    /// <param name="mayTell">Whether others may know of us at once; if not, they learn of us only where nobody can look without being seen.</param>
    /// <param name="found">Called for each address, perhaps more than once, on any thread; quick, and never throws.</param>
    void Begin(InfoHash infoHash, bool mayTell, Action<PeerAddress> found);

    /// <summary>Others may know of us from now on. A torrent that was not begun, or has ended, is passed over.</summary>
    void Tell(InfoHash infoHash);

    /// <summary>Ends what <see cref="Begin"/> began. One that was not begun is passed over.</summary>
    void End(InfoHash infoHash);
}
