using System.Net;
using Shoal.Protocol;
using Shoal.Tracker.Catalogue;

namespace Shoal.Tracker;

/// <summary>How a tracker server runs. Immutable.</summary>
public sealed record TrackerOptions
{
    /// <summary>The port that trackers are used to.</summary>
    public const int DefaultPort = 6969;

    /// <summary>The address to listen at. Default: all of them, IPv4 and IPv6.</summary>
    public IPAddress BindAddress { get; init; } = IPAddress.IPv6Any;

    /// <summary>The port, for HTTP and UDP alike; 0 picks one that is free for both. Default 6969.</summary>
    public int Port { get; init; } = DefaultPort;

    /// <summary>
    /// The address at which others reach peers that announce from this machine (NAT, containers): put in place of a
    /// loopback address. Default null: loopback peers are named as they are.
    /// </summary>
    public IPAddress? AdvertiseAddress { get; init; }

    /// <summary>Reverse proxies that are believed when they say for whom they ask (X-Forwarded-For). Default: none.</summary>
    public IReadOnlyList<IPNetwork> TrustedProxies { get; init; } = [];

    /// <summary>A file of certificates (PEM), the tracker's own first: with it TCP speaks https, and no http. Default null: http.</summary>
    public string? CertificateFile { get; init; }

    /// <summary>The file of the certificate's key (PEM), not encrypted; wanted with <see cref="CertificateFile"/>.</summary>
    public string? KeyFile { get; init; }

    /// <summary>How often peers are to announce. Default 10 minutes; see <see cref="Engine.Trackers.TrackerPolicy.Interval"/>.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How often peers may announce at most. Default 1 minute.</summary>
    public TimeSpan MinimumInterval { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How long after its last announce a peer is gone. Default null: one and a half intervals and half a minute.</summary>
    public TimeSpan? PeerTimeout { get; init; }

    /// <summary>The most swarms. Default 1 million (about 100 MiB).</summary>
    public int MaximumSwarmCount { get; init; } = 1_000_000;

    /// <summary>The most peers in all swarms. Default 10 million (about 150 MiB).</summary>
    public int MaximumPeerCount { get; init; } = 10_000_000;

    /// <summary>The most open HTTP connections; who comes beyond is told to come again later. Default 20,000.</summary>
    public int MaximumConnectionCount { get; init; } = 20_000;

    /// <summary>
    /// The most HTTP requests per second of one address (of IPv6 a /64), but for announces and scrapes, and for this machine; five times as many
    /// at once. Default 100; 0 for no limit.
    /// </summary>
    public int MaximumRequestRate { get; init; } = 100;

    /// <summary>How long an idle HTTP connection is kept. Default 30 s.</summary>
    public TimeSpan KeepAliveTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>If not null, only these swarms are served.</summary>
    public IReadOnlySet<InfoHash>? AllowedInfoHashes { get; init; }

    /// <summary>These swarms are not served.</summary>
    public IReadOnlySet<InfoHash>? DeniedInfoHashes { get; init; }

    /// <summary>Files by name, beside the tracker. Default: none.</summary>
    public CatalogueOptions? Catalogue { get; init; }

    /// <summary>Threads that answer UDP, each with a socket of its own (Linux; elsewhere one). Default: one for two processors.</summary>
    public int UdpThreadCount { get; init; } = Math.Clamp(Environment.ProcessorCount / 2, 1, 8);
}

/// <summary>The tracker could not start; the message is one line for the user.</summary>
public sealed class TrackerStartException : Exception
{
    /// <summary>With a message.</summary>
    public TrackerStartException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }

    /// <summary>Whether a file that it was given is wrong, rather than the machine in its way.</summary>
    public bool IsBadFile { get; init; }
}
