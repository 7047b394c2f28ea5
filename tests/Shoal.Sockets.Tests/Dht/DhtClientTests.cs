using System.Net;
using Shoal.Protocol;
using Shoal.Sockets.Dht;

namespace Shoal.Sockets.Tests.Dht;

public sealed class DhtClientTests
{
    private static readonly InfoHash Torrent = new("aaaaaaaaaaaaaaaaaaaa"u8);

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    public async Task What_one_announces_another_finds(string address)
    {
        var here = IPAddress.Parse(address);
        await using var first = new DhtClient(new DhtClientOptions { BindAddress = here });
        var options = new DhtClientOptions { BindAddress = here, Bootstrap = [new DnsEndPoint(address, first.Port)] };
        await using var second = new DhtClient(options);
        await using var third = new DhtClient(options);
        Assert.True(second.Search(Torrent, announcePort: 4321, _ => { }));
        var found = new TaskCompletionSource<PeerAddress>(TaskCreationOptions.RunContinuationsAsynchronously);
        Assert.True(third.Search(Torrent, announcePort: null, peer => found.TrySetResult(peer)));
        Assert.Equal(PeerAddress.From(here, 4321), await found.Task.WaitAsync(TimeSpan.FromSeconds(60)));
        var result = Assert.Single(await first.GetPeersAsync(Torrent));
        Assert.Equal(Torrent, result.Target.ToInfoHash());
    }
}
