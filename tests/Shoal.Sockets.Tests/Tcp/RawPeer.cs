using System.Buffers;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Shoal.Engine;
using Shoal.Protocol;
using Shoal.Protocol.Wire;
using Shoal.Runtime.Hosting;
using Shoal.Sockets.Tcp;

namespace Shoal.Sockets.Tests.Tcp;

/// <summary>Collects what links post: the place of a host, where a test is the engine.</summary>
internal sealed class PostBox : ILinkEvents
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly BlockingCollection<Input> _inputs = [];

    public void Post(ReadOnlySpan<Input> inputs)
    {
        foreach (var input in inputs)
        {
            _inputs.Add(input);
        }
    }

    /// <summary>The next input.</summary>
    public Input Next() => _inputs.TryTake(out var input, Patience) ? input : throw new TimeoutException("nothing was posted");

    /// <summary>The next input of that kind; others are passed over.</summary>
    public Input Next(InputKind kind)
    {
        while (true)
        {
            var input = Next();
            if (input.Kind == kind)
            {
                return input;
            }
        }
    }

    public bool TryNext(out Input input) => _inputs.TryTake(out input);
}

/// <summary>The other side of a link: a plain blocking socket in the hands of a test.</summary>
internal sealed class RawPeer : IDisposable
{
    private RawPeer(Socket socket)
    {
        Socket = socket;
        socket.NoDelay = true;
        socket.ReceiveTimeout = (int)PostBox.Patience.TotalMilliseconds;
        socket.SendTimeout = (int)PostBox.Patience.TotalMilliseconds;
    }

    public static byte[] Hello { get; } = new Handshake(default, default, true, true).ToMessage().Payload.ToArray();

    public Socket Socket { get; }

    /// <summary>Connects to a transport that listens.</summary>
    public static RawPeer ConnectTo(IPEndPoint endPoint)
    {
        var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        socket.Connect(endPoint);
        return new RawPeer(socket);
    }

    /// <summary>Has the transport connect to it, and gives the opened link.</summary>
    public static (RawPeer Peer, ILink Link) Open(TcpTransport transport, PostBox box)
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        var endPoint = (IPEndPoint)listener.LocalEndPoint!;
        var link = ((ILinkTransport)transport).Connect(LinkId.Outgoing(1), default, PeerAddress.From(endPoint.Address, endPoint.Port));
        var peer = new RawPeer(listener.Accept());
        Assert.Equal(InputKind.LinkOpened, box.Next().Kind);
        return (peer, link);
    }

    public void Send(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            bytes = bytes[Socket.Send(bytes)..];
        }
    }

    public void Send(PeerMessage message) => Send(Bytes(message));

    /// <summary>A piece message with that payload in each byte.</summary>
    public static byte[] Piece(BlockRequest block, byte value)
    {
        var bytes = new byte[13 + block.Length];
        WireWriter.Write(bytes, new PeerMessage(PeerMessageKind.Piece, block.Piece, block.Begin, block.Length));
        bytes.AsSpan(13).Fill(value);
        return bytes;
    }

    public static byte[] Bytes(PeerMessage message)
    {
        var output = new ArrayBufferWriter<byte>();
        WireWriter.Write(output, message);
        return output.WrittenSpan.ToArray();
    }

    public byte[] Receive(int count)
    {
        var bytes = new byte[count];
        for (var have = 0; have < count;)
        {
            var received = Socket.Receive(bytes, have, count - have, SocketFlags.None);
            Assert.NotEqual(0, received);
            have += received;
        }

        return bytes;
    }

    /// <summary>The number of bytes until the other side ends.</summary>
    public long ReceiveToEnd()
    {
        var buffer = new byte[65536];
        long count = 0;
        while (true)
        {
            var received = Socket.Receive(buffer);
            if (received == 0)
            {
                return count;
            }

            count += received;
        }
    }

    /// <summary>Whether the other side ends the connection, in one way or the other.</summary>
    public bool EndsSoon()
    {
        try
        {
            return Socket.Receive(new byte[1]) == 0;
        }
        catch (SocketException exception)
        {
            return exception.SocketErrorCode == SocketError.ConnectionReset;
        }
    }

    public void Reset()
    {
        Socket.LingerState = new LingerOption(true, 0);
        Socket.Dispose();
    }

    public void Dispose() => Socket.Dispose();
}
