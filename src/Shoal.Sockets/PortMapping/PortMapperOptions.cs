using System.Net;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Shoal.Engine.PortMapping;
using Shoal.Protocol.PortMapping;

namespace Shoal.Sockets.PortMapping;

/// <summary>How a <see cref="PortMapper"/> maps ports. Immutable.</summary>
public sealed record PortMapperOptions
{
    /// <summary>The address of this machine to speak from. Null: the one that leads to the router.</summary>
    public IPAddress? BindAddress { get; init; }

    /// <summary>The ways to try, in this order. PCP, then NAT-PMP, then UPnP.</summary>
    public IReadOnlyList<MappingProtocol> Protocols { get; init; } = [MappingProtocol.Pcp, MappingProtocol.NatPmp, MappingProtocol.Upnp];

    /// <summary>For how long a port is asked for at a time; it is renewed at half of it. One hour.</summary>
    public TimeSpan Lifetime { get; init; } = TimeSpan.FromHours(1);

    /// <summary>How long the end waits for the router to hear of it. 2 s.</summary>
    public TimeSpan ReleasePatience { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Told of each mapping at Information, of failures at Warning. Belongs to the caller. None.</summary>
    public ILogger Logger { get; init; } = NullLogger.Instance;

    /// <summary>The router, with its port for PCP and NAT-PMP. Null: the default gateway.</summary>
    internal IPEndPoint? Gateway { get; init; }

    /// <summary>Whom a search for UPnP devices is sent to.</summary>
    internal IPEndPoint SearchGroup { get; init; } = new(IPAddress.Parse(SsdpCodec.Group), SsdpCodec.Port);

    /// <summary>The port at which routers tell of themselves; 0 to not listen.</summary>
    internal int AnnouncementPort { get; init; } = NatPmpCodec.AnnouncementPort;

    /// <summary>How long a request to a device may take in all.</summary>
    internal TimeSpan HttpPatience { get; init; } = TimeSpan.FromSeconds(5);
}
