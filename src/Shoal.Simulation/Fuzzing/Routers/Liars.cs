using System.Net;
using System.Text;
using Shoal.Engine;
using Shoal.Engine.PortMapping;
using Shoal.Protocol;
using Shoal.Protocol.PortMapping;

namespace Shoal.Simulation.Fuzzing.Routers;

/// <summary>What others on the network say in place of a router, and what damage may do to its HTTP. Not thread-safe.</summary>
internal sealed class Liars(Prng prng)
{
    private const int MostRepeats = 400;

    private static readonly string[] Types = [UpnpService.WanIPConnection1, UpnpService.WanIPConnection2, UpnpService.WanPppConnection1, "urn:other:1"];

    private static readonly PeerAddress Far = PeerAddress.From(IPAddress.Parse("203.0.113.9"), 1900);

    /// <summary>An answer to a search: from somebody near or far, in the name of the asker itself, or of nobody.</summary>
    public PortMappingInput.SearchAnswer SearchAnswer()
    {
        var source = prng.Next(8) switch
        {
            0 => Far,
            1 => VirtualRouter.Client.WithPort(1900),
            2 => PeerAddress.From(IPAddress.Loopback, 1900),
            _ => Near().WithPort(1900),
        };
        var text = $"HTTP/1.1 200 OK\r\nST: urn:x\r\nLOCATION: {Place(source)}\r\n\r\n";
        var packet = Encoding.ASCII.GetBytes(text);
        return new PortMappingInput.SearchAnswer(source, prng.Next(4) == 0 ? Mangle.Any(packet, prng) : packet);
    }

    /// <summary>What one of them answers to HTTP.</summary>
    public (int Status, byte[] Body) AnswerHttp(PortMappingOutput.Http http)
    {
        var status = ((int[])[200, 200, 200, 302, 500, 0])[prng.Next(6)];
        var host = http.Url.GetLeftPart(UriPartial.Authority);
        var text = http.Order is null ? Description(host) : prng.Next(4) switch
        {
            0 => VirtualRouter.Error(((int[])[718, 725, 401, 402, 606, 728, 729, 99_999])[prng.Next(8)]),
            1 => $"<r><NewExternalIPAddress>{((string[])["198.51.100.66", "10.0.0.1", "0.0.0.0", "router.example"])[prng.Next(4)]}</NewExternalIPAddress></r>",
            2 => $"<r><NewReservedPort>{prng.Next(100_000) - 10}</NewReservedPort></r>",
            _ => "<r/>",
        };
        return (status, prng.Next(3) == 0 ? Damage(Encoding.UTF8.GetBytes(text)) : Encoding.UTF8.GetBytes(text));
    }

    /// <summary>A body that is damaged, cut, or as long as a driver lets it be.</summary>
    public byte[] Damage(byte[] body) => prng.Next(6) switch
    {
        0 => [.. body, .. new byte[UpnpReader.MaximumLength - body.Length]],
        1 => Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("<d>", 1 + prng.Next(MostRepeats)))),
        2 => Encoding.UTF8.GetBytes($"<!DOCTYPE r [<!ENTITY a \"{new string('a', 100)}\"><!ENTITY b \"&a;&a;&a;&a;\">]><r>&b;</r>"),
        _ => Mangle.Any(body, prng),
    };

    // Of many services, some elsewhere.
    private string Description(string host)
    {
        var text = new StringBuilder("<root>");
        if (prng.Next(3) == 0)
        {
            text.Append($"<URLBase>{Place(Near())}</URLBase>");
        }

        for (var i = prng.Next(4) == 0 ? prng.Next(40) : 1; i > 0; i--)
        {
            var control = prng.Next(5) switch
            {
                0 => Place(Near()),
                1 => "//203.0.113.9/ctl",
                2 => $"{host}/{new string('x', prng.Next(600))}",
                _ => "/ctl",
            };
            text.Append($"<service><serviceType>{Types[prng.Next(Types.Length)]}</serviceType><controlURL>{control}</controlURL></service>");
        }

        return text.Append("</root>").ToString();
    }

    private string Place(PeerAddress source) => prng.Next(8) switch
    {
        0 => $"http://{Near().ToIPAddress()}/root.xml",
        1 => "http://203.0.113.9/root.xml",
        2 => $"http://{VirtualRouter.Client.ToIPAddress()}/root.xml",
        3 => "http://router.example/root.xml",
        4 => $"http://{source.ToIPAddress()}:{1 + prng.Next(65_535)}/{prng.Next(1000)}",
        _ => $"http://{source.ToIPAddress()}/root.xml",
    };

    private PeerAddress Near() => PeerAddress.FromBytes([192, 168, 1, (byte)(10 + prng.Next(20))], 0);
}
