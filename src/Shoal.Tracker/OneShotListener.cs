using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Threading.Channels;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;

namespace Shoal.Tracker;

/// <summary>
/// Kestrel's listener on 64-bit Linux, with a short cut: most clients open a connection for one announce and ask to
/// have it closed, and to build up and tear down a Kestrel connection for that costs several times the announce. So
/// connections are accepted when their first bytes are there (TCP_DEFER_ACCEPT); what is one whole such request is
/// answered at once by <see cref="OneShotResponder"/>, with five system calls and no allocation; every other connection
/// goes to Kestrel untouched, for the bytes were only peeked at.
/// </summary>
internal sealed partial class OneShotListener : IConnectionListener
{
    private const int Backlog = 4096;
    private const int MaximumRequestLength = 4096;
    private const int AcceptedAtMost = 256;
    private const int CloseOnExec = 0x80000;  // SOCK_CLOEXEC
    private const int DontWait = 0x40;        // MSG_DONTWAIT
    private const int Peek = 0x2;             // MSG_PEEK
    private const int Truncate = 0x20;        // MSG_TRUNC: on TCP, throws away instead of copying
    private const int NoSignal = 0x4000;      // MSG_NOSIGNAL

    private readonly Socket _socket;
    private readonly OneShotResponder _responder;
    private readonly SocketConnectionContextFactory _contexts;
    private readonly Thread _thread;

    // Bounded: the accepting thread waits while Kestrel is behind, and the rest waits in the kernel's backlog.
    private readonly Channel<Socket> _others = Channel.CreateBounded<Socket>(
        new BoundedChannelOptions(AcceptedAtMost) { SingleReader = true, SingleWriter = true });
    private volatile bool _isStopping;

    private OneShotListener(Socket socket, OneShotResponder responder, SocketConnectionContextFactory contexts)
    {
        _socket = socket;
        _responder = responder;
        _contexts = contexts;
        EndPoint = socket.LocalEndPoint!;
        _thread = new Thread(Run) { IsBackground = true, Name = "tracker http" };
        _thread.Start();
    }

    public EndPoint EndPoint { get; }

    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            return _contexts.Create(await _others.Reader.ReadAsync(cancellationToken));
        }
        catch (ChannelClosedException)
        {
            return null;
        }
    }

    public async ValueTask UnbindAsync(CancellationToken cancellationToken = default)
    {
        if (_isStopping)
        {
            return;
        }

        _isStopping = true;
        _others.Writer.TryComplete(); // wakes the thread if it waits for room
        Shutdown((int)_socket.SafeHandle.DangerousGetHandle(), 2); // and if it waits for a connection
        await Task.Run(_thread.Join, CancellationToken.None);
        _socket.Dispose();
    }

    public async ValueTask DisposeAsync()
    {
        await UnbindAsync();
        while (_others.Reader.TryRead(out var socket))
        {
            socket.Dispose();
        }

        _contexts.Dispose();
    }

    private static OneShotListener Bind(IPEndPoint endPoint, OneShotResponder responder, ILogger logger)
    {
        var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (endPoint.AddressFamily == AddressFamily.InterNetworkV6)
            {
                socket.DualMode = endPoint.Address.Equals(IPAddress.IPv6Any);
            }

            socket.NoDelay = true; // inherited by what is accepted
            socket.Bind(endPoint);
            socket.SetRawSocketOption(6, 9, BitConverter.GetBytes(5)); // IPPROTO_TCP, TCP_DEFER_ACCEPT, seconds
            socket.Listen(Backlog);
            var options = new SocketConnectionFactoryOptions { UnsafePreferInlineScheduling = true };
            return new OneShotListener(socket, responder, new SocketConnectionContextFactory(options, logger));
        }
        catch (SocketException e)
        {
            socket.Dispose();
            throw e.SocketErrorCode == SocketError.AddressAlreadyInUse ? new AddressInUseException(e.Message, e) : e;
        }
    }

    private unsafe void Run()
    {
        var request = (byte*)NativeMemory.Alloc(MaximumRequestLength);
        var name = stackalloc byte[28]; // sockaddr_in6
        var listening = (int)_socket.SafeHandle.DangerousGetHandle();
        while (!_isStopping)
        {
            var nameLength = 28u;
            var connection = Accept(listening, name, &nameLength, CloseOnExec);
            if (connection < 0)
            {
                // Aborted by its client, or no more descriptors to be had; then waiting is all that helps.
                Thread.Sleep(_isStopping ? 0 : 1);
            }
            else if (AnswerAtOnce(connection, request, new ReadOnlySpan<byte>(name, (int)nameLength)))
            {
                Close(connection);
            }
            else
            {
                HandOver(new Socket(new SafeSocketHandle(connection, ownsHandle: true)));
            }
        }

        NativeMemory.Free(request);
    }

    private unsafe bool AnswerAtOnce(int connection, byte* request, ReadOnlySpan<byte> name)
    {
        var length = (int)Receive(connection, request, MaximumRequestLength, DontWait | Peek);
        if (length <= 0)
        {
            return false;
        }

        var reply = _responder.Answer(new ReadOnlySpan<byte>(request, length), UdpListener.AddressOf(name));
        if (reply.IsEmpty)
        {
            return false;
        }

        // Unread bytes would turn the close into a reset, which could overtake the answer.
        Receive(connection, request, (nuint)length, DontWait | Truncate);
        fixed (byte* bytes = reply)
        {
            // A fresh connection's send buffer holds more than any answer: if it is cut short, the client is gone.
            Send(connection, bytes, (nuint)reply.Length, DontWait | NoSignal);
        }

        return true;
    }

    private void HandOver(Socket socket)
    {
        while (!_others.Writer.TryWrite(socket))
        {
            // This thread is for nothing else, so it may block: until Kestrel takes one, or no more are wanted.
            if (!_others.Writer.WaitToWriteAsync().AsTask().GetAwaiter().GetResult())
            {
                socket.Dispose();
                return;
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "accept4")]
    private static unsafe partial int Accept(int handle, byte* name, uint* nameLength, int flags);

    [LibraryImport("libc", EntryPoint = "recv")]
    private static unsafe partial nint Receive(int handle, byte* buffer, nuint length, int flags);

    [LibraryImport("libc", EntryPoint = "send")]
    private static unsafe partial nint Send(int handle, byte* buffer, nuint length, int flags);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int handle);

    [LibraryImport("libc", EntryPoint = "shutdown")]
    private static partial int Shutdown(int handle, int how);

    /// <summary>What Kestrel asks for listeners.</summary>
    internal sealed class Factory(OneShotResponder responder, ILoggerFactory loggers) : IConnectionListenerFactory
    {
        public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default) =>
            new(Bind((IPEndPoint)endpoint, responder, loggers.CreateLogger<SocketConnectionContextFactory>()));
    }
}
