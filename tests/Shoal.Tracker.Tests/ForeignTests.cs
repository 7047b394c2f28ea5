using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json;
using Shoal.Protocol;
using Shoal.Protocol.Trackers;
using Shoal.Sockets.Trackers;

namespace Shoal.Tracker.Tests;

/// <summary>Trackers and clients that nobody here wrote: opentracker, aria2 and libtorrent from Debian.</summary>
public sealed class ForeignTests
{
    private const string DebianPython = "/usr/bin/python3";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Opentracker_understands_our_clients(bool udp)
    {
        SkipUnless("/usr/bin/opentracker");
        var directory = Directory.CreateTempSubdirectory("shoal-opentracker");
        if (!OperatingSystem.IsWindows())
        {
            directory.UnixFileMode = (UnixFileMode)0b111_101_101; // it runs as nobody
        }

        var infoHash = Announces.SomeInfoHash();
        await File.WriteAllTextAsync(Path.Combine(directory.FullName, "whitelist"), $"{infoHash}\n", Cancel);
        using var client = new TrackerClient();
        using var tracker = await StartOpentrackerAsync(directory.FullName, client);
        try
        {
            var url = new Uri(udp ? $"udp://127.0.0.1:{tracker.Port}" : $"http://127.0.0.1:{tracker.Port}/announce");
            Assert.Null((await client.AnnounceAsync(url, Announces.From(infoHash, 1001, left: 0), Cancel)).Failure);
            var reply = await client.AnnounceAsync(url, Announces.From(infoHash, 1002), Cancel);
            Assert.Null(reply.Failure);
            Assert.Contains(PeerAddress.From(IPAddress.Loopback, 1001), reply.Peers);
            Assert.Equal(1, reply.SeederCount);
            var scrape = await client.ScrapeAsync(url, [infoHash], Cancel);
            Assert.Null(scrape.Failure);
            Assert.Equal((1, 1), (scrape.Swarms[infoHash].SeederCount, scrape.Swarms[infoHash].LeecherCount));
            Assert.Null((await client.AnnounceAsync(url, Announces.From(infoHash, 1001, 0, AnnounceEvent.Stopped), Cancel)).Failure);
            Assert.Equal(0, (await client.ScrapeAsync(url, [infoHash], Cancel)).Swarms[infoHash].SeederCount);
        }
        finally
        {
            tracker.Dispose();
            directory.Delete(recursive: true);
        }
    }

    // By HTTP only: without its DHT, aria2 opens no UDP socket and passes UDP trackers over.
    [Fact]
    public async Task Aria2_is_seen_by_our_tracker()
    {
        SkipUnless("/usr/bin/aria2c");
        await using var server = await StartAsync("127.0.0.1");
        var infoHash = Announces.SomeInfoHash();
        var directory = Directory.CreateTempSubdirectory("shoal-aria2");
        using var aria2 = Process.Start(new ProcessStartInfo("/usr/bin/aria2c",
        [
            "--no-conf", "--enable-dht=false", "--enable-dht6=false", "--bt-enable-lpd=false", "--enable-peer-exchange=false",
            "--interface=127.0.0.1", $"--dir={directory.FullName}", "--quiet", $"magnet:?xt=urn:btih:{infoHash}&tr={server.AnnounceUrl}",
        ]) { UseShellExecute = false })!;
        try
        {
            await SeenAsync(server, infoHash, udp: false);
        }
        finally
        {
            aria2.Kill();
            await aria2.WaitForExitAsync(Cancel);
            directory.Delete(recursive: true);
        }
    }

    [Theory]
    [InlineData(false, "127.0.0.1")]
    [InlineData(true, "127.0.0.1")]
    [InlineData(false, "::1")]
    public async Task Libtorrent_is_seen_by_our_tracker(bool udp, string address)
    {
        SkipUnless(DebianPython);
        SkipUnless("/usr/lib/python3/dist-packages/libtorrent.cpython-311-x86_64-linux-gnu.so", "python3-libtorrent");
        await using var server = await StartAsync(address);
        var infoHash = Announces.SomeInfoHash();
        var listen = address.Contains(':', StringComparison.Ordinal) ? $"[{address}]:0" : $"{address}:0";
        var script = $$"""
            import libtorrent, sys
            s = libtorrent.session({'listen_interfaces': '{{listen}}', 'enable_dht': False, 'enable_lsd': False, 'enable_upnp': False, 'enable_natpmp': False})
            p = libtorrent.parse_magnet_uri('magnet:?xt=urn:btih:{{infoHash}}&tr={{UrlOf(server, udp)}}')
            p.save_path = '/nonexistent'
            s.add_torrent(p)
            sys.stdin.read()
            """;
        using var libtorrent = Process.Start(new ProcessStartInfo(DebianPython, ["-c", script]) { UseShellExecute = false, RedirectStandardInput = true })!;
        try
        {
            await SeenAsync(server, infoHash, udp);
        }
        finally
        {
            libtorrent.Kill();
            await libtorrent.WaitForExitAsync(Cancel);
        }
    }

    private static Uri UrlOf(TrackerServer server, bool udp) => udp ? new Uri($"{server.UdpAnnounceUrl}announce") : server.AnnounceUrl;

    private static Task<TrackerServer> StartAsync(string address) =>
        TrackerServer.StartAsync(new TrackerOptions { BindAddress = IPAddress.Parse(address), Port = 0 }, cancellationToken: Cancel);

    // The foreign client shows in /stats and, to us, as a peer.
    private static async Task SeenAsync(TrackerServer server, InfoHash infoHash, bool udp)
    {
        using var http = new HttpClient();
        var stats = new Uri(server.AnnounceUrl, "/stats");
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        patience.CancelAfter(TimeSpan.FromSeconds(60));
        while ((await http.GetFromJsonAsync<JsonElement>(stats, patience.Token)).GetProperty("peers").GetInt32() == 0)
        {
            await Task.Delay(100, patience.Token);
        }

        using var client = new TrackerClient();
        var reply = await client.AnnounceAsync(UrlOf(server, udp), Announces.From(infoHash, 1), Cancel);
        Assert.Equal(server.EndPoint.Address, Assert.Single(reply.Peers).ToIPAddress());
    }

    // It takes the port that it is given, and somebody else may have been faster.
    private static async Task<Foreign> StartOpentrackerAsync(string directory, TrackerClient client)
    {
        for (var attempt = 0; ; attempt++)
        {
            int port;
            using (var free = new Socket(SocketType.Stream, ProtocolType.Tcp))
            {
                free.Bind(new IPEndPoint(IPAddress.Loopback, 0));
                port = ((IPEndPoint)free.LocalEndPoint!).Port;
            }

            var process = new Foreign(port, Process.Start(new ProcessStartInfo("/usr/bin/opentracker",
            [
                "-i", "127.0.0.1", "-p", $"{port}", "-P", $"{port}", "-d", directory, "-w", "whitelist",
                "-u", Environment.IsPrivilegedProcess ? "nobody" : Environment.UserName,
            ]) { UseShellExecute = false })!);
            for (var wait = 0; wait < 100 && !process.HasExited; wait++)
            {
                var reply = await client.AnnounceAsync(new Uri($"http://127.0.0.1:{port}/announce"), Announces.From(Announces.SomeInfoHash(), 1), Cancel);
                if (reply.Failure is not { IsTemporary: true })
                {
                    return process;
                }

                await Task.Delay(50, Cancel);
            }

            process.Dispose();
            Assert.True(attempt < 5, "opentracker does not start");
        }
    }

    private static void SkipUnless(string file, string? package = null)
    {
        if (!File.Exists(file))
        {
            var reason = $"SKIPPED: {package ?? Path.GetFileName(file)} is not installed";
            Console.Error.WriteLine(reason);
            Assert.Skip(reason);
        }
    }

    private sealed class Foreign(int port, Process process) : IDisposable
    {
        public int Port => port;

        public bool HasExited => process.HasExited;

        public void Dispose()
        {
            if (!process.HasExited)
            {
                process.Kill();
                process.WaitForExit();
            }
        }
    }
}
