using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using Shoal.Engine.PortMapping;
using Shoal.Protocol;
using Shoal.Protocol.PortMapping;

namespace Shoal.Engine.Tests.PortMapping;

/// <summary>A router of home size that answers at once, in the ways that it is told to know, and remembers what it maps.</summary>
internal sealed class ToyRouter
{
    public static readonly PeerAddress Address = PeerAddress.From(IPAddress.Parse("192.168.1.1"), NatPmpCodec.GatewayPort);
    public static readonly PeerAddress Client = PeerAddress.From(IPAddress.Parse("192.168.1.2"), 0);
    private static readonly Uri Location = new("http://192.168.1.1:5000/root.xml");

    /// <summary>The ways that it knows.</summary>
    public HashSet<MappingProtocol> Knows { get; } = [];

    /// <summary>Whether it says so when it is asked in PCP and knows NAT-PMP only, or nothing.</summary>
    public bool IsPolite { get; set; } = true;

    public PeerAddress External { get; set; } = PeerAddress.From(IPAddress.Parse("198.51.100.7"), 0);

    public PcpResult PcpResult { get; set; }

    public NatPmpResult NatPmpResult { get; set; }

    /// <summary>Errors with which UPnP's orders to add are answered, one after the other.</summary>
    public Queue<int> UpnpErrors { get; } = new();

    public int IgdVersion { get; set; } = 1;

    /// <summary>External ports that others have.</summary>
    public HashSet<ushort> Taken { get; } = [];

    public TimeSpan Lifetime { get; set; } = TimeSpan.FromDays(365);

    /// <summary>What it gives at least, whatever it is asked for.</summary>
    public TimeSpan LeastLifetime { get; set; }

    /// <summary>When it was switched on.</summary>
    public Instant StartedAt { get; set; } = Instant.Zero;

    /// <summary>Tells another time than that since it was switched on.</summary>
    public Func<uint>? Clock { get; set; }

    public Dictionary<(PortTransport, ushort External), (ushort Internal, uint Lifetime)> Table { get; } = [];

    /// <summary>What it was asked, in words, in order.</summary>
    public List<string> Asked { get; } = [];

    public IEnumerable<PortMappingInput> Answer(Instant now, PortMappingOutput output)
    {
        var epoch = Clock?.Invoke() ?? (uint)((now - StartedAt).TotalSeconds + 1);
        switch (output)
        {
            case PortMappingOutput.ToGateway { Packet.Span: var packet }:
                return AnswerDatagram(packet, epoch) is { } answer ? [answer] : [];
            case PortMappingOutput.Search { Packet.Span: var packet }:
                Asked.Add("search");
                return Knows.Contains(MappingProtocol.Upnp) && packet.IndexOf("InternetGatewayDevice:1"u8) > 0
                    ? [new PortMappingInput.SearchAnswer(Address.WithPort(1900), Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nLOCATION: {Location}\r\n\r\n"))]
                    : [];
            case PortMappingOutput.Http http:
                var (status, body) = AnswerHttp(http);
                return [new PortMappingInput.HttpAnswer(http.Id, status, Encoding.UTF8.GetBytes(body), status == 0 ? "cannot be connected to" : null)];
            default:
                return [];
        }
    }

    private PortMappingInput? AnswerDatagram(ReadOnlySpan<byte> packet, uint epoch)
    {
        var isPcp = PcpCodec.TryReadMapRequest(packet, out var pcp);
        var isMap = NatPmpCodec.TryReadMapRequest(packet, out var map);
        Asked.Add(isPcp ? "PCP" : isMap ? "NAT-PMP" : "address");
        if (!Knows.Contains(isPcp ? MappingProtocol.Pcp : MappingProtocol.NatPmp))
        {
            return IsPolite && Knows.Contains(MappingProtocol.NatPmp) ? Datagram([0, 0x81, 0, 1, 0, 0, 0, 0]) : IsPolite ? new PortMappingInput.Unreachable() : null;
        }

        if (isPcp)
        {
            var granted = Granted(pcp.LifetimeSeconds);
            var port = PcpResult == PcpResult.Success ? Map(pcp.Map.Transport, pcp.Map.InternalPort, pcp.Map.External.Port, granted) : pcp.Map.External.Port;
            return Datagram(PcpCodec.WriteMapReply(new PcpMapReply(PcpResult, granted, epoch, pcp.Map with { External = External.WithPort(port) })));
        }

        if (!isMap)
        {
            return Datagram(NatPmpCodec.WriteAddressReply(new NatPmpAddressReply(NatPmpResult, epoch, External)));
        }

        var lifetime = Granted(map.LifetimeSeconds);
        var external = Map(map.Transport, map.InternalPort, map.ExternalPort, lifetime);
        return Datagram(NatPmpCodec.WriteMapReply(new NatPmpMapReply(NatPmpResult, epoch, map with { ExternalPort = external, LifetimeSeconds = lifetime })));
    }

    private static PortMappingInput.Datagram Datagram(byte[] packet) => new(Address, packet);

    private ushort Map(PortTransport transport, ushort inside, ushort outside, uint lifetime)
    {
        foreach (var old in Table.Where(entry => entry.Key.Item1 == transport && entry.Value.Internal == inside).ToList())
        {
            Table.Remove(old.Key);
        }

        outside = Taken.Contains(outside) ? (ushort)(outside + 1) : outside;
        if (lifetime > 0)
        {
            Table[(transport, outside)] = (inside, lifetime);
        }

        return outside;
    }

    private (int Status, string Body) AnswerHttp(PortMappingOutput.Http http)
    {
        if (!Knows.Contains(MappingProtocol.Upnp))
        {
            Asked.Add("nobody");
            return (0, "");
        }

        if (http.Order is not { } order)
        {
            Asked.Add("description");
            var type = $"urn:schemas-upnp-org:service:WANIPConnection:{IgdVersion}";
            return (200, $"<root><device><service><serviceType>{type}</serviceType><controlURL>/ctl</controlURL></service></device></root>");
        }

        var action = Regex.Match(order.Action, "#(.*)\"").Groups[1].Value;
        Asked.Add(action);
        return Obey(action, Encoding.UTF8.GetString(order.Body.Span));
    }

    private (int Status, string Body) Obey(string action, string body)
    {
        string Argument(string name) => Regex.Match(body, $"<New{name}>(.*?)</New{name}>").Groups[1].Value;
        var key = (Argument("Protocol") == "TCP" ? PortTransport.Tcp : PortTransport.Udp, ushort.TryParse(Argument("ExternalPort"), out var port) ? port : (ushort)0);
        switch (action)
        {
            case "GetExternalIPAddress":
                return (200, $"<r><NewExternalIPAddress>{External.ToIPAddress()}</NewExternalIPAddress></r>");
            case "DeletePortMapping":
                return Table.Remove(key) ? (200, "<r/>") : (500, Error(714));
            default:
                if (UpnpErrors.TryDequeue(out var error) || (Taken.Contains(key.Item2) && (error = 718) > 0))
                {
                    return (500, Error(error));
                }

                Table[key] = (ushort.Parse(Argument("InternalPort")), uint.Parse(Argument("LeaseDuration")));
                return (200, action == "AddAnyPortMapping" ? $"<r><NewReservedPort>{port}</NewReservedPort></r>" : "<r/>");
        }
    }

    private static string Error(int code) => $"<f><UPnPError><errorCode>{code}</errorCode><errorDescription>It is so</errorDescription></UPnPError></f>";

    private uint Granted(uint asked) =>
        asked == 0 ? 0 : (uint)Math.Min(Math.Max(asked, LeastLifetime.TotalSeconds), Lifetime.TotalSeconds);
}
