using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;
using Shoal.Engine.PortMapping;
using Shoal.Protocol;
using Shoal.Protocol.PortMapping;

namespace Shoal.Sockets.PortMapping;

/// <summary>
/// The sockets on which a router is asked: one connected to it, so that the system drops what others send and tells when nobody listens; one that
/// searches for devices; one for what routers tell everybody. What comes waits in a bounded queue; what is more waits in, or falls out of,
/// the system's. Thread-safe.
/// </summary>
internal sealed class RouterSockets : IAsyncDisposable
{
    /// <summary>Inputs that wait for the machine at most.</summary>
    private const int MaximumWaitingCount = 32;

    private const int MulticastHops = 2; // UPnP Device Architecture 1.1, 1.3.2

    private static readonly IPAddress AllHosts = new([224, 0, 0, 1]);
    private static readonly TimeSpan ErrorRest = TimeSpan.FromSeconds(1);

    private readonly CancellationTokenSource _ending = new();
    private readonly Channel<PortMappingInput> _inputs = Channel.CreateBounded<PortMappingInput>(MaximumWaitingCount);
    private readonly Socket _gateway;
    private readonly Socket? _search;
    private readonly Socket? _announcements;
    private readonly DeviceHttp _http;
    private readonly IPEndPoint _searchGroup;
    private readonly List<Task> _tasks = [];

    /// <summary>Opens them.</summary>
    /// <exception cref="SocketException">There is no way to the router.</exception>
    public RouterSockets(IPEndPoint gateway, PortMapperOptions options)
    {
        (Gateway, _searchGroup) = (gateway, options.SearchGroup);
        _http = new DeviceHttp(options.HttpPatience);
        _gateway = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        try
        {
            _gateway.Bind(new IPEndPoint(options.BindAddress ?? IPAddress.Any, 0));
            _gateway.Connect(gateway);
        }
        catch
        {
            _gateway.Dispose();
            _http.Dispose();
            throw;
        }

        Self = ((IPEndPoint)_gateway.LocalEndPoint!).Address;
        _search = TryOpen(() => OpenSearch(Self));
        _announcements = options.AnnouncementPort == 0 ? null : TryOpen(() => OpenAnnouncements(Self, options.AnnouncementPort));
    }

    /// <summary>The router.</summary>
    public IPEndPoint Gateway { get; }

    /// <summary>This machine's address on the way to it.</summary>
    public IPAddress Self { get; }

    /// <summary>What came.</summary>
    public ChannelReader<PortMappingInput> Inputs => _inputs.Reader;

    /// <summary>Begins to receive.</summary>
    public void Start()
    {
        _tasks.Add(ReceiveAsync(_gateway, (source, packet) => new PortMappingInput.Datagram(source, packet)));
        if (_search is not null)
        {
            _tasks.Add(ReceiveAsync(_search, (source, packet) => new PortMappingInput.SearchAnswer(source, packet)));
        }

        if (_announcements is not null)
        {
            _tasks.Add(ReceiveAsync(_announcements, (source, packet) => new PortMappingInput.Announcement(source, packet)));
        }
    }

    /// <summary>Puts something of our own among what came.</summary>
    public void Post(PortMappingInput input) => _ = _inputs.Writer.WriteAsync(input, _ending.Token).AsTask(); // if there is no room, it waits for some

    /// <summary>Does what the machine asks; false if that is no deed but something to tell.</summary>
    public bool Do(PortMappingOutput output)
    {
        switch (output)
        {
            case PortMappingOutput.ToGateway { Packet: var packet }:
                Send(() => _gateway.Send(packet.Span));
                return true;
            case PortMappingOutput.Search { Packet: var packet }:
                Send(() => _search?.SendTo(packet.Span, _searchGroup));
                return true;
            case PortMappingOutput.Http order:
                _tasks.RemoveAll(task => task.IsCompleted);
                _tasks.Add(AskAsync(order));
                return true;
            default:
                return false;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync();
        _gateway.Dispose();
        _search?.Dispose();
        _announcements?.Dispose();
        await Task.WhenAll(_tasks).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _http.Dispose();
        _ending.Dispose();
    }

    private static Socket OpenSearch(IPAddress self)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(self, 0));
        socket.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.MulticastInterface, self.GetAddressBytes());
        socket.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.MulticastTimeToLive, MulticastHops);
        return socket;
    }

    // Others on this machine may listen, too.
    private static Socket OpenAnnouncements(IPAddress self, int port)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        socket.Bind(new IPEndPoint(IPAddress.Any, port));
        socket.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.AddMembership, new MulticastOption(AllHosts, self));
        return socket;
    }

    private static Socket? TryOpen(Func<Socket> open)
    {
        try
        {
            return open();
        }
        catch (SocketException)
        {
            return null; // it goes without
        }
    }

    // A datagram that cannot be sent is as good as lost, and sent again.
    private static void Send(Action send)
    {
        try
        {
            send();
        }
        catch (SocketException)
        {
        }
    }

    private async Task ReceiveAsync(Socket socket, Func<PeerAddress, ReadOnlyMemory<byte>, PortMappingInput> describe)
    {
        var buffer = new byte[SsdpCodec.MaximumLength];
        while (true)
        {
            PortMappingInput input;
            try
            {
                var received = await socket.ReceiveFromAsync(buffer, SocketFlags.None, new IPEndPoint(IPAddress.Any, 0), _ending.Token);
                var source = (IPEndPoint)received.RemoteEndPoint;
                input = describe(PeerAddress.From(source.Address, source.Port), buffer.AsMemory(0, received.ReceivedBytes).ToArray());
            }
            catch (SocketException error) when (error.SocketErrorCode == SocketError.ConnectionRefused)
            {
                input = new PortMappingInput.Unreachable();
            }
            catch (SocketException error) when (error.SocketErrorCode == SocketError.MessageSize)
            {
                continue; // longer than anything that is wanted
            }
            catch (SocketException)
            {
                await Task.Delay(ErrorRest, _ending.Token);
                continue;
            }

            await _inputs.Writer.WriteAsync(input, _ending.Token);
        }
    }

    private async Task AskAsync(PortMappingOutput.Http order) =>
        await _inputs.Writer.WriteAsync(await _http.AskAsync(order, _ending.Token), _ending.Token);
}
