using System.Net;
using System.Text;
using Shoal.Engine;
using Shoal.Engine.PortMapping;
using Shoal.Protocol;
using Shoal.Protocol.PortMapping;

namespace Shoal.Simulation.Fuzzing.Routers;

/// <summary>
/// A router of home size: maps ports in the ways that it knows, and remembers them for as long as it said. What is wrong with it while the weather lasts,
/// its own clock and grants, is here; what is wrong with the network is not. Not thread-safe.
/// </summary>
internal sealed class VirtualRouter(RouterPlan plan, Prng prng)
{
    private const uint ForEver = 0;

    /// <summary>Where it takes NAT-PMP and PCP.</summary>
    public static readonly PeerAddress Address = PeerAddress.From(IPAddress.Parse("192.168.1.1"), NatPmpCodec.GatewayPort);

    /// <summary>The machine that asks it.</summary>
    public static readonly PeerAddress Client = PeerAddress.From(IPAddress.Parse("192.168.1.2"), 0);

    private static readonly PeerAddress External = PeerAddress.From(IPAddress.Parse("198.51.100.7"), 0);

    private readonly Dictionary<(PortTransport Transport, ushort External), (ushort Internal, Instant Until)> _table = [];
    private Instant _startedAt = Instant.Zero;

    /// <summary>Where it describes itself.</summary>
    public static Uri Location { get; } = new("http://192.168.1.1:5000/root.xml");

    /// <summary>What is wrong with it now.</summary>
    public RouterTrouble Trouble { get; set; }

    /// <summary>Whether it still lets something in to that port of the machine.</summary>
    public bool LetsIn(Instant now, PortTransport transport, ushort inside) =>
        _table.Any(entry => entry.Key.Transport == transport && entry.Value.Internal == inside && entry.Value.Until > now);

    /// <summary>Whether it lets in what is claimed.</summary>
    public bool LetsIn(Instant now, MappedPort port) => port.External.WithPort(0) == External &&
        _table.TryGetValue((port.Transport, port.External.Port), out var entry) && entry.Internal == port.InternalPort && entry.Until > now;

    /// <summary>It forgets everything, and its clock begins anew. Returns what it tells the network then.</summary>
    public IReadOnlyList<byte[]> Restart(Instant now)
    {
        _table.Clear();
        _startedAt = now;
        List<byte[]> said = [];
        if (plan.KnowsPcp)
        {
            said.Add(PcpCodec.WriteAnnouncement(0));
        }

        if (plan.KnowsNatPmp)
        {
            said.Add(NatPmpCodec.WriteAddressReply(new NatPmpAddressReply(NatPmpResult.Success, 0, External)));
        }

        return said;
    }

    /// <summary>What it answers to a datagram at its port; null for nothing. Empty: that nobody listens there.</summary>
    public byte[]? Answer(Instant now, ReadOnlySpan<byte> packet)
    {
        if (PcpCodec.TryReadMapRequest(packet, out var pcp))
        {
            return plan.KnowsPcp ? AnswerPcp(now, pcp) : !plan.IsPolite ? null : plan.KnowsNatPmp ? [0, 0x81, 0, 1, 0, 0, 0, 0] : [];
        }

        if (!plan.KnowsNatPmp)
        {
            return plan.IsPolite ? [] : null;
        }

        return NatPmpCodec.TryReadMapRequest(packet, out var map) ? AnswerNatPmp(now, map)
            : NatPmpCodec.WriteAddressReply(new NatPmpAddressReply(NatPmpResult.Success, Epoch(now), IsEmptyNow() ? default : External));
    }

    /// <summary>What it answers to a search; null for nothing.</summary>
    public byte[]? AnswerSearch(ReadOnlySpan<byte> packet) =>
        plan.KnowsUpnp && packet.IndexOf("InternetGatewayDevice:1"u8) > 0 ? Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nLOCATION: {Location}\r\n\r\n") : null;

    /// <summary>What it answers to HTTP at its address.</summary>
    public (int Status, string Body) AnswerHttp(Instant now, PortMappingOutput.Http http)
    {
        if (!plan.KnowsUpnp || http.Url.Host != Location.Host || http.Url.Port != Location.Port)
        {
            return (0, "");
        }

        if (http.Order is not { } order)
        {
            return http.Url == Location ? (200, Describe($"urn:schemas-upnp-org:service:WANIPConnection:{plan.IgdVersion}", "/ctl")) : (404, "");
        }

        var body = Encoding.UTF8.GetString(order.Body.Span);
        return order.Action[(order.Action.IndexOf('#', StringComparison.Ordinal) + 1)..^1] switch
        {
            "GetExternalIPAddress" => (200, $"<r><NewExternalIPAddress>{(IsEmptyNow() ? "0.0.0.0" : External.ToIPAddress())}</NewExternalIPAddress></r>"),
            "DeletePortMapping" => _table.Remove(KeyOf(body)) ? (200, "<r/>") : (500, Error(714)),
            "AddAnyPortMapping" when plan.IgdVersion == 2 => Add(now, body, $"<NewReservedPort>{KeyOf(body).External}</NewReservedPort>"),
            "AddPortMapping" => Add(now, body, ""),
            _ => (500, Error(401)),
        };
    }

    /// <summary>A description of a device with one service.</summary>
    public static string Describe(string type, string control) =>
        $"<root><device><service><serviceType>{type}</serviceType><controlURL>{control}</controlURL></service></device></root>";

    /// <summary>An error of UPnP.</summary>
    public static string Error(int code) => $"<f><UPnPError><errorCode>{code}</errorCode><errorDescription>It is so</errorDescription></UPnPError></f>";

    private (int Status, string Body) Add(Instant now, string body, string reserved)
    {
        var lease = uint.Parse(Grants.Argument("LeaseDuration", body), System.Globalization.CultureInfo.InvariantCulture);
        if (plan.MapsForEver && lease != ForEver)
        {
            return (500, Error(725));
        }

        var inside = ushort.Parse(Grants.Argument("InternalPort", body), System.Globalization.CultureInfo.InvariantCulture);
        Map(now, KeyOf(body).Transport, inside, KeyOf(body).External, lease == ForEver ? uint.MaxValue : lease);
        return (200, $"<r>{reserved}</r>");
    }

    private byte[] AnswerPcp(Instant now, PcpMapRequest request)
    {
        var isEmpty = request.LifetimeSeconds > 0 && IsEmptyNow();
        var granted = isEmpty ? 0 : Math.Min(request.LifetimeSeconds, (uint)plan.GrantedSeconds);
        var port = request.Map.External.Port == 0 ? request.Map.InternalPort : request.Map.External.Port;
        Map(now, request.Map.Transport, request.Map.InternalPort, port, granted);
        return PcpCodec.WriteMapReply(new PcpMapReply(
            PcpResult.Success, granted, Epoch(now), request.Map with { External = isEmpty ? default : External.WithPort(port) }));
    }

    private byte[] AnswerNatPmp(Instant now, NatPmpMapRequest request)
    {
        var isEmpty = request.LifetimeSeconds > 0 && IsEmptyNow();
        var granted = isEmpty ? 0 : Math.Min(request.LifetimeSeconds, (uint)plan.GrantedSeconds);
        Map(now, request.Transport, request.InternalPort, request.ExternalPort, granted);
        return NatPmpCodec.WriteMapReply(new NatPmpMapReply(NatPmpResult.Success, Epoch(now), request with { LifetimeSeconds = granted }));
    }

    private void Map(Instant now, PortTransport transport, ushort inside, ushort outside, uint seconds)
    {
        foreach (var key in _table.Where(entry => entry.Key.Transport == transport && entry.Value.Internal == inside).Select(entry => entry.Key).ToArray())
        {
            _table.Remove(key);
        }

        if (seconds > 0)
        {
            _table[(transport, outside)] = (inside, now + TimeSpan.FromSeconds(seconds));
        }
    }

    private bool IsEmptyNow() => Trouble.HasFlag(RouterTrouble.EmptyGrants) && prng.Next(3) > 0;

    private uint Epoch(Instant now) => Trouble.HasFlag(RouterTrouble.WrongEpochs) ? (uint)prng.NextUInt64() : (uint)(now - _startedAt).TotalSeconds;

    private static (PortTransport Transport, ushort External) KeyOf(string body) => (
        Grants.Argument("Protocol", body) == "TCP" ? PortTransport.Tcp : PortTransport.Udp,
        ushort.Parse(Grants.Argument("ExternalPort", body), System.Globalization.CultureInfo.InvariantCulture));
}
