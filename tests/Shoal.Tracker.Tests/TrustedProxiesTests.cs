using System.Net;
using System.Text;
using Shoal.Protocol;

namespace Shoal.Tracker.Tests;

public sealed class TrustedProxiesTests
{
    private static readonly TrustedProxies Proxies = new([IPNetwork.Parse("10.0.0.0/8"), IPNetwork.Parse("2001:db8::/32"), IPNetwork.Parse("127.0.0.1/32")]);

    [Theory]
    [InlineData("192.0.2.1", "", "192.0.2.1")]
    [InlineData("192.0.2.1", "198.51.100.1", "192.0.2.1")] // nobody that we know: its word is nothing
    [InlineData("10.1.2.3", "", "10.1.2.3")]
    [InlineData("10.1.2.3", "198.51.100.1", "198.51.100.1")]
    [InlineData("::ffff:10.1.2.3", " 198.51.100.1 ", "198.51.100.1")]
    [InlineData("10.1.2.3", "203.0.113.9, 198.51.100.1", "198.51.100.1")] // the first is the client's own claim
    [InlineData("10.1.2.3", "203.0.113.9, 198.51.100.1,10.9.9.9", "198.51.100.1")]
    [InlineData("127.0.0.1", "2001:db8::5, 10.0.0.1", "2001:db8::5")]
    [InlineData("2001:db8::1", "2600::1", "2600::1")]
    [InlineData("10.1.2.3", "unknown", null)]
    [InlineData("10.1.2.3", "198.51.100.1,", null)]
    [InlineData("10.1.2.3", "x, 10.0.0.1", null)]
    public void The_list_is_believed_from_its_end_as_far_as_its_writers_are(string source, string forwardedFor, string? expected)
    {
        var asks = Proxies.Resolve(PeerAddress.From(IPAddress.Parse(source), 0), Encoding.ASCII.GetBytes(forwardedFor));
        Assert.Equal(expected is null ? default : PeerAddress.From(IPAddress.Parse(expected), 0), asks);
    }

    [Fact]
    public void Without_proxies_nobody_is_believed()
    {
        var source = PeerAddress.From(IPAddress.Loopback, 0);
        Assert.Equal(source, new TrustedProxies([]).Resolve(source, "198.51.100.1"u8));
    }
}
