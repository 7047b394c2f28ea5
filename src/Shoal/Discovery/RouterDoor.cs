using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Shoal.Engine.PortMapping;
using Shoal.Protocol.PortMapping;
using Shoal.Sockets.PortMapping;

namespace Shoal.Discovery;

/// <summary>The way in through the router, for the port that a client listens on and that of its DHT node. Thread-safe.</summary>
internal sealed class RouterDoor : IAsyncDisposable
{
    private const int MaximumNewsCount = 16;

    private readonly Channel<PortMappingOutput> _news = Channel.CreateBounded<PortMappingOutput>(
        new BoundedChannelOptions(MaximumNewsCount) { FullMode = BoundedChannelFullMode.DropOldest });

    private readonly Action _portChanged;
    private PortMapper? _mapper;
    private volatile MappedPort? _mapped;
    private volatile MappedPort? _nodeMapped;
    private volatile string? _failure; // to have the TCP port

    private RouterDoor(Action portChanged) => _portChanged = portChanged;

    /// <summary>News of a door that is not there.</summary>
    public static ChannelReader<PortMappingOutput> NoNews
    {
        get
        {
            var none = Channel.CreateBounded<PortMappingOutput>(1);
            none.Writer.Complete();
            return none.Reader;
        }
    }

    /// <summary>What happened, for one reader.</summary>
    public ChannelReader<PortMappingOutput> News => _news.Reader;

    /// <summary>The TCP port that the router lets in; null if it lets in none, or nobody from outside could get as far as the router.</summary>
    public int? ExternalPort => PortOf(_mapped);

    /// <summary>The UDP port that the router lets in to our DHT node; null as <see cref="ExternalPort"/>.</summary>
    public int? ExternalNodePort => PortOf(_nodeMapped);

    /// <summary>Makes one that asks from <see cref="Start"/> on; <paramref name="portChanged"/> is called, on any thread, when one of the external ports may have changed.</summary>
    public static RouterDoor Create(ShoalOptions options, IPEndPoint listening, Action portChanged)
    {
        var door = new RouterDoor(portChanged);
        if (IPAddress.IsLoopback(listening.Address) || options.BindAddress?.AddressFamily == AddressFamily.InterNetworkV6)
        {
            door.Tell(new PortMappingOutput.Failed(PortTransport.Tcp, (ushort)listening.Port, $"it listens on {listening.Address} only"));
            return door;
        }

        door._mapper = new PortMapper(
            new PortMapperOptions
            {
                BindAddress = options.BindAddress, Logger = options.LoggerFactory.CreateLogger<PortMapper>(),
            },
            door.Tell);
        door._mapper.Map(PortTransport.Tcp, (ushort)listening.Port);
        return door;
    }

    /// <summary>Begins to ask.</summary>
    public void Start() => _mapper?.Start();

    /// <summary>Asks for the UDP port of our DHT node, too.</summary>
    public void LetNodeIn(int port) => _mapper?.Map(PortTransport.Udp, (ushort)port);

    public async ValueTask DisposeAsync()
    {
        if (_mapper is not null)
        {
            await _mapper.DisposeAsync();
        }

        _news.Writer.TryComplete();
    }

    private void Tell(PortMappingOutput happened)
    {
        switch (happened)
        {
            case PortMappingOutput.Mapped { Port: var port }:
                Set(port.Transport, port);
                break;
            case PortMappingOutput.Lost { Port: var port }:
                Set(port.Transport, null);
                break;
            case PortMappingOutput.Failed { Transport: PortTransport.Tcp } failed:
                _failure = failed.Reason;
                break;
            case PortMappingOutput.Failed failed when failed.Reason == _failure:
            case PortMappingOutput.Renewed:
                return; // no news
        }

        _news.Writer.TryWrite(happened);
    }

    private void Set(PortTransport transport, MappedPort? port)
    {
        if (transport == PortTransport.Tcp)
        {
            (_mapped, _failure) = (port, null);
        }
        else
        {
            _nodeMapped = port;
        }

        _portChanged();
    }

    private static int? PortOf(MappedPort? mapped) => mapped is { IsPublic: true } ? mapped.External.Port : null;
}
