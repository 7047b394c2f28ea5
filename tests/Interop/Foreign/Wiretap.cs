using System.Net.Sockets;

namespace Shoal.Interop.Foreign;

/// <summary>
/// Everything that passes through a <see cref="PrivateNetwork"/>, whoever sends it by whatever protocol: an AF_PACKET socket, which belongs to the network in which
/// it was made. Packets stand in it one behind the other.
/// </summary>
internal sealed class Wiretap : IDisposable
{
    private const int SolSocket = 1;
    private const int ReceiveBufferForce = 33;
    private const int PacketLevel = 263;
    private const int PacketStatistics = 6;
    private const int EveryProtocol = 0x0300; // ETH_P_ALL as it goes over the wire
    private const int MostBytes = 256 << 20;

    private readonly Socket _socket = new(AddressFamily.Packet, SocketType.Raw, (ProtocolType)EveryProtocol);
    private readonly MemoryStream _heard = new();
    private readonly Thread _thread;

    public Wiretap()
    {
        _socket.SetRawSocketOption(SolSocket, ReceiveBufferForce, BitConverter.GetBytes(128 << 20));
        _socket.ReceiveTimeout = 100;
        _thread = new Thread(Listen) { IsBackground = true, Name = "wiretap" };
        _thread.Start();
    }

    /// <summary>Ends it and says what was heard; fails if packets were missed.</summary>
    public byte[] Stop()
    {
        IsStopping = true;
        _thread.Join();
        var statistics = new byte[8];
        _socket.GetRawSocketOption(PacketLevel, PacketStatistics, statistics);
        var missed = BitConverter.ToUInt32(statistics, 4);
        return missed == 0 ? _heard.ToArray()
            : throw new InvalidOperationException($"{missed} of {BitConverter.ToUInt32(statistics)} packets were missed");
    }

    public void Dispose()
    {
        IsStopping = true;
        _thread.Join();
        _socket.Dispose();
    }

    private bool IsStopping { get => Volatile.Read(ref field); set => Volatile.Write(ref field, value); }

    // Until nothing came for a while after the stop: what was sent before it is heard.
    private void Listen()
    {
        var packet = new byte[1 << 17];
        while (_heard.Length < MostBytes)
        {
            try
            {
                _heard.Write(packet, 0, _socket.Receive(packet));
            }
            catch (SocketException silence) when (silence.SocketErrorCode is SocketError.TimedOut or SocketError.WouldBlock)
            {
                if (IsStopping)
                {
                    return;
                }
            }
        }
    }
}
