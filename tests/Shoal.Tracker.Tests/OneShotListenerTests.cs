using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging.Abstractions;

namespace Shoal.Tracker.Tests;

/// <summary>The listener's hand-over to Kestrel when Kestrel is behind.</summary>
public class OneShotListenerTests
{
    // More than may wait for Kestrel.
    private const int ConnectionCount = 300;

    private static bool IsSupported => OperatingSystem.IsLinux() && Environment.Is64BitProcess;

    [Fact]
    public async Task Connections_wait_for_Kestrel_and_none_is_lost()
    {
        Assert.SkipUnless(IsSupported, "the listener is for 64-bit Linux");
        var listener = await BindAsync();
        var clients = Connect(listener);
        for (var i = 0; i < ConnectionCount; i++)
        {
            var accepted = await listener.AcceptAsync(TestContext.Current.CancellationToken);
            Assert.NotNull(accepted);
            await accepted.DisposeAsync();
        }

        clients.ForEach(client => client.Dispose());
        await listener.DisposeAsync();
    }

    [Fact]
    public async Task It_stops_though_connections_wait_for_Kestrel()
    {
        Assert.SkipUnless(IsSupported, "the listener is for 64-bit Linux");
        var listener = await BindAsync();
        var clients = Connect(listener);
        await listener.UnbindAsync(TestContext.Current.CancellationToken);
        await listener.DisposeAsync();
        Assert.Null(await listener.AcceptAsync(TestContext.Current.CancellationToken));
        clients.ForEach(client => client.Dispose());
    }

    private static ValueTask<IConnectionListener> BindAsync()
    {
        var shards = new TrackerShards(new TrackerOptions(), TimeProvider.System, static () => 1);
        return new OneShotListener.Factory(new OneShotResponder(new HttpFrontEnd(shards, new TrustedProxies([]), new ClientLimits(new TrackerOptions(), TimeProvider.System))), NullLoggerFactory.Instance)
            .BindAsync(new IPEndPoint(IPAddress.Loopback, 0), TestContext.Current.CancellationToken);
    }

    // Each sends what only Kestrel answers, so each is handed over.
    private static List<Socket> Connect(IConnectionListener listener)
    {
        var clients = new List<Socket>();
        for (var i = 0; i < ConnectionCount; i++)
        {
            var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            client.Connect(listener.EndPoint);
            client.Send("GET /stats HTTP/1.1\r\nHost: a\r\n\r\n"u8);
            clients.Add(client);
        }

        return clients;
    }
}
