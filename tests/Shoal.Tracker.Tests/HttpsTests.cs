using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;
using Shoal.Interop.Foreign;
using Shoal.Protocol;
using Shoal.Sockets.Trackers;
using Shoal.Tracker.Catalogue;
using Shoal.Tracker.Tests.Catalogue;

namespace Shoal.Tracker.Tests;

/// <summary>A tracker that speaks https itself.</summary>
public sealed class HttpsTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task With_a_certificate_it_speaks_https_to_who_trusts_it_and_udp_as_ever()
    {
        using var folder = new ScratchFolder();
        using var authority = TestCertificates.NewAuthority();
        WritePair(folder, TestCertificates.NewServer(authority, "localhost"));
        await using var tracker = await TrackerServer.StartAsync(
            OptionsIn(folder) with { Catalogue = new CatalogueOptions { Folder = folder.Folder("catalogue") } }, cancellationToken: Cancel);
        Assert.Equal($"https://localhost:{tracker.EndPoint.Port}/announce", tracker.AnnounceUrl.ToString());
        using var client = new TrackerClient(authorities: [authority]);
        var infoHash = Announces.SomeInfoHash();
        Assert.Null((await client.AnnounceAsync(tracker.AnnounceUrl, Announces.From(infoHash, 1001), Cancel)).FailureReason);
        var reply = await client.AnnounceAsync(tracker.UdpAnnounceUrl, Announces.From(infoHash, 1002), Cancel);
        Assert.Equal([PeerAddress.From(IPAddress.Loopback, 1001)], reply.Peers);
        using var stranger = new TrackerClient();
        Assert.Contains("certificate", (await stranger.AnnounceAsync(tracker.AnnounceUrl, Announces.From(infoHash, 1), Cancel)).FailureReason);

        // What comes without https gets nothing, not even what the short cut would answer.
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(tracker.EndPoint, Cancel);
        await socket.SendAsync("GET /announce?a=b HTTP/1.0\r\n\r\n"u8.ToArray(), Cancel);
        await using var stream = new NetworkStream(socket);
        Assert.DoesNotContain("HTTP", await new StreamReader(stream).ReadToEndAsync(Cancel), StringComparison.Ordinal);

        using var http = TestCertificates.NewClient(authority);
        using var published = await http.PutAsync(new Uri(tracker.AnnounceUrl, "/api/v1/names/a"), CatalogueServer.TorrentOf("one"), Cancel);
        Assert.Equal(HttpStatusCode.Created, published.StatusCode);
        var magnet = await http.GetStringAsync(new Uri(tracker.AnnounceUrl, "/api/v1/magnets/a"), Cancel);
        Assert.Contains($"tr=https%3A%2F%2Flocalhost%3A{tracker.EndPoint.Port}%2Fannounce", magnet, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_renewed_certificate_counts_without_a_restart_and_half_a_renewal_does_not()
    {
        using var folder = new ScratchFolder();
        using var authority = TestCertificates.NewAuthority();
        WritePair(folder, TestCertificates.NewServer(authority, "localhost", serial: 1));
        using var log = new Warnings();
        await using var tracker = await TrackerServer.StartAsync(OptionsIn(folder), log, cancellationToken: Cancel);
        Assert.Equal("010201", await SerialAsync(tracker));
        var (certificate, key) = TestCertificates.NewServer(authority, "localhost", serial: 2);
        File.WriteAllText(folder.File("cert.pem"), certificate);
        while (log.Lines.IsEmpty)
        {
            Assert.Equal("010201", await SerialAsync(tracker));
        }

        Assert.StartsWith($"the certificate of before stays in use: the key in '{folder.File("key.pem")}' is not that of the first certificate in", log.Lines.First(), StringComparison.Ordinal);
        File.WriteAllText(folder.File("key.pem"), key);
        while (await SerialAsync(tracker) == "010201")
        {
            // It looks at most once a second.
        }

        Assert.Equal("010202", await SerialAsync(tracker));
    }

    [Theory]
    [InlineData("missing", "there is no file 'CERT'")]
    [InlineData("empty", "there is no certificate (PEM) in 'CERT'")]
    [InlineData("no key", "there is no private key (PEM) in 'KEY'")]
    [InlineData("other key", "the key in 'KEY' is not that of the first certificate in 'CERT', or is damaged")]
    [InlineData("encrypted", "the key in 'KEY' is encrypted: a tracker has nobody to ask for its password")]
    [InlineData("damaged key", "the key in 'KEY' is not that of the first certificate in 'CERT', or is damaged")]
    public async Task Files_that_are_not_a_certificate_and_its_key_are_one_clear_line(string what, string expected)
    {
        using var folder = new ScratchFolder();
        using var authority = TestCertificates.NewAuthority();
        var (certificate, key) = TestCertificates.NewServer(authority, "localhost");
        using var other = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        WritePair(folder, what switch
        {
            "empty" => ("nothing", key),
            "no key" => (certificate, certificate),
            "other key" => (certificate, other.ExportPkcs8PrivateKeyPem()),
            "encrypted" => (certificate, other.ExportEncryptedPkcs8PrivateKeyPem("x", new PbeParameters(PbeEncryptionAlgorithm.Aes128Cbc, HashAlgorithmName.SHA256, 1000))),
            "damaged key" => (certificate, key.Replace('M', 'N')),
            _ => (certificate, key),
        });
        if (what == "missing")
        {
            File.Delete(folder.File("cert.pem"));
        }

        var error = await Assert.ThrowsAsync<TrackerStartException>(() => TrackerServer.StartAsync(OptionsIn(folder), cancellationToken: Cancel));
        Assert.Equal(
            expected.Replace("CERT", folder.File("cert.pem"), StringComparison.Ordinal).Replace("KEY", folder.File("key.pem"), StringComparison.Ordinal), error.Message);
    }

    private static TrackerOptions OptionsIn(ScratchFolder folder) => new()
    {
        BindAddress = IPAddress.Loopback, Port = 0, UdpThreadCount = 1, CertificateFile = folder.File("cert.pem"), KeyFile = folder.File("key.pem"),
    };

    private static void WritePair(ScratchFolder folder, (string Certificate, string Key) pair)
    {
        File.WriteAllText(folder.File("cert.pem"), pair.Certificate);
        File.WriteAllText(folder.File("key.pem"), pair.Key);
    }

    private static async Task<string> SerialAsync(TrackerServer tracker)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(tracker.EndPoint, Cancel);
        await using var tls = new SslStream(client.GetStream());
        await tls.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions { TargetHost = "localhost", RemoteCertificateValidationCallback = (_, _, _, _) => true }, Cancel);
        return ((X509Certificate2)tls.RemoteCertificate!).SerialNumber;
    }

    /// <summary>What was warned of.</summary>
    private sealed class Warnings : ILoggerFactory, ILogger
    {
        public ConcurrentQueue<string> Lines { get; } = new();

        public ILogger CreateLogger(string categoryName) => this;

        public void AddProvider(ILoggerProvider provider)
        {
        }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
            {
                Lines.Enqueue(formatter(state, exception));
            }
        }

        public void Dispose()
        {
        }
    }
}
