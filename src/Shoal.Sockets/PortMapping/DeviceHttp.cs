using System.Net.Http.Headers;
using System.Net.Sockets;
using Shoal.Engine.PortMapping;
using Shoal.Protocol.PortMapping;

namespace Shoal.Sockets.PortMapping;

/// <summary>
/// HTTP with devices of the local network, of which anybody may be one: no redirects, no proxy, no cookies, at most
/// <see cref="UpnpReader.MaximumLength"/> of answer, and a time for all of it. Thread-safe.
/// </summary>
internal sealed class DeviceHttp : IDisposable
{
    private const int MaximumHeaderKibibytes = 16;

    private readonly TimeSpan _patience;
    private readonly HttpClient _http;

    public DeviceHttp(TimeSpan patience)
    {
        _patience = patience;
        _http = new HttpClient(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseProxy = false,
            UseCookies = false,
            MaxResponseHeadersLength = MaximumHeaderKibibytes,
            MaxResponseDrainSize = 0,
            MaxConnectionsPerServer = 1,
            PooledConnectionLifetime = TimeSpan.Zero, // small devices keep few connections
        }) { Timeout = Timeout.InfiniteTimeSpan };
    }

    /// <summary>Fetches the URL, or posts the order; whatever goes wrong becomes an answer.</summary>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    public async Task<PortMappingInput.HttpAnswer> AskAsync(PortMappingOutput.Http order, CancellationToken cancellationToken)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(_patience);
        try
        {
            using var request = Request(order);
            using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, deadline.Token);
            return await ReadAsync(response.Content, deadline.Token) is { } body
                ? new PortMappingInput.HttpAnswer(order.Id, (int)response.StatusCode, body)
                : Failed(order, $"answers with more than {UpnpReader.MaximumLength / 1024} KiB");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return Failed(order, $"did not answer within {_patience.TotalSeconds:0.#} s");
        }
        catch (Exception error) when (error is HttpRequestException or IOException or SocketException or InvalidOperationException)
        {
            return Failed(order, error is HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError } ? "cannot be connected to" : "does not speak HTTP");
        }
    }

    public void Dispose() => _http.Dispose();

    private static HttpRequestMessage Request(PortMappingOutput.Http order)
    {
        if (order.Order is not { } soap)
        {
            return new HttpRequestMessage(HttpMethod.Get, order.Url);
        }

        var request = new HttpRequestMessage(HttpMethod.Post, order.Url) { Content = new ReadOnlyMemoryContent(soap.Body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("text/xml", "utf-8");
        request.Headers.TryAddWithoutValidation("SOAPAction", soap.Action);
        return request;
    }

    // Null if it is too long.
    private static async Task<byte[]?> ReadAsync(HttpContent content, CancellationToken cancellationToken)
    {
        await using var stream = await content.ReadAsStreamAsync(cancellationToken);
        var buffer = new byte[UpnpReader.MaximumLength + 1];
        var length = await stream.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellationToken);
        return length < buffer.Length ? buffer[..length] : null;
    }

    private static PortMappingInput.HttpAnswer Failed(PortMappingOutput.Http order, string failure) => new(order.Id, 0, default, failure);
}
