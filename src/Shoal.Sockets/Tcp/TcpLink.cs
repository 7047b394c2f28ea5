using System.Net.Sockets;
using Shoal.Engine;
using Shoal.Engine.Encryption;
using Shoal.Protocol;
using Shoal.Protocol.Wire;
using Shoal.Runtime;
using Shoal.Runtime.Hosting;

namespace Shoal.Sockets.Tcp;

/// <summary>
/// One TCP connection: its life from opening to the one LinkClosed. The work is done by its <see cref="TcpReceiver"/>
/// and <see cref="TcpSender"/>, whose locks are never held together.
/// </summary>
internal sealed class TcpLink : ILink
{
    private readonly TcpTransport _transport;
    private readonly TcpReceiver _receiver;
    private readonly TcpSender _sender;
    private Socket? _socket;
    private string? _closeReason;
    private int _isEnded;
    private int _isHalfOpen;

    public TcpLink(TcpTransport transport, LinkId id, bool isHalfOpen)
    {
        _transport = transport;
        Id = id;
        _isHalfOpen = isHalfOpen ? 1 : 0;
        _sender = new TcpSender(this, transport.UploadBuffers, transport.Options.MaximumQueuedControlBytes);
        _receiver = new TcpReceiver(this, _sender);
    }

    public LinkId Id { get; }

    public ILinkEvents Events => _transport.Events;

    /// <summary>Whether LinkClosed has been posted.</summary>
    public bool IsEnded => Volatile.Read(ref _isEnded) != 0;

    /// <summary>The connection is there: tells so, sends what waits, begins to receive.</summary>
    public void Open(Socket socket, StreamAgreement agreement, in Input opened)
    {
        Volatile.Write(ref _socket, socket);
        if (IsEnded)
        {
            socket.Dispose();
            return;
        }

        Events.Post(new ReadOnlySpan<Input>(in opened));
        _sender.Open(socket, agreement.Outgoing);
        _receiver.Open(socket, agreement.Incoming, agreement.First);
    }

    public void Send(in PeerMessage message) => _sender.Stage(message);

    public void Request(in BlockRequest block, BufferSlot slot, nint destination)
    {
        _receiver.Stage(new Expectation(block, slot, destination));
        _sender.Stage(PeerMessage.Request(block));
    }

    public bool Forget(in BlockRequest block) => _receiver.Forget(block);

    public void Upload(SwarmId swarm, IPieceStore store, in BlockRequest block) => _sender.StageUpload(swarm, store, block);

    public void Flush()
    {
        // What is asked for must be expected before the peer can know of it.
        _receiver.CommitStaged();
        _sender.Flush();
    }

    public void Close(string? reason)
    {
        _receiver.StopExpecting();
        _closeReason = reason;
        if (Volatile.Read(ref _socket) is null)
        {
            Abort(reason);
            return;
        }

        _ = AbortLaterAsync();
        _sender.CloseWhenSent();
    }

    /// <summary>Everything is sent after <see cref="Close"/>: says so to the peer, and waits for its end without keeping the engine waiting.</summary>
    public void Finish()
    {
        try
        {
            _socket?.Shutdown(SocketShutdown.Send);
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            Abort(_closeReason);
            return;
        }

        End(_closeReason);
    }

    /// <summary>Closes at once. The first reason counts.</summary>
    public void Abort(string? reason)
    {
        End(reason);
        Volatile.Read(ref _socket)?.Dispose();
        _transport.Forget(this);
    }

    /// <summary>The first message came in.</summary>
    public void EndHalfOpen()
    {
        if (_isHalfOpen != 0 && Interlocked.Exchange(ref _isHalfOpen, 0) != 0)
        {
            _transport.EndHalfOpen();
        }
    }

    private void End(string? reason)
    {
        if (Interlocked.Exchange(ref _isEnded, 1) != 0)
        {
            return;
        }

        EndHalfOpen();
        _receiver.StopExpecting();
        _sender.Stop();
        var closed = new Input(InputKind.LinkClosed, Link: Id, Detail: reason);
        Events.Post(new ReadOnlySpan<Input>(in closed));
    }

    // The peer may never read, or never close its side.
    private async Task AbortLaterAsync()
    {
        await Task.Delay(_transport.Options.CloseTimeout).ConfigureAwait(false);
        Abort(_closeReason);
    }
}
