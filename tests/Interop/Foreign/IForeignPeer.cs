namespace Shoal.Interop.Foreign;

/// <summary>What a client counted itself: bytes of payload, without protocol overhead.</summary>
internal readonly record struct TransferCounters(long Uploaded, long Downloaded, bool IsComplete);

/// <summary>How a client is given a torrent: a file or a magnet link, never both.</summary>
internal readonly record struct TorrentGiven(string? File, string? Magnet)
{
    public static TorrentGiven OfFile(string path) => new(path, null);

    public static TorrentGiven OfMagnet(string link) => new(null, link);
}

/// <summary>A running BitTorrent client that nobody here wrote, listening on 127.0.0.1.</summary>
internal interface IForeignPeer : IAsyncDisposable
{
    string Name { get; }

    /// <summary>Where it takes peer connections.</summary>
    int Port { get; }

    /// <summary>Whether it can be told a peer's address; where not, the other side connects.</summary>
    bool CanConnect => false;

    /// <summary>Serves what lies in <paramref name="folder"/>.</summary>
    Task SeedAsync(string torrentFile, string folder, CancellationToken cancellation);

    /// <summary>Downloads into <paramref name="folder"/>, keeping seeding afterwards.</summary>
    Task LeechAsync(TorrentGiven source, string folder, CancellationToken cancellation);

    /// <summary>Connects to a peer on 127.0.0.1.</summary>
    Task ConnectAsync(int port, CancellationToken cancellation) =>
        throw new NotSupportedException($"{Name} cannot be told a peer's address");

    Task<TransferCounters> CountersAsync(CancellationToken cancellation);

    /// <summary>Its last output, for a failure message.</summary>
    string Describe();
}

internal static class ForeignPeerExtensions
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(50);

    /// <summary>Asks until the client says that it has everything.</summary>
    public static Task<TransferCounters> WaitUntilCompleteAsync(this IForeignPeer peer, CancellationToken cancellation) =>
        peer.WaitUntilAsync(static counters => counters.IsComplete, cancellation);

    /// <summary>Asks until the client's own counters satisfy <paramref name="reached"/>; clients count in arrears.</summary>
    public static async Task<TransferCounters> WaitUntilAsync(
        this IForeignPeer peer, Func<TransferCounters, bool> reached, CancellationToken cancellation)
    {
        while (true)
        {
            var counters = await peer.CountersAsync(cancellation);
            if (reached(counters))
            {
                return counters;
            }

            await Task.Delay(Poll, cancellation);
        }
    }
}
