namespace Shoal.Simulation.Faults;

/// <summary>
/// What goes wrong beside a scenario's faults, by chance and everywhere: what networks and disks may do to a peer at any moment.
/// </summary>
public sealed record Adversity
{
    /// <summary>Each arrival is late by up to so much; on one link all keep their order.</summary>
    public TimeSpan Jitter { get; init; }

    /// <summary>Whether messages go as bytes, cut anywhere, through the codec that TCP uses.</summary>
    public bool IsSplit { get; init; }

    /// <summary>The mean time after which a link breaks, exponentially distributed; null for never.</summary>
    public TimeSpan? MeanLinkLifetime { get; init; }

    /// <summary>Of a hundred breaks, those of which one side hears nothing.</summary>
    public int SilentPercent { get; init; }

    /// <summary>Of ten thousand blocks that an honest peer reads to upload, those that cannot be read any more.</summary>
    public int UnreadablePerTenThousand { get; init; }

    /// <summary>When links and disks stop breaking.</summary>
    public TimeSpan Until { get; init; }

    /// <summary>Whether a crash may tear what is being written.</summary>
    public bool IsTearing { get; init; }

    /// <summary>Whether peers have IPv4 addresses, which BEP 6 wants, rather than ranks.</summary>
    public bool HasEndpoints { get; init; }

    /// <summary>Whether peers that have addresses tell each other of others (BEP 11), and those that lie or corrupt say whatever they like.</summary>
    public bool ExchangesPeers { get; init; }

    /// <summary>Whether peers that have addresses find each other on one wire (BEP 14), too, on which anything may be said.</summary>
    public bool LooksAround { get; init; }

    /// <summary>Bytes of pieces in memory; null for what the engine takes.</summary>
    public long? BufferBytes { get; init; }

    /// <summary>Requests out on a link; null for what the engine takes.</summary>
    public int? RequestDepth { get; init; }

    /// <summary>Of a hundred honest leechers, those that begin from a magnet link, and have to ask for the metadata (BEP 9).</summary>
    public int FromLinkPercent { get; init; }

    /// <summary>Of a hundred links between peers that encrypt, those that begin with the handshake of MSE. Only where messages go as bytes.</summary>
    public int EncryptedPercent { get; init; }

    /// <summary>How long all stay together once they are complete.</summary>
    public TimeSpan Linger { get; init; }

    /// <summary>The class whose disks are spared.</summary>
    public string? Spared { get; init; }
}
