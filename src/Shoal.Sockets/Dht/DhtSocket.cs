using System.Net;
using System.Net.Sockets;
using Shoal.Engine;
using Shoal.Engine.Dht;
using Shoal.Protocol;
using Shoal.Protocol.Dht;

namespace Shoal.Sockets.Dht;

/// <summary>
/// One family's socket with the node that lives behind it. Sending never waits: what the system has no room for is lost, as packets may be. Not thread-safe
/// but for <see cref="ReceiveAsync"/>; its owner's lock guards the node.
/// </summary>
internal sealed class DhtSocket : IDisposable
{
    private readonly Socket _socket;
    private readonly SocketAddress _to;
    private readonly int _addressAt;

    public DhtSocket(IPAddress address, int port)
    {
        _socket = new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        try
        {
            if (address.AddressFamily == AddressFamily.InterNetworkV6)
            {
                _socket.DualMode = false;
            }

            _socket.Bind(new IPEndPoint(address, port));
            _socket.Blocking = false;
        }
        catch
        {
            _socket.Dispose();
            throw;
        }

        EndPoint = (IPEndPoint)_socket.LocalEndPoint!;
        Family = address.AddressFamily == AddressFamily.InterNetwork ? PeerAddressKind.IPv4 : PeerAddressKind.IPv6;
        _to = new SocketAddress(address.AddressFamily);
        _addressAt = Family == PeerAddressKind.IPv4 ? 4 : 8;
    }

    public IPEndPoint EndPoint { get; }

    public PeerAddressKind Family { get; }

    /// <summary>The node; set once, before anything is received.</summary>
    public DhtNode Node { get; set; } = null!;

    /// <summary>Receives until it is cancelled or the socket is closed.</summary>
    public async Task ReceiveAsync(Action<DhtSocket, PeerAddress, ReadOnlyMemory<byte>> received, CancellationToken stop)
    {
        // One byte more than we look at: what fills it all is too long.
        var buffer = new byte[KrpcReader.MaximumPacketLength + 1];
        var from = new SocketAddress(_socket.AddressFamily);
        while (!stop.IsCancellationRequested)
        {
            try
            {
                var length = await _socket.ReceiveFromAsync(buffer, SocketFlags.None, from, stop);
                received(this, AddressOf(from), buffer.AsMemory(0, length));
            }
            catch (SocketException)
            {
                // A port that nobody listens at, or a packet too long: of no concern.
            }
            catch (Exception error) when (error is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    public void Send(PeerAddress to, ReadOnlySpan<byte> packet)
    {
        var bytes = _to.Buffer.Span;
        bytes[2] = (byte)(to.Port >> 8);
        bytes[3] = (byte)to.Port;
        to.WriteAddress(bytes[_addressAt..]);
        try
        {
            _socket.SendTo(packet, SocketFlags.None, _to);
        }
        catch (SocketException)
        {
            // No route there, or no room: lost, as any packet may be.
        }
    }

    public void Dispose() => _socket.Dispose();

    private PeerAddress AddressOf(SocketAddress from)
    {
        var bytes = from.Buffer.Span;
        return PeerAddress.FromBytes(bytes.Slice(_addressAt, Family == PeerAddressKind.IPv4 ? 4 : 16), (ushort)((bytes[2] << 8) | bytes[3]));
    }
}
