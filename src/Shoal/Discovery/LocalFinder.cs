using System.Collections.Concurrent;
using System.Net;
using Microsoft.Extensions.Logging;
using Shoal.Protocol;
using Shoal.Sockets.Discovery;

namespace Shoal.Discovery;

/// <summary>Asks and tells the local network (BEP 14).</summary>
internal sealed class LocalFinder : IPeerFinder
{
    private readonly ConcurrentDictionary<InfoHash, Action<PeerAddress>> _searches = new();
    private readonly LocalDiscoveryService _service;
    private readonly ushort _port;

    /// <param name="bindAddress">The address of this machine that is used; null or unspecified for any.</param>
    /// <param name="port">Where links are taken.</param>
    /// <param name="logger">Where it tells how it goes.</param>
    public LocalFinder(IPAddress? bindAddress, int port, ILogger logger)
    {
        _port = checked((ushort)port);
        var isAny = bindAddress is null || bindAddress.Equals(IPAddress.Any) || bindAddress.Equals(IPAddress.IPv6Any);
        _service = new LocalDiscoveryService(new LocalDiscoveryOptions { BindAddress = isAny ? null : bindAddress, Logger = logger }, Found);
    }

    public bool IsPublic => false;

    // To ask is to tell here.
    public void Begin(InfoHash infoHash, bool mayTell, Action<PeerAddress> found)
    {
        _searches[infoHash] = found;
        _service.Announce(infoHash, _port);
    }

    public void Tell(InfoHash infoHash)
    {
    }

    public void End(InfoHash infoHash)
    {
        _service.Withdraw(infoHash);
        _searches.TryRemove(infoHash, out _);
    }

    public ValueTask DisposeAsync() => _service.DisposeAsync();

    private void Found(InfoHash infoHash, PeerAddress address) => _searches.GetValueOrDefault(infoHash)?.Invoke(address);
}
