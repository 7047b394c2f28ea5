using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Shoal.Engine;
using Shoal.Engine.Dht;
using Shoal.Protocol;
using Shoal.Protocol.Dht;

namespace Shoal.Sockets.Dht;

/// <summary>
/// This machine's part in the DHT: a node of each family on one UDP port. Begins as soon as it is made; keeps what it knows in a file every ten minutes and at
/// its end. Thread-safe; what it calls back is called on any thread, without a lock.
/// </summary>
public sealed class DhtClient : IAsyncDisposable
{
    private static readonly TimeSpan SaveInterval = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan ResolveInterval = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LongestSleep = TimeSpan.FromSeconds(30);

    private readonly DhtClientOptions _options;
    private readonly DhtStateFile _file;
    private readonly List<DhtSocket> _sockets = [];
    private readonly Lock _gate = new();
    private readonly Dictionary<InfoHash, Action<PeerAddress>> _searches = [];
    private readonly Dictionary<(DhtSocket, long), DhtQuestion> _questions = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _wake = new(0);
    private readonly long _epoch;
    private readonly List<Task> _loops = [];
    private (DhtSnapshot? IPv4, DhtSnapshot? IPv6) _kept;
    private Instant _armed = Instant.Zero;
    private int _isDisposed;

    /// <summary>Opens the sockets and begins to join.</summary>
    /// <exception cref="SocketException">The port is in use, or the address is not this machine's.</exception>
    public DhtClient(DhtClientOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options;
        _epoch = options.Time.GetTimestamp();
        _file = new DhtStateFile(options.StateFile);
        try
        {
            Open();
        }
        catch
        {
            Close();
            throw;
        }

        Log.JoinsDht(options.Logger, Port);
        _loops.AddRange(_sockets.Select(socket => Task.Run(() => socket.ReceiveAsync(Received, _stop.Token))));
        _loops.Add(Task.Run(TickAsync));
        _loops.Add(Task.Run(ResolveAsync));
        _loops.Add(Task.Run(SaveAsync));
    }

    /// <summary>The UDP port.</summary>
    public int Port { get; private set; }

    /// <summary>How the nodes stand, IPv4 first.</summary>
    public IReadOnlyList<(PeerAddressKind Family, DhtStatus Status)> Status
    {
        get
        {
            lock (_gate)
            {
                return [.. _sockets.Select(socket => (socket.Family, socket.Node.Status))];
            }
        }
    }

    private Instant Now => new(_options.Time.GetElapsedTime(_epoch).Ticks * 100);

    /// <summary>There may be a node at that address, as a peer or a torrent says.</summary>
    public void AddNode(PeerAddress address) => Do(address.Kind, (node, now) => node.AddNode(now, address));

    /// <summary>
    /// Looks for peers of a torrent now and then, and tells others that we are one at the port (null: no; IPv6 may have another), until <see cref="EndSearch"/>. False if there are too
    /// many searches.
    /// </summary>
    public bool Search(InfoHash infoHash, int? announcePort, Action<PeerAddress> found, int? announcePortIPv6 = null)
    {
        ArgumentNullException.ThrowIfNull(found);
        lock (_gate)
        {
            _searches[infoHash] = found;
        }

        var isBegun = true;
        Do(PeerAddressKind.IPv4, (node, now) => isBegun &= node.TrySearch(now, infoHash, announcePort));
        Do(PeerAddressKind.IPv6, (node, now) => isBegun &= node.TrySearch(now, infoHash, announcePortIPv6 ?? announcePort));
        return isBegun;
    }

    /// <summary>Ends a search.</summary>
    public void EndSearch(InfoHash infoHash)
    {
        lock (_gate)
        {
            _searches.Remove(infoHash);
        }

        Do(PeerAddressKind.None, (node, _) => node.EndSearch(infoHash));
    }

    /// <summary>Looks once, in both families; the results are those of the nodes that could look.</summary>
    /// <param name="infoHash">Which torrent.</param>
    /// <param name="found">Is told of each peer at once, if not null.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    public async Task<IReadOnlyList<DhtLookupResult>> GetPeersAsync(
        InfoHash infoHash, Action<PeerAddress>? found = null, CancellationToken cancellationToken = default)
    {
        List<Task<DhtLookupResult>> results = [];
        lock (_gate)
        {
            foreach (var socket in _sockets)
            {
                if (socket.Node.Find(Now, NodeId.Of(infoHash), findsPeers: true) is > 0 and var number)
                {
                    var question = new DhtQuestion(found);
                    _questions.Add((socket, number), question);
                    results.Add(question.Result.Task);
                }
            }
        }

        Do(PeerAddressKind.None, static (_, _) => { });
        return await Task.WhenAll(results).WaitAsync(cancellationToken);
    }

    /// <summary>Leaves the DHT, and keeps what is known.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0)
        {
            return;
        }

        await _stop.CancelAsync();
        await Task.WhenAll(_loops);
        Save();
        Close();
        _stop.Dispose();
        _wake.Dispose();
    }

    private void Open()
    {
        Port = _options.Port;
        foreach (var address in _options.BindAddress is { } one ? [one] : new[] { IPAddress.Any, IPAddress.IPv6Any })
        {
            if (address.AddressFamily == AddressFamily.InterNetworkV6 && !Socket.OSSupportsIPv6)
            {
                continue;
            }

            var socket = new DhtSocket(address, Port);
            _sockets.Add(socket);
            Port = socket.EndPoint.Port; // the second family gets the first one's
        }

        _kept = _file.Read();
        foreach (var socket in _sockets)
        {
            var snapshot = socket.Family == PeerAddressKind.IPv4 ? _kept.IPv4 : _kept.IPv6;
            var secrets = RandomNumberGenerator.GetBytes(24);
            socket.Node = new DhtNode(
                new DhtOptions(socket.Family, BitConverter.ToUInt64(secrets), (BitConverter.ToUInt64(secrets, 8), BitConverter.ToUInt64(secrets, 16)))
                {
                    Id = _file.IsOurs ? snapshot?.Id : null,
                    KnownNodes = snapshot?.Nodes ?? [],
                    IsReadOnly = _options.IsReadOnly,
                },
                Now);
        }

        if (_sockets.Count == 2)
        {
            DhtNode.Pair(_sockets[0].Node, _sockets[1].Node);
        }
    }

    private void Close()
    {
        foreach (var socket in _sockets)
        {
            socket.Dispose();
        }

        _file.Dispose();
    }

    private void Received(DhtSocket socket, PeerAddress from, ReadOnlyMemory<byte> packet)
    {
        List<Action>? calls;
        lock (_gate)
        {
            socket.Node.Handle(Now, from, packet.Span);
            calls = Drain();
        }

        Call(calls);
    }

    private void Do(PeerAddressKind family, Action<DhtNode, Instant> deed)
    {
        List<Action>? calls;
        lock (_gate)
        {
            foreach (var socket in _sockets)
            {
                if (family == PeerAddressKind.None || socket.Family == family)
                {
                    deed(socket.Node, Now);
                }
            }

            calls = Drain();
        }

        Call(calls);
    }

    // What paired nodes say stands in either's queue.
    private List<Action>? Drain()
    {
        List<Action>? calls = null;
        var deadline = Instant.Never;
        foreach (var socket in _sockets)
        {
            while (socket.Node.TryPoll(out var output))
            {
                if (output.Kind == DhtOutputKind.Send)
                {
                    socket.Send(output.Address, output.Packet.Span);
                }
                else if (CallFor(socket, output) is { } call)
                {
                    (calls ??= []).Add(call);
                }
            }

            deadline = Instant.Min(deadline, socket.Node.Deadline);
        }

        if (deadline < _armed)
        {
            _armed = deadline;
            _wake.Release();
        }

        return calls;
    }

    private Action? CallFor(DhtSocket socket, DhtOutput output)
    {
        var question = _questions.GetValueOrDefault((socket, output.Lookup));
        switch (output.Kind)
        {
            case DhtOutputKind.PeerFound when output.Lookup == 0:
                var search = _searches.GetValueOrDefault(output.Target.ToInfoHash());
                return search is null ? null : () => search(output.Address);
            case DhtOutputKind.PeerFound:
                return () => question?.Found?.Invoke(output.Address);
            case DhtOutputKind.LookupEnded when question is not null:
                _questions.Remove((socket, output.Lookup));
                return () => question.Result.TrySetResult(output.Result!);
            case DhtOutputKind.LookupEnded:
                Log.LookedUp(_options.Logger, output.Target, output.Result!.AnswerCount, output.Result.QueryCount, output.Result.PeerCount, output.Result.AnnounceCount);
                return null;
            case DhtOutputKind.AddressLearned:
                Log.SeenAt(_options.Logger, output.Address.ToIPAddress());
                return null;
            default:
                return null;
        }
    }

    private static void Call(List<Action>? calls)
    {
        foreach (var call in calls ?? [])
        {
            call();
        }
    }

    private async Task TickAsync()
    {
        try
        {
            while (true)
            {
                List<Action>? calls;
                TimeSpan sleep;
                lock (_gate)
                {
                    foreach (var socket in _sockets)
                    {
                        if (socket.Node.Deadline <= Now)
                        {
                            socket.Node.Tick(Now);
                        }
                    }

                    _armed = Instant.Zero; // nobody need wake us: we look below
                    calls = Drain();
                    _armed = Instant.Min(_sockets.Min(socket => socket.Node.Deadline), Now + LongestSleep);
                    sleep = _armed - Now;
                }

                Call(calls);
                await _wake.WaitAsync(sleep > TimeSpan.Zero ? sleep + TimeSpan.FromMilliseconds(1) : TimeSpan.Zero, _stop.Token);
            }
        }
        catch (OperationCanceledException)
        {
            // The end.
        }
    }

    // Until somebody answered: names are asked for again, since networks come up late.
    private async Task ResolveAsync()
    {
        try
        {
            while (_options.Bootstrap.Count > 0 && Status.All(node => node.Status.NodeCount == 0))
            {
                foreach (var name in _options.Bootstrap)
                {
                    foreach (var address in await ResolveAsync(name))
                    {
                        AddNode(PeerAddress.From(address, name.Port));
                    }
                }

                await Task.Delay(ResolveInterval, _options.Time, _stop.Token);
            }
        }
        catch (OperationCanceledException)
        {
            // The end.
        }
    }

    private async Task<IPAddress[]> ResolveAsync(DnsEndPoint name)
    {
        try
        {
            return IPAddress.TryParse(name.Host, out var literal) ? [literal] : await Dns.GetHostAddressesAsync(name.Host, _stop.Token);
        }
        catch (SocketException error)
        {
            Log.NoSuchBootstrap(_options.Logger, name.Host, error.Message);
            return [];
        }
    }

    private async Task SaveAsync()
    {
        try
        {
            while (true)
            {
                await Task.Delay(SaveInterval, _options.Time, _stop.Token);
                Save();
            }
        }
        catch (OperationCanceledException)
        {
            // The end, at which it is saved once more.
        }
    }

    private void Save()
    {
        DhtSnapshot? Of(PeerAddressKind family)
        {
            lock (_gate)
            {
                return _sockets.Find(socket => socket.Family == family)?.Node.Save();
            }
        }

        // A family that is not spoken this time stays as it was.
        if (_file.TryWrite(Of(PeerAddressKind.IPv4) ?? _kept.IPv4, Of(PeerAddressKind.IPv6) ?? _kept.IPv6) is { } failure)
        {
            Log.DhtNotKept(_options.Logger, failure);
        }
    }

    private sealed record DhtQuestion(Action<PeerAddress>? Found)
    {
        public TaskCompletionSource<DhtLookupResult> Result { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
