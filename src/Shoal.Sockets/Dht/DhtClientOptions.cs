using System.Net;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Shoal.Sockets.Dht;

/// <summary>How this machine takes part in the DHT. Immutable.</summary>
public sealed record DhtClientOptions
{
    /// <summary>Nodes of the public DHT at which one can begin; nothing uses them unless told to.</summary>
    public static readonly IReadOnlyList<DnsEndPoint> PublicBootstrap =
    [
        new("router.bittorrent.com", 6881), new("dht.transmissionbt.com", 6881), new("dht.libtorrent.org", 25401),
    ];

    /// <summary>The UDP port, for IPv4 and IPv6; 0 for any that is free.</summary>
    public int Port { get; init; }

    /// <summary>The one address to use, and so the one family; null for all.</summary>
    public IPAddress? BindAddress { get; init; }

    /// <summary>Where to begin. None.</summary>
    public IReadOnlyList<DnsEndPoint> Bootstrap { get; init; } = [];

    /// <summary>The file that keeps our id and the nodes we know from one run to the next; null to keep nothing. Of two who share it only the first writes.</summary>
    public string? StateFile { get; init; }

    /// <summary>Whether to ask only, and answer nobody (BEP 43). No.</summary>
    public bool IsReadOnly { get; init; }

    /// <summary>Is told what happens.</summary>
    public ILogger Logger { get; init; } = NullLogger.Instance;

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}
