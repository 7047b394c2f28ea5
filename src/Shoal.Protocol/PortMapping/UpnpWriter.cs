using System.Text;

namespace Shoal.Protocol.PortMapping;

/// <summary>An order to a UPnP service: what goes into an HTTP POST.</summary>
/// <param name="Action">The value of the SOAPAction header, with its quotation marks.</param>
/// <param name="Body">The envelope, UTF-8.</param>
public readonly record struct UpnpOrder(string Action, ReadOnlyMemory<byte> Body);

/// <summary>
/// Writes the orders that map ports (WANIPConnection:1 and :2, 2.4 and 2.5). Every argument is a number, an address or text of ours, so nothing needs escaping.
/// </summary>
public static class UpnpWriter
{
    /// <summary>What routers show as the owner of the mapping.</summary>
    private const string Description = "Shoal";

    /// <summary>Asks for the external address.</summary>
    public static UpnpOrder GetExternalAddress(UpnpService service) => Order(service, "GetExternalIPAddress", "");

    /// <summary>Asks for a mapping; a service that <see cref="UpnpService.GivesAnyPort"/> may be let choose another port.</summary>
    /// <param name="service">The service.</param>
    /// <param name="transport">What the port belongs to.</param>
    /// <param name="externalPort">The port outside.</param>
    /// <param name="client">The address and port inside.</param>
    /// <param name="leaseSeconds">How long; 0 for ever.</param>
    /// <param name="anyPort">Whether another port outside will do.</param>
    public static UpnpOrder AddMapping(
        UpnpService service, PortTransport transport, ushort externalPort, PeerAddress client, uint leaseSeconds, bool anyPort) => Order(
        service,
        anyPort ? "AddAnyPortMapping" : "AddPortMapping",
        Outside(transport, externalPort) +
        $"<NewInternalPort>{client.Port}</NewInternalPort><NewInternalClient>{client.ToIPAddress()}</NewInternalClient><NewEnabled>1</NewEnabled>" +
        $"<NewPortMappingDescription>{Description}</NewPortMappingDescription><NewLeaseDuration>{leaseSeconds}</NewLeaseDuration>");

    /// <summary>Ends a mapping.</summary>
    public static UpnpOrder DeleteMapping(UpnpService service, PortTransport transport, ushort externalPort) =>
        Order(service, "DeletePortMapping", Outside(transport, externalPort));

    private static string Outside(PortTransport transport, ushort externalPort) =>
        $"<NewRemoteHost></NewRemoteHost><NewExternalPort>{externalPort}</NewExternalPort>" +
        $"<NewProtocol>{(transport == PortTransport.Tcp ? "TCP" : "UDP")}</NewProtocol>";

    private static UpnpOrder Order(UpnpService service, string action, string arguments) => new(
        $"\"{service.Type}#{action}\"",
        Encoding.UTF8.GetBytes(
            "<?xml version=\"1.0\"?>\r\n" +
            "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\"><s:Body>" +
            $"<u:{action} xmlns:u=\"{service.Type}\">{arguments}</u:{action}></s:Body></s:Envelope>\r\n"));
}
