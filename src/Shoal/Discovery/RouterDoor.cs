using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Shoal.Engine.PortMapping;
using Shoal.Protocol.PortMapping;
using Shoal.Sockets.PortMapping;

namespace Shoal.Discovery;

/// <summary>The way in through the router, for the port that a client listens on. Thread-safe.</summary>
internal sealed class RouterDoor : IAsyncDisposable
{
    private const int MaximumNewsCount = 16;

    private readonly Channel<PortMappingOutput> _news = Channel.CreateBounded<PortMappingOutput>(
        new BoundedChannelOptions(MaximumNewsCount) { FullMode = BoundedChannelFullMode.DropOldest });

    private readonly Action _portChanged;
    private PortMapper? _mapper;
    private volatile MappedPort? _mapped;

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
    public int? ExternalPort => _mapped is { IsPublic: true } mapped ? mapped.External.Port : null;

    /// <summary>Begins to ask for it; <paramref name="portChanged"/> is called, on any thread, when <see cref="ExternalPort"/> may have changed.</summary>
    public static RouterDoor Open(ShoalOptions options, IPEndPoint listening, Action portChanged)
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
                TcpPort = (ushort)listening.Port, BindAddress = options.BindAddress, Logger = options.LoggerFactory.CreateLogger<PortMapper>(),
            },
            door.Tell);
        door._mapper.Start();
        return door;
    }

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
        if (happened is PortMappingOutput.Mapped or PortMappingOutput.Lost)
        {
            _mapped = (happened as PortMappingOutput.Mapped)?.Port;
            _portChanged();
        }

        if (happened is not PortMappingOutput.Renewed)
        {
            _news.Writer.TryWrite(happened);
        }
    }
}
