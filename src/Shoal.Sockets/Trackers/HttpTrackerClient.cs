using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Shoal.Protocol;
using Shoal.Protocol.Trackers;

namespace Shoal.Sockets.Trackers;

/// <summary>
/// Announces and scrapes by HTTP and HTTPS (BEP 3, 48). Whatever a tracker does becomes a reply with a failure of one
/// line: it refuses, hangs (15 s), redirects in circles (3 at most), answers HTML or too much (1 MiB). Certificates are
/// checked by the platform, and by authorities of the user's own if there are any. Thread-safe.
/// </summary>
public sealed class HttpTrackerClient : IDisposable
{
    private const int MaximumRedirects = 3;

    private readonly HttpClient _http;
    private readonly TimeSpan _timeout;

    /// <summary>A client whose connections come from an address of this machine, if one is given.</summary>
    public HttpTrackerClient(IPAddress? bindAddress = null, TimeSpan? timeout = null, X509Certificate2Collection? authorities = null)
    {
        _timeout = timeout ?? TimeSpan.FromSeconds(15);
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = true,
            MaxAutomaticRedirections = MaximumRedirects,
            AutomaticDecompression = DecompressionMethods.GZip | DecompressionMethods.Deflate,
            UseCookies = false,
            UseProxy = bindAddress is null,
            ConnectTimeout = _timeout,
            MaxResponseHeadersLength = 32,
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(10),
            SslOptions = { RemoteCertificateValidationCallback = authorities is null ? null : new PrivateAuthorities(authorities).Check },
            ConnectCallback = (context, token) => ConnectAsync(bindAddress, context.DnsEndPoint, token),
        };
        _http = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
        _http.DefaultRequestHeaders.Add("User-Agent", Engine.Client.UserAgent);
    }

    /// <summary>Announces.</summary>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    public async Task<AnnounceReply> AnnounceAsync(Uri tracker, AnnounceRequest request, CancellationToken cancellationToken = default)
    {
        var (body, failure) = await GetAsync(HttpTrackerQuery.AppendAnnounce(WithoutFragment(tracker), request), tracker, cancellationToken);
        if (failure is not null)
        {
            return new AnnounceReply { Failure = failure };
        }

        var reply = HttpTrackerReplyReader.ReadAnnounce(body.Span);
        return reply.Failure is null ? reply : reply with { Failure = Name(tracker, reply.Failure) };
    }

    /// <summary>Asks for the counts of swarms.</summary>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    public async Task<ScrapeReply> ScrapeAsync(Uri tracker, IReadOnlyList<InfoHash> infoHashes, CancellationToken cancellationToken = default)
    {
        var url = HttpTrackerQuery.TryMakeScrapeUrl(WithoutFragment(tracker), [.. infoHashes]);
        if (url is null)
        {
            return ScrapeReply.Failed($"tracker {tracker} cannot be scraped: its path does not end in \"announce\"");
        }

        var (body, failure) = await GetAsync(url, tracker, cancellationToken);
        if (failure is not null)
        {
            return new ScrapeReply { Failure = failure };
        }

        var reply = HttpTrackerReplyReader.ReadScrape(body.Span);
        return reply.Failure is null ? reply : reply with { Failure = Name(tracker, reply.Failure) };
    }

    /// <summary>Closes the connections.</summary>
    public void Dispose() => _http.Dispose();

    private static string WithoutFragment(Uri tracker) => tracker.GetComponents(UriComponents.HttpRequestUrl | UriComponents.UserInfo, UriFormat.UriEscaped);

    private static TrackerFailure Name(Uri tracker, TrackerFailure failure) =>
        failure with { Text = failure.Text.StartsWith("answered ", StringComparison.Ordinal) ? $"tracker {tracker} {failure.Text}" : $"tracker {tracker} refused: {failure.Text}" };

    private async Task<(ReadOnlyMemory<byte> Body, TrackerFailure? Failure)> GetAsync(string url, Uri tracker, CancellationToken cancellationToken)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(_timeout);
        try
        {
            using var response = await SendAsync(new Uri(url), deadline.Token);
            var body = await ReadBodyAsync(response.Content, deadline.Token);
            return body is null ? (default, new TrackerFailure($"tracker {tracker} answered with more than {HttpTrackerReplyReader.MaximumLength / 1024} KiB"))
                : Refusal(response, body, tracker) is { } refusal ? (default, refusal)
                : (body, null);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return (default, new TrackerFailure($"tracker {tracker} did not answer within {_timeout.TotalSeconds:0.#} s", IsTemporary: true));
        }
        catch (UriFormatException)
        {
            return (default, new TrackerFailure($"tracker {tracker} redirected to what is no web address"));
        }
        catch (Exception e) when (e is HttpRequestException or IOException or SocketException or InvalidDataException)
        {
            return (default, new TrackerFailure($"tracker {tracker}: {Reason(e)}", IsTemporary: true));
        }
    }

    // Some trackers close a connection after an answer without having said so, and what was just sent on it then meets a reset: to ask once more does no harm.
    private async Task<HttpResponseMessage> SendAsync(Uri url, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, url);
            try
            {
                return await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
            }
            catch (HttpRequestException error) when (attempt == 1 && error.GetBaseException() is SocketException { SocketErrorCode: SocketError.ConnectionReset })
            {
                // Once more, on another connection.
            }
        }
    }

    // An error status may still carry a bencoded refusal, which says more.
    private static TrackerFailure? Refusal(HttpResponseMessage response, byte[] body, Uri tracker)
    {
        var status = (int)response.StatusCode;
        if (response.IsSuccessStatusCode || (body.Length > 0 && body[0] == 'd'))
        {
            return null;
        }

        var isTemporary = status is 408 or 429 or >= 500;
        return status is >= 300 and < 400
            ? new TrackerFailure($"tracker {tracker} redirected more than {MaximumRedirects} times, or to where we do not follow")
            : new TrackerFailure($"tracker {tracker} answered with HTTP status {status}", isTemporary, response.Headers.RetryAfter?.Delta);
    }

    private static string Reason(Exception e)
    {
        var cause = e;
        while (cause.InnerException is not null)
        {
            cause = cause.InnerException;
        }

        return cause is SocketException { SocketErrorCode: SocketError.ConnectionRefused } ? "connection refused"
            : cause is SocketException { SocketErrorCode: SocketError.HostNotFound or SocketError.TryAgain or SocketError.NoData } ? "the name cannot be resolved"
            : cause.Message.ReplaceLineEndings(" ");
    }

    private static async Task<byte[]?> ReadBodyAsync(HttpContent content, CancellationToken cancellationToken)
    {
        await using var stream = await content.ReadAsStreamAsync(cancellationToken);
        using var body = new MemoryStream();
        var buffer = new byte[16 * 1024];
        while (true)
        {
            var count = await stream.ReadAsync(buffer, cancellationToken);
            if (count == 0)
            {
                return body.ToArray();
            }

            if (body.Length + count > HttpTrackerReplyReader.MaximumLength)
            {
                return null;
            }

            body.Write(buffer, 0, count);
        }
    }

    private static async ValueTask<Stream> ConnectAsync(IPAddress? bindAddress, DnsEndPoint target, CancellationToken cancellationToken)
    {
        var family = bindAddress?.AddressFamily ?? AddressFamily.Unspecified;
        var addresses = await Dns.GetHostAddressesAsync(target.Host, family, cancellationToken);
        SocketException? last = null;
        foreach (var address in addresses)
        {
            var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                if (bindAddress is not null)
                {
                    socket.Bind(new IPEndPoint(bindAddress, 0));
                }

                await socket.ConnectAsync(new IPEndPoint(address, target.Port), cancellationToken);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch (SocketException e)
            {
                socket.Dispose();
                last = e;
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        }

        throw last ?? new SocketException((int)SocketError.HostNotFound);
    }
}
