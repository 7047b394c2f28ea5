using System.Net;
using System.Net.Sockets;
using Shoal.Protocol;
using Shoal.Protocol.Metadata;

namespace Shoal;

/// <summary>Turns the names of peers into addresses, within bounds of time and number.</summary>
internal static class NameResolver
{
    private const int MostAddressesPerName = 8;
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(10);

    /// <summary>The addresses of "host:port"; none if the name is unknown.</summary>
    public static async Task<IReadOnlyList<PeerAddress>> ResolveAsync(MagnetPeer peer, CancellationToken cancellationToken)
    {
        if (IPAddress.TryParse(peer.Host, out var literal))
        {
            return [PeerAddress.From(literal, peer.Port)];
        }

        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(Timeout);
        try
        {
            var addresses = await Dns.GetHostAddressesAsync(peer.Host, timeout.Token);
            return [.. addresses.Take(MostAddressesPerName).Select(address => PeerAddress.From(address, peer.Port))];
        }
        catch (SocketException)
        {
            return [];
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return [];
        }
    }
}
