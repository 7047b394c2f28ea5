using System.Net;
using System.Text;
using Shoal.Protocol.PortMapping;
using Shoal.Protocol.Tests.Bencode;

namespace Shoal.Protocol.Tests.PortMapping;

/// <summary>What UPnP devices say: read where it is what they should say, dropped where it is not.</summary>
public sealed class UpnpTests
{
    private const string Location = "http://192.168.1.1:5000/root.xml";

    private const string SsdpAnswer =
        "HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\nST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\nlocation:   " + Location + "  \r\nEXT:\r\n\r\n";

    private static readonly PeerAddress Router = PeerAddress.From(IPAddress.Parse("192.168.1.1"), 1900);

    private static readonly string Description = Device(
        Service("urn:schemas-upnp-org:service:Layer3Forwarding:1", "/ctl/L3F") +
        "<deviceList><device><deviceType>urn:schemas-upnp-org:device:WANDevice:1</deviceType>" +
        Service("urn:schemas-upnp-org:service:WANPPPConnection:1", "http://192.168.1.1:5000/ctl/Ppp") +
        Service(UpnpService.WanIPConnection1, "ctl/Ip") + "</device></deviceList>");

    private static string Service(string type, string control) =>
        $"<serviceList><service><serviceType>{type}</serviceType><serviceId>x</serviceId><SCPDURL>/x.xml</SCPDURL><controlURL>{control}</controlURL></service></serviceList>";

    private static string Device(string inside, string before = "") =>
        $"<?xml version=\"1.0\"?>\r\n{before}<root xmlns=\"urn:schemas-upnp-org:device-1-0\"><specVersion><major>1</major></specVersion><device>{inside}</device></root>";

    private static IReadOnlyList<UpnpService> Services(string document) => UpnpReader.ReadServices(Encoding.UTF8.GetBytes(document), new Uri(Location));

    private static UpnpAnswer Answer(string document) => UpnpReader.ReadAnswer(Encoding.UTF8.GetBytes(document));

    [Fact]
    public void A_search_is_as_the_architecture_draws_it() => Assert.Equal(
        "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 2\r\nST: upnp:rootdevice\r\n\r\n",
        Encoding.ASCII.GetString(SsdpCodec.WriteSearch("upnp:rootdevice", 2)));

    [Theory]
    [InlineData(SsdpAnswer, true)]
    [InlineData("HTTP/1.1 200 OK\nLocation: " + Location + "\n\n", true)]
    [InlineData("HTTP/1.1 404 Not Found\r\nLOCATION: " + Location + "\r\n\r\n", false)]
    [InlineData("NOTIFY * HTTP/1.1\r\nLOCATION: " + Location + "\r\n\r\n", false)]
    [InlineData("HTTP/1.1 200 OK\r\nLOCATION: http://192.168.1.9:5000/root.xml\r\n\r\n", false)]  // speaks for another
    [InlineData("HTTP/1.1 200 OK\r\nLOCATION: http://router.example/root.xml\r\n\r\n", false)]    // a name
    [InlineData("HTTP/1.1 200 OK\r\nLOCATION: http://u:p@192.168.1.1/root.xml\r\n\r\n", false)]
    [InlineData("HTTP/1.1 200 OK\r\nLOCATION: https://192.168.1.1/root.xml\r\n\r\n", false)]
    [InlineData("HTTP/1.1 200 OK\r\nLOCATION: file:///etc/passwd\r\n\r\n", false)]
    [InlineData("HTTP/1.1 200 OK\r\nLOCATION: /root.xml\r\n\r\n", false)]
    [InlineData("HTTP/1.1 200 OK\r\n\r\n", false)]
    [InlineData("", false)]
    public void Only_a_place_at_the_answering_host_itself_is_taken(string answer, bool isTaken)
    {
        Assert.Equal(isTaken, SsdpCodec.TryReadLocation(Encoding.ASCII.GetBytes(answer), Router, out var location));
        Assert.Equal(isTaken ? Location : null, location?.ToString());
    }

    [Fact]
    public void An_address_that_is_too_long_is_not_taken() => Assert.False(SsdpCodec.TryReadLocation(
        Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nLOCATION: {Location}{new string('x', 600)}\r\n\r\n"), Router, out _));

    [Fact]
    public void Services_are_found_wherever_they_are_the_best_first() => Assert.Equal(
        [
            new UpnpService(UpnpService.WanIPConnection1, new Uri("http://192.168.1.1:5000/ctl/Ip")),
            new UpnpService(UpnpService.WanPppConnection1, new Uri("http://192.168.1.1:5000/ctl/Ppp")),
        ],
        Services(Description));

    [Fact]
    public void Rubbish_after_a_description_does_no_harm() => Assert.Equal(2, Services(Description + "\0\0\0").Count);

    [Theory]
    [InlineData("http://192.168.1.1:5001/base/", "ctl", "http://192.168.1.1:5001/base/ctl")]
    [InlineData("http://192.168.1.9:5001/base/", "ctl", "http://192.168.1.1:5000/ctl")] // another host's base counts for nothing
    public void A_base_counts_where_it_is_the_devices_own(string origin, string control, string url)
    {
        var document = Device(Service(UpnpService.WanIPConnection2, control)).Replace("<device>", $"<URLBase>{origin}</URLBase><device>", StringComparison.Ordinal);
        Assert.Equal(url, Assert.Single(Services(document)).ControlUrl.ToString());
    }

    [Theory]
    [InlineData("http://192.168.1.9:5000/ctl")]
    [InlineData("http://localhost/ctl")]
    [InlineData("//example.org/ctl")]
    [InlineData("https://192.168.1.1/ctl")]
    [InlineData("file:///etc/passwd")]
    [InlineData("")]
    public void A_service_at_another_host_is_passed_over(string control) => Assert.Empty(Services(Device(Service(UpnpService.WanIPConnection1, control))));

    [Fact]
    public void Entities_and_document_types_are_not_looked_at()
    {
        var levels = string.Concat(Enumerable.Range(1, 9).Select(i => $"<!ENTITY l{i} \"{string.Concat(Enumerable.Repeat($"&l{i - 1};", 10))}\">"));
        Assert.Empty(Services(Device(Service(UpnpService.WanIPConnection1, "/&l9;"), $"<!DOCTYPE r [<!ENTITY l0 \"ha\">{levels}]>")));
        Assert.Empty(Services(Device(Service(UpnpService.WanIPConnection1, "/&x;"), "<!DOCTYPE r [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>")));
        Assert.Empty(Services(Device(Service(UpnpService.WanIPConnection1, "/ctl"), "<!DOCTYPE r SYSTEM \"http://example.org/r.dtd\">")));
    }

    [Fact]
    public void What_is_too_long_too_deep_or_too_much_is_cut_off()
    {
        var service = Service(UpnpService.WanIPConnection1, "/ctl");
        Assert.Empty(Services(Device($"<x>{new string('x', UpnpReader.MaximumLength)}</x>{service}")));
        Assert.Empty(Services(Device(string.Concat(Enumerable.Repeat("<d>", 5000)) + service)));
        Assert.Equal(16, Services(Device(string.Concat(Enumerable.Repeat(service, 400)))).Count);
    }

    [Fact]
    public void Orders_are_well_formed_and_say_what_was_meant()
    {
        var service = new UpnpService(UpnpService.WanIPConnection1, new Uri("http://192.168.1.1/"));
        var order = UpnpWriter.AddMapping(service, PortTransport.Tcp, 6881, PeerAddress.From(IPAddress.Parse("192.168.1.2"), 51413), 3600, anyPort: false);
        Assert.Equal("\"urn:schemas-upnp-org:service:WANIPConnection:1#AddPortMapping\"", order.Action);
        var body = System.Xml.Linq.XDocument.Parse(Encoding.UTF8.GetString(order.Body.Span));
        var action = body.Descendants().Single(element => element.Name == System.Xml.Linq.XName.Get("AddPortMapping", service.Type));
        Assert.Equal(
            "NewRemoteHost= NewExternalPort=6881 NewProtocol=TCP NewInternalPort=51413 NewInternalClient=192.168.1.2 NewEnabled=1 " +
            "NewPortMappingDescription=Shoal NewLeaseDuration=3600",
            string.Join(' ', action.Elements().Select(element => $"{element.Name}={element.Value}")));
        Assert.EndsWith("#AddAnyPortMapping\"", UpnpWriter.AddMapping(service, PortTransport.Udp, 1, Router, 0, anyPort: true).Action, StringComparison.Ordinal);
        Assert.EndsWith("#DeletePortMapping\"", UpnpWriter.DeleteMapping(service, PortTransport.Udp, 1).Action, StringComparison.Ordinal);
        Assert.EndsWith("#GetExternalIPAddress\"", UpnpWriter.GetExternalAddress(service).Action, StringComparison.Ordinal);
    }

    [Fact]
    public void Answers_are_read()
    {
        var address = PeerAddress.From(IPAddress.Parse("198.51.100.7"), 0);
        Assert.Equal(new UpnpAnswer(null, null, address, null), Answer(Soap("<u:GetExternalIPAddressResponse xmlns:u=\"x\"><NewExternalIPAddress> 198.51.100.7 </NewExternalIPAddress></u:GetExternalIPAddressResponse>")));
        Assert.Equal(new UpnpAnswer(null, null, null, 6882), Answer(Soap("<r><NewReservedPort>6882</NewReservedPort></r>")));
        Assert.Equal(new UpnpAnswer(718, "Conflict?[31m", null, null), Answer(Soap(
            "<s:Fault><faultcode>s:Client</faultcode><detail><UPnPError><errorCode>718</errorCode><errorDescription>Conflict\u009b[31m</errorDescription></UPnPError></detail></s:Fault>")));
        Assert.Equal(UpnpReader.MaximumTextLength, Answer($"<a><errorDescription>{new string('x', 5000)}</errorDescription></a>").ErrorText!.Length);
        Assert.Equal(default, Answer("<html><body>Login</body></html>"));
        Assert.Equal(default, Answer(Soap("<r><NewExternalIPAddress>router.example</NewExternalIPAddress><NewReservedPort>70000</NewReservedPort></r>")));
        Assert.Equal(default, Answer(""));
    }

    [Fact]
    public void Damage_and_cuts_anywhere_never_throw_and_never_lead_to_another_host()
    {
        byte[][] originals =
        [
            Encoding.UTF8.GetBytes(Description), Encoding.Unicode.GetBytes(Description), Encoding.ASCII.GetBytes(SsdpAnswer),
            Encoding.UTF8.GetBytes(Soap("<r><NewExternalIPAddress>198.51.100.7</NewExternalIPAddress><NewReservedPort>6881</NewReservedPort></r>")),
            Encoding.UTF8.GetBytes(Soap("<f><UPnPError><errorCode>718</errorCode><errorDescription>taken</errorDescription></UPnPError></f>")),
        ];
        for (var seed = 0; seed < 6000; seed++)
        {
            var bytes = Fuzz.Damage(originals[seed % originals.Length], seed);
            Assert.All(UpnpReader.ReadServices(bytes, new Uri(Location)), service => Assert.Equal("192.168.1.1", service.ControlUrl.Host));
            UpnpReader.ReadAnswer(bytes);
            Assert.True(!SsdpCodec.TryReadLocation(bytes, Router, out var location) || location.Host == "192.168.1.1");
        }

        foreach (var original in originals)
        {
            for (var length = 0; length < original.Length; length++)
            {
                var cut = original.AsMemory(0, length);
                UpnpReader.ReadAnswer(cut);
                Assert.All(UpnpReader.ReadServices(cut, new Uri(Location)), service => Assert.Equal("192.168.1.1", service.ControlUrl.Host));
                Assert.True(!SsdpCodec.TryReadLocation(cut.Span, Router, out var location) || location.Host == "192.168.1.1");
            }
        }
    }

    private static string Soap(string inside) =>
        $"<?xml version=\"1.0\"?><s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>{inside}</s:Body></s:Envelope>";
}
