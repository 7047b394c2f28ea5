using System.Net;
using System.Net.Sockets;
using Shoal.Engine;
using Shoal.Engine.Encryption;
using Shoal.Protocol;
using Shoal.Runtime.Hosting;

namespace Shoal.Sockets.Tcp;

/// <summary>
/// Links over TCP (BEP 3), TCP_NODELAY always, encrypted if the options say so. Serves one host. Thread-safe.
/// </summary>
public sealed class TcpTransport : ILinkTransport, IAsyncDisposable
{
    private static readonly TimeSpan PauseAfterAcceptError = TimeSpan.FromMilliseconds(100);

    private readonly Lock _gate = new();
    private readonly HashSet<TcpLink> _links = [];
    private readonly List<Socket> _listeners = [];
    private readonly CancellationTokenSource _stopping = new();
    private readonly StreamNegotiation _negotiation;
    private ILinkEvents? _events;
    private long _incomingSequence;
    private int _halfOpenCount;

    /// <summary>A transport that neither listens nor connects yet.</summary>
    public TcpTransport(TcpOptions? options = null)
    {
        Options = options ?? new TcpOptions();
        _negotiation = new StreamNegotiation(Options.Encryption, Options.EncryptionTimeout);
        UploadBuffers = new UploadBuffers(Options.UploadBatchBytes, Options.MaximumUploadBufferBytes);
    }

    internal TcpOptions Options { get; }

    internal UploadBuffers UploadBuffers { get; }

    internal ILinkEvents Events => _events ?? throw new InvalidOperationException("the transport is not bound to a host");

    /// <summary>Links that have a socket, or are getting one.</summary>
    public int LinkCount
    {
        get
        {
            lock (_gate)
            {
                return _links.Count;
            }
        }
    }

    /// <inheritdoc/>
    public void Bind(ILinkEvents events) => _events = events;

    /// <summary>Links of the swarm may be encrypted from now on: the info-hash is what both sides must know for that.</summary>
    public void Know(SwarmId swarm, InfoHash infoHash) => _negotiation.Know(swarm, infoHash);

    /// <summary>Forgets what <see cref="Know"/> told. Links that are open stay as they are.</summary>
    public void Forget(SwarmId swarm) => _negotiation.Forget(swarm);

    /// <summary>
    /// Accepts connections from now on. Port 0 lets the system choose. The unspecified IPv6 address takes IPv4 as well.
    /// </summary>
    /// <returns>Where it listens.</returns>
    /// <exception cref="SocketException">The address is taken, or not to be had.</exception>
    public IPEndPoint Listen(IPEndPoint endPoint)
    {
        ArgumentNullException.ThrowIfNull(endPoint);
        _ = Events;
        var listener = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (endPoint.Address.Equals(IPAddress.IPv6Any))
            {
                listener.DualMode = true;
            }

            listener.Bind(endPoint);
            listener.Listen(512);
            lock (_gate)
            {
                _listeners.Add(listener);
            }
        }
        catch
        {
            listener.Dispose();
            throw;
        }

        var bound = (IPEndPoint)listener.LocalEndPoint!;
        Log.Listening(Options.Logger, bound);
        _ = AcceptAsync(listener);
        return bound;
    }

    /// <inheritdoc/>
    ILink ILinkTransport.Connect(LinkId id, SwarmId swarm, PeerAddress address)
    {
        var link = new TcpLink(this, id, isHalfOpen: false);
        lock (_gate)
        {
            _links.Add(link);
        }

        _ = ConnectAsync(link, swarm, address);
        return link;
    }

    /// <summary>Stops listening and closes every link at once.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        TcpLink[] links;
        lock (_gate)
        {
            links = [.. _links];
            _listeners.ForEach(listener => listener.Dispose());
            _listeners.Clear();
        }

        foreach (var link in links)
        {
            link.Abort("the transport was closed");
        }
    }

    internal void Forget(TcpLink link)
    {
        lock (_gate)
        {
            _links.Remove(link);
        }
    }

    internal void EndHalfOpen() => Interlocked.Decrement(ref _halfOpenCount);

    private async Task ConnectAsync(TcpLink link, SwarmId swarm, PeerAddress address)
    {
        Socket? socket = null;
        try
        {
            socket = await ConnectAsync(address);
            var negotiated = new Negotiated(StreamNegotiation.Clear, null);
            if (Options.Encryption != EncryptionPolicy.Off)
            {
                negotiated = await _negotiation.InitiateAsync(socket, swarm, _stopping.Token);
                if (negotiated.Agreement is null && Options.Encryption == EncryptionPolicy.Prefer)
                {
                    // It may not know this kind of handshake, and is asked again in the way that everybody knows.
                    socket.Dispose();
                    socket = await ConnectAsync(address);
                    negotiated = new Negotiated(StreamNegotiation.Clear, null);
                }
            }

            if (negotiated.Agreement is not { } agreement)
            {
                socket.Dispose();
                link.Abort(negotiated.Failure);
                return;
            }

            link.Open(socket, agreement, new Input(InputKind.LinkOpened, Link: link.Id, Address: address));
        }
        catch (OperationCanceledException)
        {
            socket?.Dispose();
            link.Abort(_stopping.IsCancellationRequested
                ? "the transport was closed"
                : $"no answer within {Options.ConnectTimeout.TotalSeconds} s");
        }
        catch (SocketException exception)
        {
            socket?.Dispose();
            link.Abort(SocketFailure.Describe(exception.SocketErrorCode));
        }
        catch (Exception exception) when (exception is ObjectDisposedException or InvalidOperationException)
        {
            socket?.Dispose();
            link.Abort(exception.Message);
        }
    }

    private async Task<Socket> ConnectAsync(PeerAddress address)
    {
        var endPoint = new IPEndPoint(address.ToIPAddress(), address.Port);
        var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (Options.BindAddress is { } local && local.AddressFamily == endPoint.AddressFamily)
            {
                socket.Bind(new IPEndPoint(local, 0));
            }

            using var timeout = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
            timeout.CancelAfter(Options.ConnectTimeout);
            await socket.ConnectAsync(endPoint, timeout.Token);
            Prepare(socket);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private async Task AcceptAsync(Socket listener)
    {
        var isFailing = false;
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                Accept(await listener.AcceptAsync(_stopping.Token));
                isFailing = false;
            }
            catch (Exception exception) when (exception is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
            catch (SocketException exception)
            {
                // That one connection is lost, or there are no descriptors left: go on, but not in a hurry.
                if (!isFailing)
                {
                    isFailing = true;
                    Log.CannotAccept(Options.Logger, SocketFailure.Describe(exception.SocketErrorCode));
                }

                await Task.Delay(PauseAfterAcceptError);
            }
        }
    }

    private void Accept(Socket socket)
    {
        if (Interlocked.Increment(ref _halfOpenCount) > Options.MaximumHalfOpenCount)
        {
            Interlocked.Decrement(ref _halfOpenCount);
            socket.Dispose();
            Log.TooManyHalfOpen(Options.Logger, Options.MaximumHalfOpenCount);
            return;
        }

        if (Options.Encryption == EncryptionPolicy.Off)
        {
            Open(socket, StreamNegotiation.Clear);
        }
        else
        {
            _ = NegotiateAsync(socket);
        }
    }

    private async Task NegotiateAsync(Socket socket)
    {
        var (agreement, failure) = await _negotiation.AcceptAsync(socket, _stopping.Token);
        if (agreement is null)
        {
            Log.NotAgreed(Options.Logger, failure);
            EndHalfOpen();
            socket.Dispose();
            return;
        }

        Open(socket, agreement);
    }

    private void Open(Socket socket, StreamAgreement agreement)
    {
        var id = LinkId.Incoming(Interlocked.Increment(ref _incomingSequence));
        var link = new TcpLink(this, id, isHalfOpen: true);
        try
        {
            Prepare(socket);
            var remote = (IPEndPoint)socket.RemoteEndPoint!;
            lock (_gate)
            {
                _links.Add(link);
            }

            link.Open(socket, agreement, new Input(
                InputKind.LinkOpened, Link: id, Address: PeerAddress.From(remote.Address, remote.Port), Detail: link));
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            socket.Dispose(); // gone before we looked
            link.Abort("connection reset by peer");
        }
    }

    private void Prepare(Socket socket)
    {
        socket.NoDelay = true;
        socket.Blocking = false;
        if (Options.SocketBufferBytes > 0)
        {
            socket.SendBufferSize = Options.SocketBufferBytes;
            socket.ReceiveBufferSize = Options.SocketBufferBytes;
        }
    }
}
