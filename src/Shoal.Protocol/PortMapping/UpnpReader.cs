using System.Net;
using System.Text;
using System.Xml;

namespace Shoal.Protocol.PortMapping;

/// <summary>What a UPnP service answered to an order; what it did not say is null.</summary>
/// <param name="ErrorCode">UPnP's error, if it was one.</param>
/// <param name="ErrorText">What the device says of the error: at most <see cref="UpnpReader.MaximumTextLength"/> printable characters.</param>
/// <param name="ExternalAddress">The external address, with port 0.</param>
/// <param name="ReservedPort">The external port that it chose.</param>
public readonly record struct UpnpAnswer(int? ErrorCode, string? ErrorText, PeerAddress? ExternalAddress, ushort? ReservedPort);

/// <summary>
/// Reads the XML of UPnP devices (UPnP Device Architecture 1.1, 2.3 and 3.1.3): no document types, so no entities but XML's own five; nothing
/// is fetched; length, depth and counts are bounded. It never throws. What was read before an error counts, since some routers end theirs with zeros.
/// </summary>
public static class UpnpReader
{
    /// <summary>The longest document that is read, in bytes.</summary>
    public const int MaximumLength = 128 * 1024;

    /// <summary>The most characters that are taken of an error's text.</summary>
    public const int MaximumTextLength = 80;

    private const int MaximumDepth = 32;
    private const int MaximumServiceCount = 16;
    private const int MaximumUrlLength = 512;

    /// <summary>Reads the services of a device that map ports, the best first; none if there is none, or it is no description.</summary>
    /// <param name="document">The description.</param>
    /// <param name="location">Where it came from. A service that is to be called at another host is passed over.</param>
    public static IReadOnlyList<UpnpService> ReadServices(ReadOnlyMemory<byte> document, Uri location)
    {
        List<UpnpService> found = [];
        if (!IPAddress.TryParse(location.IdnHost, out var address))
        {
            return found;
        }

        var (host, origin, type, control) = (PeerAddress.From(address, 0), location, "", "");
        Read(document, (name, text) =>
        {
            switch (name)
            {
                case "URLBase" when Uri.TryCreate(text, UriKind.Absolute, out var named) && SsdpCodec.IsAt(named, host):
                    origin = named;
                    break;
                case "serviceType":
                    type = text;
                    break;
                case "controlURL":
                    control = text;
                    break;
                case "/service":
                    if (UpnpService.Types.Contains(type) && control.Length is > 0 and <= MaximumUrlLength &&
                        Uri.TryCreate(origin, control, out var url) && SsdpCodec.IsAt(url, host))
                    {
                        found.Add(new UpnpService(type, url));
                    }

                    (type, control) = ("", "");
                    break;
                default:
                    break;
            }

            return found.Count < MaximumServiceCount;
        });
        return [.. found.OrderBy(service => UpnpService.Types.Index().First(known => known.Item == service.Type).Index)];
    }

    /// <summary>Reads the answer to an order.</summary>
    public static UpnpAnswer ReadAnswer(ReadOnlyMemory<byte> document)
    {
        var answer = default(UpnpAnswer);
        Read(document, (name, text) =>
        {
            answer = name switch
            {
                "errorCode" when int.TryParse(text, out var code) => answer with { ErrorCode = code },
                "errorDescription" => answer with { ErrorText = Printable(text) },
                "NewExternalIPAddress" when IPAddress.TryParse(text, out var address) => answer with { ExternalAddress = PeerAddress.From(address, 0) },
                "NewReservedPort" when ushort.TryParse(text, out var port) => answer with { ReservedPort = port },
                _ => answer,
            };
            return true;
        });
        return answer;
    }

    private static string Printable(string text) =>
        new([.. text.Take(MaximumTextLength).Select(letter => letter is >= ' ' and <= '~' ? letter : '?')]);

    // Tells of each element that holds text only, and, as "/service", of the end of a service; until it is told to stop.
    private static void Read(ReadOnlyMemory<byte> document, Func<string, string, bool> tell)
    {
        if (document.Length > MaximumLength)
        {
            return;
        }

        var settings = new XmlReaderSettings
        {
            DtdProcessing = DtdProcessing.Prohibit,
            XmlResolver = null,
            MaxCharactersInDocument = MaximumLength,
            MaxCharactersFromEntities = 1,
            IgnoreComments = true,
            IgnoreProcessingInstructions = true,
        };
        try
        {
            using var reader = XmlReader.Create(new MemoryStream(document.ToArray(), writable: false), settings);
            Read(reader, tell);
        }
        catch (Exception error) when (error is XmlException or ArgumentException or NotSupportedException)
        {
            // Not XML, or too deep, or in an encoding that nobody knows.
        }
    }

    private static void Read(XmlReader reader, Func<string, string, bool> tell)
    {
        var name = "";
        var text = new StringBuilder();
        var goesOn = true;
        while (goesOn && reader.Read() && reader.Depth <= MaximumDepth)
        {
            switch (reader.NodeType)
            {
                case XmlNodeType.Element:
                    name = reader.IsEmptyElement ? "" : reader.LocalName;
                    text.Clear();
                    break;
                case XmlNodeType.Text or XmlNodeType.CDATA:
                    text.Append(reader.Value);
                    break;
                case XmlNodeType.EndElement:
                    goesOn = name.Length > 0 ? tell(name, text.ToString().Trim()) : reader.LocalName != "service" || tell("/service", "");
                    name = "";
                    break;
                default:
                    break;
            }
        }
    }
}
