using System.Net;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Shoal.Discovery;
using Shoal.Engine.Choking;
using Shoal.Engine.Encryption;
using Shoal.Protocol.Metadata;

namespace Shoal;

/// <summary>How a client runs. Immutable; every member has a default that suits a home.</summary>
public sealed record ShoalOptions
{
    /// <summary>The local address to listen and connect on. Null: all.</summary>
    public IPAddress? BindAddress { get; init; }

    /// <summary>The TCP port to listen on; 0 for any free one.</summary>
    public int Port { get; init; }

    /// <summary>Whether connections to peers are encrypted (MSE/PE), which hides them from who looks in passing. As far as the other side wants.</summary>
    public EncryptionPolicy Encryption { get; init; } = EncryptionPolicy.Prefer;

    /// <summary>The address that trackers shall tell others, where NAT or a container hides this one. Null: what they see.</summary>
    public IPAddress? AdvertiseAddress { get; init; }

    /// <summary>How peers are found beyond trackers. Null: as <see cref="DiscoveryOptions"/> has it, unless the environment says off.</summary>
    public DiscoveryOptions? Discovery { get; init; }

    /// <summary>Certificates that vouch for https trackers, beside those that the platform trusts. Null: none.</summary>
    public X509Certificate2Collection? TrackerAuthorities { get; init; }

    /// <summary>Bytes per second sent at most, over all torrents. Null: no limit.</summary>
    public long? MaximumUploadRateBytesPerSecond { get; init; }

    /// <summary>Bytes per second received at most, over all torrents. Null: no limit.</summary>
    public long? MaximumDownloadRateBytesPerSecond { get; init; }

    /// <summary>Connections at most, over all torrents; each is an open file. 500.</summary>
    public int MaximumConnectionCount { get; init; } = 500;

    /// <summary>Connections of one torrent at most. 100.</summary>
    public int MaximumConnectionCountPerTorrent { get; init; } = 100;

    /// <summary>Peers of one torrent that are sent to at once; more while it is asked for what nobody else has, if each gets plenty. 8.</summary>
    public int UploadSlotCount { get; init; } = 8;

    /// <summary>Whom to send to when all is there: everybody in turn, or those who take it fastest. In turn.</summary>
    public SeedingPolicy SeedingPolicy { get; init; } = SeedingPolicy.RoundRobin;

    /// <summary>Bytes of unfinished pieces in memory at most, for one torrent. 48 MiB.</summary>
    public long BufferBytes { get; init; } = 48 * 1024 * 1024;

    /// <summary>
    /// Where it is kept what has been verified, so that a restart need not read it again.
    /// Null: <see cref="DefaultStateDirectory"/>.
    /// </summary>
    public string? StateDirectory { get; init; }

    /// <summary>
    /// <c>$XDG_STATE_HOME/shoal</c>, by default <c>~/.local/state/shoal</c>, or what the platform has in its place. An absolute
    /// path, which need not exist.
    /// </summary>
    public static string DefaultStateDirectory
    {
        get
        {
            var state = Environment.GetEnvironmentVariable("XDG_STATE_HOME");
            if (!Path.IsPathRooted(state))
            {
                // Unverified: a home that is not there would be no path at all, and what is kept would land in the current folder.
                const Environment.SpecialFolderOption Unverified = Environment.SpecialFolderOption.DoNotVerify;
                state = OperatingSystem.IsWindows()
                    ? Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Unverified)
                    : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile, Unverified), ".local", "state");
            }

            return Path.Combine(state, "shoal");
        }
    }

    /// <summary>How long a stop waits for uploads under way and for trackers to hear of it. 5 s.</summary>
    public TimeSpan StopGrace { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Makes the loggers that are told what happens: torrents, trackers and listening from Information on, links at
    /// Debug; nothing for each block or message. Belongs to the caller. None.
    /// </summary>
    public ILoggerFactory LoggerFactory { get; init; } = NullLoggerFactory.Instance;

    /// <exception cref="ArgumentOutOfRangeException">A number makes no sense.</exception>
    internal void Check()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(MaximumConnectionCount, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaximumConnectionCountPerTorrent, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(UploadSlotCount, 0);
        ArgumentOutOfRangeException.ThrowIfLessThan(BufferBytes, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaximumUploadRateBytesPerSecond ?? 1, 1, nameof(MaximumUploadRateBytesPerSecond));
        ArgumentOutOfRangeException.ThrowIfLessThan(MaximumDownloadRateBytesPerSecond ?? 1, 1, nameof(MaximumDownloadRateBytesPerSecond));
        ArgumentOutOfRangeException.ThrowIfLessThan(StopGrace, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)Port, ushort.MaxValue, nameof(Port));
    }

    internal string EffectiveStateDirectory => StateDirectory ?? DefaultStateDirectory;
}

/// <summary>How one torrent is added. Immutable.</summary>
public sealed record AddOptions
{
    /// <summary>
    /// Patterns of the files that are wanted (<c>*</c> and <c>?</c>), matched with the path inside of the torrent's
    /// folder, or with the file's name alone. Empty: those that the magnet link names, or all.
    /// </summary>
    public IReadOnlyList<string> Select { get; init; } = [];

    /// <summary>Peers to connect to, as "host:port".</summary>
    public IReadOnlyList<string> Peers { get; init; } = [];

    /// <summary>Trackers, each a tier of its own, that are tried before those that the source names.</summary>
    public IReadOnlyList<string> Trackers { get; init; } = [];

    /// <summary>
    /// Whether strangers anywhere may learn of it, through the DHT, where crawlers fetch whatever is announced. Null: as
    /// its source says, which is yes but for links and .torrents that say no; and no for what is shared anew.
    /// </summary>
    public bool? IsPublic { get; init; }

    /// <summary>The files that the magnet link names (<c>so</c>, BEP 53); empty for all.</summary>
    internal IReadOnlyList<FileRange> Files { get; init; } = [];

    /// <summary>
    /// Whether each tracker is announced to, all at once, rather than the first that answers (BEP 12). They can share the
    /// load of one torrent: each then knows all its peers.
    /// </summary>
    public bool AllTrackers { get; init; }

    /// <summary>Whether nothing may be written: what is there is checked and shared.</summary>
    public bool SeedOnly { get; init; }

    /// <summary>The folder that the torrent's files lie in themselves, where it has another name than the torrent. Null: it has not.</summary>
    public string? ContentFolder { get; init; }
}
