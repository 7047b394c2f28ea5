using System.Buffers.Binary;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Shoal.Protocol;
using Shoal.Tracker.Metrics;

namespace Shoal.Tracker;

/// <summary>
/// The UDP half of the server: sockets on one port, each read by a thread of its own that answers what comes in. On
/// Linux packets are received and sent by the batch (<see cref="MessageBatch"/>), elsewhere one by one. A blocking
/// thread costs less per packet than any form of asynchrony, and there are few.
/// </summary>
internal sealed class UdpListener : IDisposable
{
    private readonly UdpResponder _responder;
    private readonly TrackerShards _shards;
    private readonly List<Socket> _sockets = [];
    private readonly List<Thread> _threads = [];
    private volatile bool _isStopping;

    private UdpListener(UdpResponder responder, TrackerShards shards)
    {
        _responder = responder;
        _shards = shards;
    }

    /// <summary>Where it listens.</summary>
    public IPEndPoint EndPoint => (IPEndPoint)_sockets[0].LocalEndPoint!;

    /// <summary>Binds, but does not answer yet.</summary>
    /// <exception cref="SocketException">The port is in use, or the address is not this machine's.</exception>
    public static UdpListener Bind(IPAddress address, int port, int threadCount, UdpResponder responder, TrackerShards shards)
    {
        var listener = new UdpListener(responder, shards);
        try
        {
            // The first is bound alone, to find out whether the port is free: sockets that share a port would not tell.
            var first = Open(address, port, isShared: false);
            listener._sockets.Add(first);
            if (threadCount > 1 && OperatingSystem.IsLinux())
            {
                port = listener.EndPoint.Port;
                first.Dispose();
                listener._sockets.Clear();
                for (var i = 0; i < threadCount; i++)
                {
                    listener._sockets.Add(Open(address, port, isShared: true));
                }
            }

            return listener;
        }
        catch (SocketException)
        {
            listener.Dispose();
            throw;
        }
    }

    /// <summary>Begins to answer.</summary>
    public void Start()
    {
        foreach (var socket in _sockets)
        {
            var thread = new Thread(() => Run(socket)) { IsBackground = true, Name = "tracker udp" };
            _threads.Add(thread);
            thread.Start();
        }
    }

    /// <summary>Stops answering; waits for the threads.</summary>
    public void Dispose()
    {
        _isStopping = true;
        foreach (var thread in _threads)
        {
            while (!thread.Join(TimeSpan.FromMilliseconds(50)))
            {
                Wake();
            }
        }

        foreach (var socket in _sockets)
        {
            socket.Dispose();
        }
    }

    private static Socket Open(IPAddress address, int port, bool isShared)
    {
        var socket = new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        try
        {
            if (address.AddressFamily == AddressFamily.InterNetworkV6)
            {
                socket.DualMode = address.Equals(IPAddress.IPv6Any);
            }

            if (isShared)
            {
                socket.SetRawSocketOption(1, 15, BitConverter.GetBytes(1)); // SOL_SOCKET, SO_REUSEPORT
            }

            if (OperatingSystem.IsWindows())
            {
                // Else an ICMP "port unreachable" for one peer fails the next receive (SIO_UDP_CONNRESET).
                socket.IOControl(unchecked((int)0x9800000C), [0], null);
            }

            socket.ReceiveBufferSize = 4 * 1024 * 1024;
            socket.SendBufferSize = 1024 * 1024;
            socket.Bind(new IPEndPoint(address, port));
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    // A thread that waits in the kernel wakes when a packet comes, so it is sent one: too short to be answered.
    // Sockets that share a port get packets by the sender's port, hence several tries from several ports.
    private void Wake()
    {
        var address = EndPoint.Address;
        address = address.Equals(IPAddress.Any) ? IPAddress.Loopback : address.Equals(IPAddress.IPv6Any) ? IPAddress.IPv6Loopback : address;
        for (var i = 0; i < 4 * _sockets.Count; i++)
        {
            using var socket = new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            try
            {
                socket.SendTo([0], new IPEndPoint(address, EndPoint.Port));
            }
            catch (SocketException)
            {
                // The next try is 50 ms away.
            }
        }
    }

    private void Run(Socket socket)
    {
        if (OperatingSystem.IsLinux() && Environment.Is64BitProcess)
        {
            using var batch = new MessageBatch(socket);
            while (!_isStopping)
            {
                batch.Exchange(_responder, _shards);
            }
        }
        else
        {
            RunOneByOne(socket);
        }
    }

    private void RunOneByOne(Socket socket)
    {
        var packet = new byte[2048];
        var reply = new byte[UdpResponder.MaximumReplyLength];
        var from = new SocketAddress(socket.AddressFamily);
        while (!_isStopping)
        {
            try
            {
                var length = socket.ReceiveFrom(packet, SocketFlags.None, from);
                var start = Stopwatch.GetTimestamp();
                var written = _responder.Answer(_shards.Now, packet.AsSpan(0, length), AddressOf(from.Buffer.Span), reply);
                if (written > 0)
                {
                    socket.SendTo(reply.AsSpan(0, written), SocketFlags.None, from);
                }

                _shards.Traffic.RecordSince(TrackerProtocol.Udp, start);
            }
            catch (SocketException)
            {
                // One packet that was too long or could not be answered; the next may be better.
            }
        }
    }

    /// <summary>The peer in a sockaddr_in or sockaddr_in6: port at 2, address at 4 or 8, on every system.</summary>
    internal static PeerAddress AddressOf(ReadOnlySpan<byte> socketAddress)
    {
        var port = BinaryPrimitives.ReadUInt16BigEndian(socketAddress[2..]);
        return socketAddress.Length < 24
            ? PeerAddress.FromBytes(socketAddress.Slice(4, 4), port)
            : PeerAddress.FromBytes(socketAddress.Slice(8, 16), port);
    }
}
