using Shoal.Engine;
using Shoal.Protocol;
using Shoal.Protocol.Metadata;

namespace Shoal.Discovery;

/// <summary>Where one torrent's peers come from, but for trackers: those that were named, and those that are found.</summary>
internal sealed class PeerSearch(ShoalClient client, SwarmId id, TorrentOrigin origin, AddOptions options)
{
    private readonly bool _isPublic = options.IsPublic ?? origin.IsPublic;

    /// <summary>True if nobody named a tracker or a peer, and there is no other way: it comes only from who connects to us.</summary>
    public bool KnowsNobody => !IsAnybodyNamed && (IsPrivate(origin.Metainfo) || !client.Finders.CanFind(_isPublic));

    /// <summary>True if nobody named a tracker or a peer, and it is looked for all the same.</summary>
    public bool OnlySearches => !IsAnybodyNamed && !KnowsNobody;

    private bool IsAnybodyNamed => origin.Trackers.Count + origin.Peers.Count + options.Trackers.Count + options.Peers.Count > 0;

    /// <summary>Begins to look; <paramref name="peers"/> are those that the user named.</summary>
    public void Begin(IReadOnlyList<PeerAddress> peers, CancellationToken stopping)
    {
        foreach (var peer in peers)
        {
            Named(peer);
        }

        if (!IsPrivate(origin.Metainfo))
        {
            client.Finders.Begin(origin.InfoHash, _isPublic, mayTell: origin.Metainfo is not null, Found);
        }

        _ = LearnNodesAsync(stopping);

        _ = ResolveAsync(stopping);
    }

    /// <summary>What the torrent holds became known: a private one (BEP 27) is not looked for any more, and of others strangers may learn that we are in it.</summary>
    public void MetadataKnown(Metainfo metainfo)
    {
        if (IsPrivate(metainfo))
        {
            End();
        }
        else
        {
            client.Finders.Tell(origin.InfoHash);
        }
    }

    /// <summary>Looks no more.</summary>
    public void End() => client.Finders.End(origin.InfoHash);

    private async Task ResolveAsync(CancellationToken stopping)
    {
        try
        {
            foreach (var peer in origin.Peers)
            {
                foreach (var address in await NameResolver.ResolveAsync(peer, stopping))
                {
                    Named(address);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Nobody needs them any more.
        }
    }

    // The nodes that a .torrent names (BEP 5), for one that may be looked for in the DHT.
    private async Task LearnNodesAsync(CancellationToken stopping)
    {
        if (!_isPublic || client.Dht?.Client is not { } dht || origin.Metainfo is not { IsPrivate: false } metainfo)
        {
            return;
        }

        try
        {
            foreach (var node in metainfo.Nodes)
            {
                foreach (var address in await NameResolver.ResolveAsync(node, stopping))
                {
                    dht.AddNode(address);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Nobody needs them any more.
        }
    }

    private void Named(PeerAddress address) => client.Host.Post(new Input(InputKind.PeerFound, id, Address: address));

    private void Found(PeerAddress address) => client.Host.Post(new Input(InputKind.PeerFound, id, Address: address, Count: 1));

    private static bool IsPrivate(Metainfo? metainfo) => metainfo is { IsPrivate: true };
}
