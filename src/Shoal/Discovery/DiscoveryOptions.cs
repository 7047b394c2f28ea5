using Shoal.Protocol.Metadata;
using Shoal.Sockets.Dht;

namespace Shoal.Discovery;

/// <summary>
/// How peers are found beyond the trackers and addresses that somebody named, and how they find us. Private torrents
/// (BEP 27) use none of it. Immutable.
/// </summary>
public sealed record DiscoveryOptions
{
    /// <summary>The environment variable that switches all of it off (<c>off</c>) for clients that were told nothing else, and for the command whatever it was told.</summary>
    public const string Variable = "SHOAL_DISCOVERY";

    /// <summary>None of it. Peers that we are linked to still tell us of others (BEP 11), and we them.</summary>
    public static DiscoveryOptions Off { get; } = new() { LooksAround = false, UsesDht = false };

    /// <summary>Whether the local network is asked and told (BEP 14). It is.</summary>
    public bool LooksAround { get; init; } = true;

    /// <summary>Whether torrents that are public are looked for and announced in the DHT (BEP 5); see <see cref="AddOptions.IsPublic"/>. They are.</summary>
    public bool UsesDht { get; init; } = true;

    /// <summary>Where to begin in the DHT, as "host:port"; beside what was known in an earlier run. The public DHT's well-known nodes.</summary>
    public IReadOnlyList<string> DhtBootstrap { get; init; } = [.. DhtClientOptions.PublicBootstrap.Select(node => $"{node.Host}:{node.Port}")];

    /// <summary>Whether the router is asked to let connections from outside in (NAT-PMP, PCP, UPnP). It is not.</summary>
    public bool MapsPort { get; init; }

    /// <summary>As <see cref="Variable"/> says.</summary>
    /// <exception cref="ShoalException">The variable says neither on nor off.</exception>
    public static DiscoveryOptions FromEnvironment() => IsOffInEnvironment() ? Off : new DiscoveryOptions();

    /// <summary>Whether <see cref="Variable"/> says off.</summary>
    /// <exception cref="ShoalException">It says neither on nor off.</exception>
    public static bool IsOffInEnvironment() => Environment.GetEnvironmentVariable(Variable) switch
    {
        "off" => true,
        null or "" or "on" => false,
        var other => throw new ShoalException(ShoalErrorKind.BadInput, $"{Variable} is '{SafePath.ForDisplay(other)}'; it can be 'on' or 'off'"),
    };
}
