using System.Net;
using System.Security.Cryptography;
using Shoal.Protocol;
using Shoal.Sockets.Discovery;

namespace Shoal.Sockets.Tests.Discovery;

/// <summary>
/// Several programs of one machine on the one port of local discovery, within the machine. Networks of several hosts, and other clients,
/// are in tests/Interop.
/// </summary>
public sealed class LocalDiscoveryServiceTests
{
    private static readonly InfoHash Torrent = new(RandomNumberGenerator.GetBytes(InfoHash.Length));
    private static readonly LocalDiscoveryOptions Within = new() { BindAddress = IPAddress.Loopback };

    [Fact]
    public async Task Two_on_one_machine_share_the_port_and_find_each_other()
    {
        var found = new TaskCompletionSource<(InfoHash, PeerAddress)>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var first = new LocalDiscoveryService(Within, (hash, address) => found.TrySetResult((hash, address)));
        await using var second = new LocalDiscoveryService(Within, (_, _) => { });
        // Its port is open, and shared, with its first announce: what the other says from then on is heard, here or in a minute's time.
        first.Announce(Torrent, 1111);
        second.Announce(Torrent, 2222);
        var (infoHash, address) = await found.Task.WaitAsync(TimeSpan.FromMinutes(3), TestContext.Current.CancellationToken);
        Assert.Equal((Torrent, PeerAddress.From(IPAddress.Loopback, 2222)), (infoHash, address));
    }

    [Fact]
    public async Task It_ends_whatever_it_is_doing_and_does_nothing_afterwards()
    {
        var service = new LocalDiscoveryService(Within, (_, _) => { });
        await service.DisposeAsync();
        service.Announce(Torrent, 1);
        service.Withdraw(Torrent);
        await service.DisposeAsync();

        var other = new LocalDiscoveryService(Within, (_, _) => { });
        for (var i = 0; i < 100; i++)
        {
            other.Announce(new InfoHash(RandomNumberGenerator.GetBytes(InfoHash.Length)), 1);
        }

        await other.DisposeAsync();
    }
}
