using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace Shoal.Sockets.PortMapping;

/// <summary>The IPv4 router through which this machine reaches the rest of the world. Thread-safe.</summary>
internal static class DefaultGateway
{
    private const string RouteTable = "/proc/net/route";
    private const int IsUpGateway = 0x3; // RTF_UP, RTF_GATEWAY

    /// <summary>The router; null if there is none.</summary>
    public static IPAddress? Find()
    {
        try
        {
            return OperatingSystem.IsLinux() && File.Exists(RouteTable) ? Read(File.ReadLines(RouteTable)) : FindAmongInterfaces();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or NetworkInformationException)
        {
            return null;
        }
    }

    /// <summary>
    /// The gateway of the default route with the smallest metric, as Linux lists routes: "Iface Destination Gateway Flags RefCnt Use Metric Mask …",
    /// addresses as numbers in the machine's byte order. Lines that are something else are passed over.
    /// </summary>
    public static IPAddress? Read(IEnumerable<string> routes)
    {
        (uint Metric, IPAddress Gateway)? best = null;
        foreach (var route in routes)
        {
            var fields = route.Split('\t', StringSplitOptions.TrimEntries);
            if (fields.Length >= 8 && Hex(fields[1]) == 0 && Hex(fields[7]) == 0 && (Hex(fields[3]) & IsUpGateway) == IsUpGateway &&
                Hex(fields[2]) is > 0 and var gateway && uint.TryParse(fields[6], out var metric) && (best is null || metric < best.Value.Metric))
            {
                best = (metric, new IPAddress(BitConverter.GetBytes(gateway)));
            }
        }

        return best?.Gateway;
    }

    private static uint? Hex(string text) => uint.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value) ? value : null;

    private static IPAddress? FindAmongInterfaces() => NetworkInterface.GetAllNetworkInterfaces()
        .Where(device => device.OperationalStatus == OperationalStatus.Up && device.NetworkInterfaceType != NetworkInterfaceType.Loopback)
        .SelectMany(device => device.GetIPProperties().GatewayAddresses)
        .Select(gateway => gateway.Address)
        .FirstOrDefault(address => address.AddressFamily == AddressFamily.InterNetwork && !address.Equals(IPAddress.Any));
}
