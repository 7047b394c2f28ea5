using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Shoal.Protocol;
using Shoal.Sockets.Dht;

namespace Shoal.Discovery;

/// <summary>
/// Finds peers in the DHT (BEP 5). Nothing is sent, and no port opened, before the first torrent that may be looked for there. The UDP port is the one at which
/// peers connect by TCP, or any if that is taken; <paramref name="opened"/> is told of it. Thread-safe.
/// </summary>
internal sealed class DhtFinder(DhtClientOptions options, int listenPort, Func<int> reachedPort, Action<int> opened, ILogger logger) : IPeerFinder
{
    private readonly ConcurrentDictionary<InfoHash, Search> _searches = new();
    private readonly Lock _gate = new();
    private DhtClient? _client;
    private bool _isOver;
    private int _port; // that is told of every torrent since it last changed; 0 before it did

    public bool IsPublic => true;

    /// <summary>The node, once there is one.</summary>
    public DhtClient? Client => _client;

    public void Begin(InfoHash infoHash, bool mayTell, Action<PeerAddress> found)
    {
        Start();
        var search = new Search(found, mayTell);
        _searches[infoHash] = search;
        Look(infoHash, search);
    }

    public void Tell(InfoHash infoHash)
    {
        if (_searches.TryGetValue(infoHash, out var search) && !search.MayTell)
        {
            var told = search with { MayTell = true };
            if (_searches.TryUpdate(infoHash, told, search))
            {
                Look(infoHash, told);
            }
        }
    }

    public void End(InfoHash infoHash)
    {
        _searches.TryRemove(infoHash, out _);
        _client?.EndSearch(infoHash);
    }

    /// <summary>Others may reach us at another port now: if so, nodes are told at once.</summary>
    public void PortChanged()
    {
        var port = reachedPort();
        if (Interlocked.Exchange(ref _port, port) != port)
        {
            foreach (var (infoHash, search) in _searches.Where(entry => entry.Value.MayTell))
            {
                Look(infoHash, search);
            }
        }
    }

    /// <summary>The port of our node, which is begun if there is none; 0 if that cannot be.</summary>
    public int StartNode() => Start()?.Port ?? 0;

    public async ValueTask DisposeAsync()
    {
        lock (_gate)
        {
            _isOver = true;
        }

        if (_client is not null)
        {
            await _client.DisposeAsync();
        }
    }

    // Without a lock, since whom it finds is told at once: what ended meanwhile is ended again.
    private void Look(InfoHash infoHash, Search search)
    {
        _client?.Search(infoHash, search.MayTell ? reachedPort() : null, search.Found, search.MayTell ? listenPort : null); // a router has ports for IPv4 only
        if (!_searches.ContainsKey(infoHash))
        {
            _client?.EndSearch(infoHash);
        }
    }

    private DhtClient? Start()
    {
        lock (_gate)
        {
            if (_client is null && !_isOver)
            {
                try
                {
                    _client = Open();
                    opened(_client.Port);
                }
                catch (SocketException error)
                {
                    _isOver = true; // it is told once, and torrents go on without
                    Log.NoDht(logger, error.Message);
                }
            }

            return _client;
        }
    }

    private DhtClient Open()
    {
        try
        {
            return new DhtClient(options with { Port = listenPort });
        }
        catch (SocketException)
        {
            return new DhtClient(options with { Port = 0 });
        }
    }

    private sealed record Search(Action<PeerAddress> Found, bool MayTell);
}
