using System.Net;
using System.Security.Cryptography.X509Certificates;
using Shoal.Protocol;
using Shoal.Protocol.Trackers;

namespace Shoal.Sockets.Trackers;

/// <summary>
/// Announces to and scrapes any tracker by its URL: http, https or udp. A failure is a reply, never an exception but
/// for the caller's own cancellation. Thread-safe.
/// </summary>
/// <remarks>
/// A tracker names peers of the family by which it is asked. Who has addresses of both families and wants peers of
/// both announces twice (BEP 7): with one client bound to each address.
/// </remarks>
public sealed class TrackerClient : IDisposable
{
    private readonly HttpTrackerClient _http;
    private readonly UdpTrackerClient _udp;

    /// <summary>
    /// A client that speaks from an address of this machine, if one is given. <paramref name="authorities"/> vouch for https
    /// trackers beside those that the platform trusts.
    /// </summary>
    public TrackerClient(IPAddress? bindAddress = null, X509Certificate2Collection? authorities = null)
    {
        var any = bindAddress is null || bindAddress.Equals(IPAddress.Any) || bindAddress.Equals(IPAddress.IPv6Any);
        _http = new HttpTrackerClient(any ? null : bindAddress, authorities: authorities);
        _udp = new UdpTrackerClient(any ? null : bindAddress);
    }

    /// <summary>Announces.</summary>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    public Task<AnnounceReply> AnnounceAsync(Uri tracker, AnnounceRequest request, CancellationToken cancellationToken = default) => tracker.Scheme switch
    {
        "http" or "https" => _http.AnnounceAsync(tracker, request, cancellationToken),
        "udp" => _udp.AnnounceAsync(tracker, request, cancellationToken),
        _ => Task.FromResult(AnnounceReply.Failed(Unknown(tracker))),
    };

    /// <summary>Asks for the counts of up to 74 swarms.</summary>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    public Task<ScrapeReply> ScrapeAsync(Uri tracker, IReadOnlyList<InfoHash> infoHashes, CancellationToken cancellationToken = default) => tracker.Scheme switch
    {
        "http" or "https" => _http.ScrapeAsync(tracker, infoHashes, cancellationToken),
        "udp" => _udp.ScrapeAsync(tracker, infoHashes, cancellationToken),
        _ => Task.FromResult(ScrapeReply.Failed(Unknown(tracker))),
    };

    /// <summary>Closes the connections.</summary>
    public void Dispose() => _http.Dispose();

    private static string Unknown(Uri tracker) => $"tracker {tracker}: only http, https and udp are understood, not \"{tracker.Scheme}\"";
}
