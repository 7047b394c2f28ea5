using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Shoal.Interop.Foreign;
using Shoal.Protocol;
using Shoal.Protocol.Trackers;
using Shoal.Sockets.Trackers;

namespace Shoal.Tracker.Tests;

/// <summary>Trackers behind Debian's nginx: many that look like one, and one that speaks https.</summary>
public sealed class ProxyTests
{
    private const int TorrentCount = 48;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static TrackerOptions BehindProxy => new()
    {
        BindAddress = IPAddress.Loopback, Port = 0, TrustedProxies = [IPNetwork.Parse("127.0.0.1/32")],
    };

    [Fact]
    public async Task Several_trackers_behind_one_address_share_the_torrents_however_a_client_escapes()
    {
        Assert.SkipWhen(ForeignPrograms.WhyNoNginx is not null, ForeignPrograms.WhyNoNginx ?? "");
        await using var first = await TrackerServer.StartAsync(BehindProxy, cancellationToken: Cancel);
        await using var second = await TrackerServer.StartAsync(BehindProxy, cancellationToken: Cancel);
        await using var third = await TrackerServer.StartAsync(BehindProxy, cancellationToken: Cancel);
        TrackerServer[] trackers = [first, second, third];
        var port = FreePort.Next();
        await using var nginx = await NginxProcess.StartAsync(ExampleFor(trackers, port), port, Cancel);

        for (var torrent = 0; torrent < TorrentCount; torrent++)
        {
            var infoHash = Announces.SomeInfoHash();
            await AnnounceAsync(port, infoHash, IPAddress.Parse("127.0.0.7"), 7001, EscapeAll);
            var reply = await AnnounceAsync(port, infoHash, IPAddress.Parse("127.0.0.8"), 7002, EscapeLittle);
            Assert.Equal([PeerAddress.From(IPAddress.Parse("127.0.0.7"), 7001)], reply.Peers); // the peer's own address, not nginx's
        }

        Assert.Equal(TorrentCount, trackers.Sum(tracker => tracker.Stats.Swarms));
        Assert.All(trackers, tracker => Assert.InRange(tracker.Stats.Swarms, 1, TorrentCount - 2));
        Assert.All(trackers, tracker => Assert.Equal(2 * tracker.Stats.Swarms, tracker.Stats.Peers));
    }

    [Fact]
    public async Task A_kept_connection_is_told_for_whom_it_asks_with_each_request()
    {
        await using var tracker = await TrackerServer.StartAsync(BehindProxy, cancellationToken: Cancel);
        using var http = new HttpClient();
        var infoHash = TrackerProbe.Escape(Announces.SomeInfoHash().ToString());
        foreach (var (forwardedFor, peers) in new (string, string)[] { ("192.0.2.1", ""), ("198.51.100.9, 192.0.2.2", "192.0.2.1:5"), ("nobody", "proxy") })
        {
            using var request = new HttpRequestMessage(
                HttpMethod.Get, $"{tracker.AnnounceUrl}?info_hash={infoHash}&peer_id=-XX0000-000000000000&port=5&left=1&compact=1");
            request.Headers.Add("X-Forwarded-For", forwardedFor);
            using var response = await http.SendAsync(request, Cancel);
            var reply = HttpTrackerReplyReader.ReadAnnounce(await response.Content.ReadAsByteArrayAsync(Cancel));
            Assert.Equal(peers, reply.Failure is null ? string.Join(' ', reply.Peers) : "proxy");
        }
    }

    [Fact]
    public async Task An_https_tracker_is_believed_if_somebody_vouches_for_it_and_for_its_name()
    {
        Assert.SkipWhen(ForeignPrograms.WhyNoNginx is not null, ForeignPrograms.WhyNoNginx ?? "");
        using var folder = new ScratchFolder();
        using var authority = TestCertificates.NewAuthority();
        var (certificate, key) = TestCertificates.NewServer(authority, "localhost");
        File.WriteAllText(folder.File("cert.pem"), certificate);
        File.WriteAllText(folder.File("key.pem"), key);
        await using var tracker = await TrackerServer.StartAsync(BehindProxy, cancellationToken: Cancel);
        var port = FreePort.Next();
        var configuration = $$"""
            events {}
            http {
                server {
                    listen 127.0.0.1:{{port}} ssl;
                    ssl_certificate {{folder.File("cert.pem")}};
                    ssl_certificate_key {{folder.File("key.pem")}};
                    location / { proxy_pass http://127.0.0.1:{{tracker.EndPoint.Port}}; }
                }
            }
            """;
        await using var nginx = await NginxProcess.StartAsync(configuration, port, Cancel);

        Assert.Null(await FailureAsync($"https://localhost:{port}/announce", [authority]));
        Assert.Contains("certificate", await FailureAsync($"https://localhost:{port}/announce", null));
        using var other = TestCertificates.NewAuthority();
        Assert.Contains("certificate", await FailureAsync($"https://localhost:{port}/announce", [other]));
        Assert.Contains("certificate", await FailureAsync($"https://127.0.0.1:{port}/announce", [authority])); // its name is another
        Assert.Equal(1, tracker.Stats.Peers);
    }

    private static async Task<string?> FailureAsync(string url, X509Certificate2Collection? authorities)
    {
        using var client = new TrackerClient(authorities: authorities);
        return (await client.AnnounceAsync(new Uri(url), Announces.From(Announces.SomeInfoHash(), 1001), Cancel)).FailureReason;
    }

    // The example that users are given, with ports of ours.
    private static string ExampleFor(IReadOnlyList<TrackerServer> trackers, int port)
    {
        var text = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "nginx.conf"))
            .Replace("listen 6969;", $"listen 127.0.0.1:{port};", StringComparison.Ordinal);
        for (var i = 0; i < trackers.Count; i++)
        {
            Assert.Contains($"server 127.0.0.1:{6971 + i};", text, StringComparison.Ordinal);
            text = text.Replace($"server 127.0.0.1:{6971 + i};", $"server 127.0.0.1:{trackers[i].EndPoint.Port};", StringComparison.Ordinal);
        }

        // Looked for in nginx's own folder, which another installation may have elsewhere.
        return text.Replace("load_module modules/", "load_module /usr/lib/nginx/modules/", StringComparison.Ordinal);
    }

    private static async Task<AnnounceReply> AnnounceAsync(int port, InfoHash infoHash, IPAddress from, int peerPort, Func<byte, string> escape)
    {
        var bytes = new byte[InfoHash.Length];
        infoHash.WriteTo(bytes);
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(from, 0));
        await socket.ConnectAsync(IPAddress.Loopback, port, Cancel);
        var query = $"info_hash={string.Concat(bytes.Select(escape))}&peer_id=-XX0000-000000000000&port={peerPort}&left=1&compact=1";
        await socket.SendAsync(Encoding.Latin1.GetBytes($"GET /announce?{query} HTTP/1.0\r\nX-Forwarded-For: 192.0.2.66\r\n\r\n"), Cancel);
        await using var stream = new NetworkStream(socket);
        using var answer = new MemoryStream();
        await stream.CopyToAsync(answer, Cancel);
        var head = answer.ToArray().AsSpan().IndexOf("\r\n\r\n"u8);
        return HttpTrackerReplyReader.ReadAnnounce(answer.ToArray().AsSpan(head + 4));
    }

    private static string EscapeAll(byte value) => $"%{value.ToString("x2", CultureInfo.InvariantCulture)}";

    private static string EscapeLittle(byte value) =>
        char.IsAsciiLetterOrDigit((char)value) || value is (byte)'-' or (byte)'_' or (byte)'.' or (byte)'~' or (byte)'(' or (byte)'!'
            ? ((char)value).ToString() : $"%{value.ToString("X2", CultureInfo.InvariantCulture)}";
}
