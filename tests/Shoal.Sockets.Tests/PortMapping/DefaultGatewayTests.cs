using System.Net;
using Shoal.Sockets.PortMapping;

namespace Shoal.Sockets.Tests.PortMapping;

public sealed class DefaultGatewayTests
{
    private const string Header = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT";

    [Theory]
    [InlineData("192.168.1.1", "eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0")]
    [InlineData("192.168.2.1", "eth0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0", "wlan0\t00000000\t0102A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0")]
    [InlineData(null, "eth0\t0001A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0")]   // the network itself
    [InlineData(null, "tun0\t00000000\t0101080A\t0003\t0\t0\t0\t00000080\t0\t0\t0")]     // half of the world
    [InlineData(null, "ppp0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0")]     // no gateway, but a line
    [InlineData(null, "eth0\t00000000\t0101A8C0\t0002\t0\t0\t0\t00000000\t0\t0\t0")]     // down
    [InlineData(null, "eth0\t00000000\txyz\t0003\t0\t0\t-1\t00000000", "eth0", "")]
    [InlineData(null)]
    public void The_default_route_with_the_smallest_metric_leads_to_the_gateway(string? gateway, params string[] routes)
    {
        // The kernel writes addresses as numbers in its own byte order; the table above is little-endian.
        Assert.SkipUnless(BitConverter.IsLittleEndian, "the table is a little-endian machine's");
        Assert.Equal(gateway is null ? null : IPAddress.Parse(gateway), DefaultGateway.Read([Header, .. routes]));
    }
}
