using Shoal.Protocol;

namespace Shoal.Discovery;

/// <summary>All the ways in which a client finds peers without a tracker. Thread-safe.</summary>
internal sealed class PeerFinders(IReadOnlyList<IPeerFinder> finders) : IAsyncDisposable
{
    /// <summary>Whether there is a way for such a torrent.</summary>
    public bool CanFind(bool isPublic) => finders.Any(finder => isPublic || !finder.IsPublic);

    public void Begin(InfoHash infoHash, bool isPublic, bool mayTell, Action<PeerAddress> found)
    {
        foreach (var finder in finders)
        {
            if (isPublic || !finder.IsPublic)
            {
                finder.Begin(infoHash, mayTell, found);
            }
        }
    }

    public void Tell(InfoHash infoHash)
    {
        foreach (var finder in finders)
        {
            finder.Tell(infoHash);
        }
    }

    public void End(InfoHash infoHash)
    {
        foreach (var finder in finders)
        {
            finder.End(infoHash);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var finder in finders)
        {
            await finder.DisposeAsync();
        }
    }
}
