using System.Text;
using System.Text.RegularExpressions;
using Shoal.Engine.PortMapping;
using Shoal.Protocol;
using Shoal.Protocol.PortMapping;

namespace Shoal.Simulation.Fuzzing.Routers;

/// <summary>A port that an answer grants, and for how long.</summary>
internal sealed record Grant(MappedPort Port, uint LifetimeSeconds);

/// <summary>
/// Knows what was asked last in each way, and so what an answer grants: nothing that was not asked for, does not come from who was asked, or
/// does not name the mapping.
/// </summary>
internal sealed partial class Grants(PeerAddress gateway, uint lifetimeSeconds)
{
    private byte[] _packet = [];
    private PeerAddress _natPmpAddress;
    private PortMappingOutput.Http? _http;
    private PeerAddress _upnpAddress;

    /// <summary>Something is asked.</summary>
    public void Asked(PortMappingOutput output)
    {
        if (output is PortMappingOutput.ToGateway { Packet: var packet })
        {
            _packet = packet.ToArray();
        }
        else if (output is PortMappingOutput.Http http)
        {
            _http = http;
        }
    }

    /// <summary>What the input grants; null for nothing.</summary>
    public Grant? Of(PortMappingInput input) => input switch
    {
        PortMappingInput.Datagram datagram when datagram.Source == gateway => OfPacket(datagram.Packet.Span),
        PortMappingInput.HttpAnswer answer when answer.Id == _http?.Id => OfHttp(answer),
        _ => null,
    };

    private Grant? OfPacket(ReadOnlySpan<byte> packet)
    {
        if (PcpCodec.TryReadMapRequest(_packet, out var pcp))
        {
            return pcp.LifetimeSeconds > 0 && PcpCodec.TryReadMapReply(packet, out var mapped) &&
                mapped is { Result: PcpResult.Success, LifetimeSeconds: > 0, Map.External.IsUnreachable: false } &&
                mapped.Map with { External = pcp.Map.External } == pcp.Map
                ? new Grant(new MappedPort(pcp.Map.Transport, pcp.Map.InternalPort, mapped.Map.External, MappingProtocol.Pcp), mapped.LifetimeSeconds)
                : null;
        }

        if (NatPmpCodec.TryReadMapRequest(_packet, out var asked))
        {
            return asked.LifetimeSeconds > 0 && NatPmpCodec.TryReadMapReply(packet, out var reply) &&
                reply is { Result: NatPmpResult.Success, Map: { LifetimeSeconds: > 0, ExternalPort: > 0 } } &&
                (reply.Map.Transport, reply.Map.InternalPort) == (asked.Transport, asked.InternalPort)
                ? new Grant(
                    new MappedPort(asked.Transport, asked.InternalPort, _natPmpAddress.WithPort(reply.Map.ExternalPort), MappingProtocol.NatPmp), reply.Map.LifetimeSeconds)
                : null;
        }

        if (NatPmpCodec.TryReadAddressReply(packet, out var address) && address.Result == NatPmpResult.Success)
        {
            _natPmpAddress = address.Address;
        }

        return null;
    }

    private Grant? OfHttp(PortMappingInput.HttpAnswer answer)
    {
        if (_http is not { Order: { } order } || answer.Status != 200)
        {
            return null;
        }

        _http = null; // the next of that number is another's
        var read = UpnpReader.ReadAnswer(answer.Body);
        if (order.Action.EndsWith("#GetExternalIPAddress\"", StringComparison.Ordinal))
        {
            _upnpAddress = read.ExternalAddress ?? _upnpAddress;
            return null;
        }

        var isAny = order.Action.EndsWith("#AddAnyPortMapping\"", StringComparison.Ordinal);
        if ((!isAny && !order.Action.EndsWith("#AddPortMapping\"", StringComparison.Ordinal)) || read.ErrorCode is not null)
        {
            return null;
        }

        var body = Encoding.UTF8.GetString(order.Body.Span);
        var asked = ushort.Parse(Argument("ExternalPort", body), System.Globalization.CultureInfo.InvariantCulture);
        var external = isAny && read.ReservedPort is > 0 and var reserved ? reserved : asked;
        var transport = Argument("Protocol", body) == "TCP" ? PortTransport.Tcp : PortTransport.Udp;
        var inside = ushort.Parse(Argument("InternalPort", body), System.Globalization.CultureInfo.InvariantCulture);
        return new Grant(new MappedPort(transport, inside, _upnpAddress.WithPort(external), MappingProtocol.Upnp), lifetimeSeconds);
    }

    /// <summary>An argument of an order to a UPnP service; empty if it has none of that name.</summary>
    public static string Argument(string name, string body) =>
        Arguments().Matches(body).FirstOrDefault(match => match.Groups["name"].Value == name)?.Groups["value"].Value ?? "";

    [GeneratedRegex("<New(?<name>[A-Za-z]+)>(?<value>[^<]*)</New", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex Arguments();
}
