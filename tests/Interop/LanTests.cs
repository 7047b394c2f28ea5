using System.Net;
using System.Net.Sockets;

namespace Shoal.Interop;

/// <summary>The network that other tests stand on.</summary>
public sealed class LanTests
{
    [Fact]
    public async Task Hosts_of_a_lan_reach_each_other_at_once_and_nobody_else()
    {
        Need.Lan();
        using var lan = new Lan(2);
        foreach (var address in new[] { lan.Hosts[1].IPv4!, lan.Hosts[1].IPv6! })
        {
            var listener = await lan.Hosts[1].Thread.RunAsync(() =>
            {
                var made = new TcpListener(address, 0);
                made.Start();
                return Task.FromResult(made);
            });
            var there = (IPEndPoint)listener.LocalEndpoint;
            await lan.Hosts[0].Thread.RunAsync(async () =>
            {
                using var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
                await socket.ConnectAsync(there, TestContext.Current.CancellationToken);
            });
            using (var outside = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { SendTimeout = 1 })
            {
                using var limit = new CancellationTokenSource(TimeSpan.FromMilliseconds(300));
                await Assert.ThrowsAnyAsync<Exception>(async () => await outside.ConnectAsync(there, limit.Token));
            }

            listener.Stop();
        }
    }
}
