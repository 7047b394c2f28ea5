namespace Shoal.Protocol.PortMapping;

/// <summary>A service of a UPnP device that maps ports.</summary>
/// <param name="Type">Its type, as it is to be called by; one of those that <see cref="UpnpReader"/> knows.</param>
/// <param name="ControlUrl">Where it takes orders: an http address on the device itself.</param>
public sealed record UpnpService(string Type, Uri ControlUrl)
{
    /// <summary>A service that can be asked for any free port (IGD 2).</summary>
    public const string WanIPConnection2 = "urn:schemas-upnp-org:service:WANIPConnection:2";

    /// <summary>The service of most routers (IGD 1).</summary>
    public const string WanIPConnection1 = "urn:schemas-upnp-org:service:WANIPConnection:1";

    /// <summary>The service of routers that dial in (IGD 1).</summary>
    public const string WanPppConnection1 = "urn:schemas-upnp-org:service:WANPPPConnection:1";

    /// <summary>Whether it can be asked for any free port.</summary>
    public bool GivesAnyPort => Type == WanIPConnection2;

    /// <summary>The services that are understood, the best first.</summary>
    internal static IReadOnlyList<string> Types { get; } = [WanIPConnection2, WanIPConnection1, WanPppConnection1];
}
