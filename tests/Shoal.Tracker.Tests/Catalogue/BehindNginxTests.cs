using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using Shoal.Interop.Foreign;
using Shoal.Protocol;
using Shoal.Protocol.Catalogue;
using Shoal.Sockets.Trackers;
using Shoal.Tracker.Catalogue;

namespace Shoal.Tracker.Tests.Catalogue;

/// <summary>A tracker with a catalogue behind Debian's nginx, as docs/tracker.md has it run: by the very files that it gives.</summary>
public sealed class BehindNginxTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task All_of_it_works_by_https_through_nginx_and_who_comes_from_afar_is_no_neighbour()
    {
        Assert.SkipWhen(ForeignPrograms.WhyNoNginx is not null, ForeignPrograms.WhyNoNginx ?? "");
        await using var server = await CatalogueServer.StartAsync();
        var token = server.Tokens.Create("all", CatalogueRights.All, "**");
        using var folder = new ScratchFolder();
        using var authority = TestCertificates.NewAuthority();
        var (certificate, key) = TestCertificates.NewServer(authority, "localhost");
        File.WriteAllText(folder.File("cert.pem"), certificate);
        File.WriteAllText(folder.File("key.pem"), key);
        var port = FreePort.Next();
        await using var nginx = await NginxProcess.StartAsync(ExampleFor(server.Tracker, folder, port), port, Cancel);
        using var http = TestCertificates.NewClient(authority);
        http.BaseAddress = new Uri($"https://localhost:{port}");

        // From afar: a token is needed. From this machine: none, as without nginx.
        http.DefaultRequestHeaders.Add("X-Seen-From", CatalogueServer.Stranger);
        Assert.Equal(HttpStatusCode.Unauthorized, await PublishAsync("models/a"));
        Assert.Equal(HttpStatusCode.Unauthorized, await PublishAsync("models/a", ("X-Forwarded-For", "127.0.0.1")));
        http.DefaultRequestHeaders.Remove("X-Seen-From");
        Assert.Equal(HttpStatusCode.Created, await PublishAsync("here/a"));
        http.DefaultRequestHeaders.Add("X-Seen-From", CatalogueServer.Stranger);
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);

        // An event arrives while its answer goes on, and a name comes as it was sent.
        await using var subscriber = new CatalogueSubscriber(await http.GetAsync("/api/v1/events?pattern=models/**", HttpCompletionOption.ResponseHeadersRead, Cancel));
        Assert.Equal("ready", await subscriber.NextAsync());
        Assert.Equal(HttpStatusCode.Created, await PublishAsync("models/a%3F%25+b"));
        Assert.Equal("published models/a?%+b@1", await subscriber.NextAsync());
        Assert.Contains("\"models/a?%+b\"", System.Text.RegularExpressions.Regex.Unescape(await http.GetStringAsync("/api/v1/names?pattern=models/**", Cancel)), StringComparison.Ordinal);

        // A .torrent that is larger than nginx takes by itself.
        Assert.Equal(HttpStatusCode.BadRequest, await PublishAsync("models/large", body: new byte[5 << 20]));

        // What it names as tracker is where the client asked.
        var magnet = await http.GetStringAsync("/api/v1/magnets/models/a%3F%25+b", Cancel);
        Assert.Contains($"&tr=https%3A%2F%2Flocalhost%3A{port}%2Fannounce", magnet, StringComparison.Ordinal);
        var torrent = await http.GetByteArrayAsync("/api/v1/torrents/models/a%3F%25+b", Cancel);
        Assert.True(torrent.AsSpan().IndexOf(System.Text.Encoding.ASCII.GetBytes($"https://localhost:{port}/announce")) > 0);
        using var announcer = new TrackerClient(authorities: [authority]);
        var infoHash = Samples.InfoHashOfTorrent("one");
        var url = new Uri($"https://localhost:{port}/announce");
        Assert.Null((await announcer.AnnounceAsync(url, Announces.From(infoHash, 1001, left: 0), Cancel)).FailureReason);
        Assert.Equal([PeerAddress.From(IPAddress.Loopback, 1001)], (await announcer.AnnounceAsync(url, Announces.From(infoHash, 1002), Cancel)).Peers);
        Assert.Contains("\"seeders\":1,\"leechers\":1", await http.GetStringAsync("/api/v1/names/models/a%3F%25+b", Cancel), StringComparison.Ordinal);

        // Who watches it does so from inside.
        using var afar = await http.GetAsync("/metrics", Cancel);
        Assert.Equal(HttpStatusCode.Forbidden, afar.StatusCode);
        http.DefaultRequestHeaders.Remove("X-Seen-From");
        Assert.Equal("ok\n", await http.GetStringAsync("/healthz", Cancel));

        async Task<HttpStatusCode> PublishAsync(string name, (string Name, string Value)? header = null, byte[]? body = null)
        {
            using var request = new HttpRequestMessage(HttpMethod.Put, $"/api/v1/names/{name}")
            {
                Content = body is null ? CatalogueServer.TorrentOf("one") : CatalogueServer.Bytes(body),
            };
            if (header is { } one)
            {
                request.Headers.Add(one.Name, one.Value);
            }

            using var response = await http.SendAsync(request, Cancel);
            return response.StatusCode;
        }
    }

    [Theory]
    [InlineData("203.0.113.9", "https", "tracker.lab", "https://tracker.lab/announce")]
    [InlineData("203.0.113.9", "http, HTTPS", "elsewhere, tracker.lab:8443", "https://tracker.lab:8443/announce")]
    [InlineData("203.0.113.9", "gopher", "a/b", "")]
    [InlineData("203.0.113.9", "https", "user@evil.example", "https:")]
    public async Task A_trusted_proxy_says_for_which_url_and_nothing_else_gets_into_it(string forwardedFor, string scheme, string host, string expected)
    {
        await using var server = await CatalogueServer.StartAsync();
        await server.PublishAsync("a", "one");
        var own = server.Url("/announce").ToString();
        var magnet = await MagnetOfAsync(server);
        Assert.Contains(Uri.EscapeDataString(expected switch { "" => own, "https:" => own.Replace("http:", "https:", StringComparison.Ordinal), _ => expected }), magnet, StringComparison.Ordinal);

        // Who is not trusted may say what it likes.
        await using var open = await CatalogueServer.StartTrackerAsync(options => options);
        await open.PublishAsync("a", "one");
        Assert.Contains(Uri.EscapeDataString(open.Url("/announce").ToString()), await MagnetOfAsync(open), StringComparison.Ordinal);

        async Task<string> MagnetOfAsync(CatalogueServer asked) =>
            (await asked.SendAsync(HttpMethod.Get, "/api/v1/magnets/a", forwardedFor: forwardedFor, headers: [("X-Forwarded-Proto", scheme), ("X-Forwarded-Host", host)])).Text;
    }

    [Fact]
    public async Task Systemd_has_nothing_to_say_against_the_unit()
    {
        Assert.SkipWhen(ForeignPrograms.WhyNoSystemd is not null, ForeignPrograms.WhyNoSystemd ?? "");
        using var folder = new ScratchFolder();
        var unit = await File.ReadAllTextAsync(Path.Combine(AppContext.BaseDirectory, "shoal-tracker.service"), Cancel);
        Assert.Contains("ExecStart=/usr/local/bin/shoal tracker ", unit, StringComparison.Ordinal);
        await File.WriteAllTextAsync(folder.File("shoal-tracker.service"), unit.Replace("/usr/local/bin/shoal", "/bin/true", StringComparison.Ordinal), Cancel);
        using var verify = Process.Start(new ProcessStartInfo("systemd-analyze", ["verify", "--man=no", folder.File("shoal-tracker.service")])
        {
            UseShellExecute = false, RedirectStandardError = true,
        })!;
        Assert.DoesNotContain("shoal-tracker", await verify.StandardError.ReadToEndAsync(Cancel), StringComparison.Ordinal);
        await verify.WaitForExitAsync(Cancel);
    }

    // The example that users are given, with ports and files of ours; and clients say from where they are seen.
    private static string ExampleFor(TrackerServer tracker, ScratchFolder folder, int port)
    {
        var text = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "nginx-https.conf"));
        foreach (var (theirs, ours) in new[]
        {
            ("listen 443 ssl;", $"listen 127.0.0.1:{port} ssl;"), ("listen [::]:443 ssl;", ""), ("server_name tracker.example;", "set_real_ip_from 127.0.0.1; real_ip_header X-Seen-From;"),
            ("/etc/letsencrypt/live/tracker.example/fullchain.pem", folder.File("cert.pem")), ("/etc/letsencrypt/live/tracker.example/privkey.pem", folder.File("key.pem")),
            ("http://127.0.0.1:6969;", $"http://127.0.0.1:{tracker.EndPoint.Port};"),
        })
        {
            Assert.Contains(theirs, text, StringComparison.Ordinal);
            text = text.Replace(theirs, ours, StringComparison.Ordinal);
        }

        return text;
    }
}
