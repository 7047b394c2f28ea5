using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Shoal.Discovery;
using Shoal.Engine;
using Shoal.Engine.Encryption;
using Shoal.Engine.PortMapping;
using Shoal.Engine.Sessions;
using Shoal.Engine.Swarms;
using Shoal.Protocol;
using Shoal.Protocol.Metadata;
using Shoal.Runtime.Hosting;
using Shoal.Sockets.Dht;
using Shoal.Sockets.Tcp;
using Shoal.Sockets.Trackers;

namespace Shoal;

/// <summary>
/// A BitTorrent client: one port, one session, any number of torrents. Thread-safe. Disposing stops every torrent
/// politely, within <see cref="ShoalOptions.StopGrace"/> and a few seconds.
/// </summary>
public sealed class ShoalClient : IAsyncDisposable
{
    /// <summary>How many are announced anew in a second: others do the same at that time.</summary>
    private const int AnnouncesPerSecond = 100;

    private readonly ConcurrentDictionary<SwarmId, TorrentHandle> _torrents = new();
    private readonly TcpTransport _transport;
    private readonly TrackerClient _trackers;
    private RouterDoor? _door;
    private int _isDisposed;

    private ShoalClient(ShoalOptions options)
    {
        Options = options;
        PeerId = PeerId.Create(RandomNumberGenerator.GetBytes(12));
        Session = new Session(new SessionOptions(PeerId, BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8)))
        {
            MaximumConnectionCount = options.MaximumConnectionCount,
            UploadRateBytesPerSecond = options.MaximumUploadRateBytesPerSecond,
            DownloadRateBytesPerSecond = options.MaximumDownloadRateBytesPerSecond,
        });
        _transport = new TcpTransport(new TcpOptions
        {
            BindAddress = options.BindAddress,
            Encryption = options.Encryption,
            Logger = options.LoggerFactory.CreateLogger<TcpTransport>(),
        });
        _trackers = new TrackerClient(options.BindAddress, options.TrackerAuthorities);
        // The bound on buffers is each torrent's own, and how many torrents there are is for the user to say.
        Host = new SwarmHost(Session, _transport, new SwarmHostOptions
        {
            MaximumSlotBytes = long.MaxValue, Logger = options.LoggerFactory.CreateLogger<SwarmHost>(),
        });
        Logger = options.LoggerFactory.CreateLogger<ShoalClient>();
        EndPoint = new IPEndPoint(IPAddress.None, 0);
        Finders = new PeerFinders([]);
    }

    /// <summary>Where it listens.</summary>
    public IPEndPoint EndPoint { get; private set; }

    /// <summary>The name under which peers and trackers know it.</summary>
    public PeerId PeerId { get; }

    internal ShoalOptions Options { get; }

    internal ILogger Logger { get; }

    internal Session Session { get; }

    internal SwarmHost Host { get; }

    /// <summary>The port at which others reach it: where a router opened another than the one it listens on, that.</summary>
    internal int ReachedPort => _door?.ExternalPort ?? EndPoint.Port;

    /// <summary>The port at which others reach its DHT node, by the same rule; 0 if there is none.</summary>
    internal int ReachedNodePort => Dht?.Client is not { } node ? 0 : _door?.ExternalNodePort ?? node.Port;

    internal PeerFinders Finders { get; private set; }

    /// <summary>Null if the DHT is not used.</summary>
    internal DhtFinder? Dht { get; private set; }

    /// <summary>Opens the port and is ready for torrents.</summary>
    /// <exception cref="ShoalException">The port is in use, the address is not this machine's, or it may not open so many connections.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option's number makes no sense.</exception>
    public static async Task<ShoalClient> StartAsync(ShoalOptions? options = null, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        options ??= new ShoalOptions();
        options.Check();
        OpenFiles.EnsureEnoughFor(options.MaximumConnectionCount);
        var client = new ShoalClient(options);
        try
        {
            client.Listen();
            client.BeginToFind(options.Discovery ?? DiscoveryOptions.FromEnvironment());
            return client;
        }
        catch
        {
            await client.DisposeAsync();
            throw;
        }
    }

    /// <summary>
    /// Adds a torrent, whose content lies, or is to lie, in <paramref name="folder"/> under the torrent's own name.
    /// Returns once the source is read; checking and downloading go on by themselves.
    /// </summary>
    /// <exception cref="ShoalException">The source or an option is wrong, or the torrent is there already.</exception>
    public async Task<TorrentHandle> AddAsync(
        TorrentSource source, string folder, AddOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(folder);
        var origin = await source.LoadAsync(cancellationToken);
        return await AddAsync(origin, Path.GetFullPath(folder), options ?? new AddOptions(), null, cancellationToken);
    }

    /// <summary>Shares a torrent that was just made; its content is not read again, and is closed with the torrent.</summary>
    /// <exception cref="ShoalException">An option is wrong, or the torrent is there already.</exception>
    public Task<TorrentHandle> ShareAsync(NewTorrent torrent, AddOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(torrent);
        var origin = new TorrentOrigin(
            torrent.Metainfo.InfoHash, torrent.Metainfo.Name, torrent.Metainfo, torrent.Metainfo.Trackers, [], [], IsPublic: false, torrent.Key);
        return AddAsync(origin, torrent.Root, (options ?? new AddOptions()) with { SeedOnly = true }, torrent, cancellationToken);
    }

    /// <summary>
    /// What becomes of <see cref="DiscoveryOptions.MapsPort"/>, in order, until the client has stopped: a port that is mapped, lost or not to be had.
    /// Nothing without that option. For one reader; who does not read for long misses the oldest.
    /// </summary>
    public IAsyncEnumerable<PortMappingOutput> ReadPortNewsAsync(CancellationToken cancellationToken = default) =>
        (_door?.News ?? RouterDoor.NoNews).ReadAllAsync(cancellationToken);

    /// <summary>
    /// Trackers may have forgotten what was announced to them, as one that was restarted has: announces all torrents anew, at most a hundred in a second. Returns
    /// at once.
    /// </summary>
    public void AnnounceAnew() => _ = AnnounceAnewAsync();

    /// <summary>Stops every torrent and closes the port.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0)
        {
            return;
        }

        var door = _door?.DisposeAsync().AsTask() ?? Task.CompletedTask;
        await Task.WhenAll([door, .. _torrents.Values.Select(torrent => torrent.StopAsync())]);
        await Finders.DisposeAsync();
        await Host.DisposeAsync();
        await _transport.DisposeAsync();
        _trackers.Dispose();
    }

    private async Task AnnounceAnewAsync()
    {
        foreach (var some in _torrents.Keys.Chunk(AnnouncesPerSecond))
        {
            foreach (var id in some)
            {
                Host.Post(new Input(InputKind.TrackersForgot, id));
            }

            await Task.Delay(TimeSpan.FromSeconds(1));
            if (_isDisposed != 0)
            {
                return;
            }
        }
    }

    internal void Forget(SwarmId id)
    {
        _transport.Forget(id);
        _torrents.TryRemove(id, out _);
    }

    private void Listen()
    {
        var address = Options.BindAddress ?? (Socket.OSSupportsIPv6 ? IPAddress.IPv6Any : IPAddress.Any);
        try
        {
            EndPoint = _transport.Listen(new IPEndPoint(address, Options.Port));
        }
        catch (SocketException error)
        {
            var reason = error.SocketErrorCode switch
            {
                SocketError.AddressAlreadyInUse => "is in use",
                SocketError.AccessDenied => "may not be used without more rights",
                SocketError.AddressNotAvailable => "is at an address that this machine does not have",
                _ => $"cannot be used: {error.Message}",
            };
            throw new ShoalException(ShoalErrorKind.Environment, $"port {Options.Port} on {address} {reason}", error);
        }
    }

    private void BeginToFind(DiscoveryOptions options)
    {
        List<IPeerFinder> finders = [];
        if (options.LooksAround)
        {
            finders.Add(new LocalFinder(Options.BindAddress, EndPoint.Port, Options.LoggerFactory.CreateLogger<LocalFinder>()));
        }

        if (options.UsesDht)
        {
            Dht = new DhtFinder(DhtOptionsOf(options), EndPoint.Port, () => ReachedPort, port => _door?.LetNodeIn(port), Logger);
            finders.Add(Dht);
        }

        Finders = new PeerFinders(finders);
        if (options.MapsPort)
        {
            _door = RouterDoor.Create(Options, EndPoint, PortChanged);
            _door.Start();
        }
    }

    private void PortChanged()
    {
        Array.ForEach([.. _torrents.Keys], TellPort);
        Dht?.PortChanged();
    }

    private void TellPort(SwarmId id)
    {
        Host.Post(new Input(InputKind.PortChanged, id, Count: ReachedPort));
        if (ReachedNodePort is > 0 and var port)
        {
            Host.Post(new Input(InputKind.NodePortChanged, id, Count: port));
        }
    }

    private DhtClientOptions DhtOptionsOf(DiscoveryOptions options) => new()
    {
        BindAddress = Options.BindAddress,
        Bootstrap = [.. options.DhtBootstrap.Select(text => MagnetPeer.TryParse(text, out var node)
            ? new DnsEndPoint(node.Host, node.Port)
            : throw new ShoalException(ShoalErrorKind.BadInput, $"DHT node '{SafePath.ForDisplay(text)}' is not HOST:PORT"))],
        StateFile = Path.Combine(Options.EffectiveStateDirectory, "dht"),
        Logger = Options.LoggerFactory.CreateLogger<DhtClient>(),
    };

    private async Task<TorrentHandle> AddAsync(
        TorrentOrigin origin, string folder, AddOptions options, NewTorrent? newTorrent, CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_isDisposed != 0, this);
        var peers = await ResolveAsync(options.Peers, cancellationToken);
        options = options with { Files = origin.Files };
        if (origin is { Metainfo: { } known, Key: null })
        {
            FileSelection.Select(known, options);
        }

        var id = await Host.AskAsync(() => TryAddToSession(origin, options)) ??
            throw new ShoalException(ShoalErrorKind.BadInput, $"torrent {origin.InfoHash} is being shared already");
        _transport.Know(id, origin.InfoHash);
        var torrent = new TorrentHandle(this, id, origin, folder, options, newTorrent);
        _torrents[id] = torrent;
        TellPort(id);
        Log.Added(Logger, torrent.Name, torrent.InfoHash);
        var announcer = new Announcer(Host, _trackers, PeerId, Options.AdvertiseAddress, () => ReachedPort);
        torrent.Begin(order => announcer.Begin(id, origin.InfoHash, order), peers);
        return torrent;
    }

    private SwarmId? TryAddToSession(TorrentOrigin origin, AddOptions options)
    {
        try
        {
            return Session.Add(new SwarmOptions
            {
                InfoHash = origin.InfoHash,
                // The user's come first: so many may stand in a link that no others are looked at.
                Trackers = [.. options.Trackers.Select(tracker => (IReadOnlyList<string>)[tracker]), .. origin.Trackers],
                AnnouncesToAll = options.AllTrackers,
                MaximumConnectionCount = Options.MaximumConnectionCountPerTorrent,
                UploadSlotCount = Options.UploadSlotCount,
                SeedingPolicy = Options.SeedingPolicy,
                BufferBytes = Options.BufferBytes,
                ListenPort = EndPoint.Port,
                ExchangesPeers = true,
                PrefersEncryption = Options.Encryption != EncryptionPolicy.Off,
                DhtPort = IsForDht(origin, options) ? Dht!.StartNode() : 0,
                StopGrace = Options.StopGrace,
            });
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }

    private bool IsForDht(TorrentOrigin origin, AddOptions options) =>
        Dht is not null && (options.IsPublic ?? origin.IsPublic) && origin.Metainfo is not { IsPrivate: true };

    private static async Task<IReadOnlyList<PeerAddress>> ResolveAsync(IReadOnlyList<string> peers, CancellationToken cancellationToken)
    {
        List<PeerAddress> addresses = [];
        foreach (var text in peers)
        {
            if (!MagnetPeer.TryParse(text, out var peer))
            {
                throw new ShoalException(ShoalErrorKind.BadInput, $"peer '{SafePath.ForDisplay(text)}' is not HOST:PORT");
            }

            var found = await NameResolver.ResolveAsync(peer, cancellationToken);
            if (found.Count == 0)
            {
                throw new ShoalException(ShoalErrorKind.BadInput, $"peer '{SafePath.ForDisplay(text)}': there is no such host");
            }

            addresses.AddRange(found);
        }

        return addresses;
    }
}
