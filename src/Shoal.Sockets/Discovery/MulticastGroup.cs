using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Shoal.Protocol.Discovery;

namespace Shoal.Sockets.Discovery;

/// <summary>
/// A socket of one family that hears what is said to the group of local discovery (BEP 14) on each network that this machine is on, and
/// says to it. The port is shared with whoever else listens there. Nothing is routed on: the hop limit is 1. One thread at a time may send
/// and refresh, another receive.
/// </summary>
internal sealed class MulticastGroup : IDisposable
{
    /// <summary>Interfaces that are joined at most.</summary>
    public const int MaximumInterfaceCount = 32;

    private readonly IPAddress? _only;
    private readonly IPEndPoint _group;
    private readonly Socket _socket;
    private readonly Socket _speaker; // the same, unless what is said must come from one address
    private readonly byte[] _buffer = new byte[LocalAnnounce.MaximumLength + 1]; // what fills it is too long
    private List<int> _joined = [];

    /// <param name="isIPv6">The family.</param>
    /// <param name="only">An address of this machine whose network alone is meant; null for all, but for what is within the machine.</param>
    /// <exception cref="SocketException">The system does not give it.</exception>
    public MulticastGroup(bool isIPv6, IPAddress? only)
    {
        (IsIPv6, _only) = (isIPv6, only);
        _group = new IPEndPoint(new IPAddress(isIPv6 ? LocalAnnounce.GroupIPv6 : LocalAnnounce.GroupIPv4), LocalAnnounce.GroupPort);
        _socket = Open(new IPEndPoint(isIPv6 ? IPAddress.IPv6Any : IPAddress.Any, LocalAnnounce.GroupPort));
        try
        {
            _speaker = only is null ? _socket : Open(new IPEndPoint(only, 0));
            _speaker.SetSocketOption(Level, SocketOptionName.MulticastTimeToLive, 1);
            _speaker.SetSocketOption(Level, SocketOptionName.MulticastLoopback, true); // other programs of this machine
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public bool IsIPv6 { get; }

    private SocketOptionLevel Level => IsIPv6 ? SocketOptionLevel.IPv6 : SocketOptionLevel.IP;

    /// <summary>Looks which networks there are by now. True if one has come.</summary>
    public bool Refresh()
    {
        List<int> present = [];
        var hasCome = false;
        foreach (var index in Indexes().Distinct().Take(MaximumInterfaceCount))
        {
            var isNew = !_joined.Contains(index);
            // Those that went and came again have the same number, and have forgotten us: joining anew does no harm.
            if (TryJoin(index) || !isNew)
            {
                present.Add(index);
                hasCome |= isNew;
            }
        }

        _joined = present;
        return hasCome;
    }

    /// <summary>Says it on every network; one that does not take it is passed over.</summary>
    public void Send(ReadOnlySpan<byte> datagram)
    {
        foreach (var index in _joined)
        {
            try
            {
                _speaker.SetSocketOption(Level, SocketOptionName.MulticastInterface, IsIPv6 ? index : IPAddress.HostToNetworkOrder(index));
                _speaker.SendTo(datagram, SocketFlags.None, _group);
            }
            catch (SocketException)
            {
                // The network has gone, or lets nobody speak; the next announce may fare better.
            }
        }
    }

    /// <summary>
    /// The next datagram that was said to the group; what was sent to this machine alone is passed over, so that nobody from afar can ask
    /// for what is here. It is overwritten by the next call.
    /// </summary>
    /// <exception cref="SocketException">The system refuses.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public async ValueTask<(IPEndPoint Sender, ReadOnlyMemory<byte> Datagram)> ReceiveAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var result = await _socket.ReceiveMessageFromAsync(_buffer, SocketFlags.None, new IPEndPoint(
                IsIPv6 ? IPAddress.IPv6Any : IPAddress.Any, 0), cancellationToken);
            if (_group.Address.Equals(result.PacketInformation.Address))
            {
                return ((IPEndPoint)result.RemoteEndPoint, _buffer.AsMemory(0, result.ReceivedBytes));
            }
        }
    }

    public void Dispose()
    {
        _socket.Dispose();
        _speaker?.Dispose();
    }

    private static Socket Open(IPEndPoint endPoint)
    {
        var socket = new Socket(endPoint.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        try
        {
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
            if (endPoint.AddressFamily == AddressFamily.InterNetworkV6)
            {
                socket.DualMode = false;
            }

            socket.Bind(endPoint);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private bool TryJoin(int index)
    {
        try
        {
            if (IsIPv6)
            {
                _socket.SetSocketOption(Level, SocketOptionName.AddMembership, new IPv6MulticastOption(_group.Address, index));
            }
            else
            {
                _socket.SetSocketOption(Level, SocketOptionName.AddMembership, new MulticastOption(_group.Address, index));
            }

            return true;
        }
        catch (SocketException error)
        {
            return error.SocketErrorCode == SocketError.AddressAlreadyInUse; // we are in it
        }
    }

    // Of the interfaces that are up, those that carry multicast; the machine's own alone if it is the one that is meant.
    private IEnumerable<int> Indexes()
    {
        NetworkInterface[] interfaces;
        try
        {
            interfaces = NetworkInterface.GetAllNetworkInterfaces();
        }
        catch (NetworkInformationException)
        {
            yield break;
        }

        foreach (var one in interfaces)
        {
            if (one.OperationalStatus is OperationalStatus.Up or OperationalStatus.Unknown && IsMeant(one) && IndexOf(one) is { } index)
            {
                yield return index;
            }
        }
    }

    private bool IsMeant(NetworkInterface one) => _only is null
        ? one.SupportsMulticast && one.NetworkInterfaceType != NetworkInterfaceType.Loopback
        : one.GetIPProperties().UnicastAddresses.Any(unicast => unicast.Address.Equals(_only));

    private int? IndexOf(NetworkInterface one)
    {
        try
        {
            var properties = one.GetIPProperties();
            // An interface without an address of the family cannot speak.
            return !properties.UnicastAddresses.Any(unicast => unicast.Address.AddressFamily == _group.AddressFamily) ? null
                : IsIPv6 ? properties.GetIPv6Properties().Index : properties.GetIPv4Properties().Index;
        }
        catch (NetworkInformationException)
        {
            return null; // it has gone meanwhile, or does not speak the family
        }
    }
}
