using System.Net;
using Shoal.Engine.Dht;
using Shoal.Protocol;
using Shoal.Protocol.Dht;
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

    [Fact]
    public async Task What_was_kept_outlives_a_run_in_which_nobody_is_there_and_one_family_is_not_spoken()
    {
        var folder = Directory.CreateTempSubdirectory();
        try
        {
            var file = Path.Combine(folder.FullName, "dht");
            var ipv4 = new DhtSnapshot(NodeId.Of(Torrent), [new DhtContact(NodeId.Greatest, PeerAddress.FromBytes([127, 0, 0, 1], 9))]);
            var ipv6 = new DhtSnapshot(NodeId.Greatest, [new DhtContact(NodeId.Of(Torrent), PeerAddress.From(IPAddress.IPv6Loopback, 9))]);
            var bytes = DhtSnapshot.Write(ipv4, ipv6);
            await File.WriteAllBytesAsync(file, bytes, TestContext.Current.CancellationToken);
            await using (new DhtClient(new DhtClientOptions { BindAddress = IPAddress.Loopback, StateFile = file }))
            {
                // Ends as soon as it has begun.
            }

            Assert.Equal(bytes, await File.ReadAllBytesAsync(file, TestContext.Current.CancellationToken));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
