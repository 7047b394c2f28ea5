using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Shoal.Protocol.Catalogue;
using Shoal.Protocol.Metadata;
using Shoal.Sockets.Trackers;

namespace Shoal.Catalogue;

/// <summary>How to reach a catalogue. Immutable.</summary>
public sealed record CatalogueClientOptions
{
    /// <summary>The token, where one is needed; sent as a header, never in a URL.</summary>
    public string? Token { get; init; }

    /// <summary>Certificates that vouch for an https server, beside those that this machine trusts.</summary>
    public X509Certificate2Collection? Authorities { get; init; }

    /// <summary>The local address to speak from. Default null: any.</summary>
    public IPAddress? BindAddress { get; init; }

    /// <summary>How long a subscriber waits.</summary>
    internal CatalogueTiming Timing { get; init; } = new();
}

/// <summary>Speaks to a tracker's catalogue. Thread-safe. What goes wrong is a <see cref="ShoalException"/> whose message is one line.</summary>
public sealed class CatalogueClient : IDisposable
{
    private const int MaximumAnswerLength = 64 << 20;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly HttpClient _http;
    private readonly CatalogueTiming _timing;

    /// <summary>For the catalogue at the address; connects when it is asked for something.</summary>
    public CatalogueClient(CatalogueAddress address, CatalogueClientOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(address);
        options ??= new CatalogueClientOptions();
        Address = address;
        Trackers = address.TrackersFor(options.Token);
        _timing = options.Timing;
        var handler = new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, ConnectTimeout = TimeSpan.FromSeconds(10) };
        if (options.Authorities is { } authorities)
        {
            handler.SslOptions.RemoteCertificateValidationCallback = new PrivateAuthorities(authorities).Check;
        }

        if (options.BindAddress is { } bind)
        {
            handler.ConnectCallback = (context, cancellationToken) => ConnectAsync(bind, context.DnsEndPoint, cancellationToken);
        }

        _http = new HttpClient(handler) { BaseAddress = new Uri(address.Url, "api/v1/"), Timeout = Timeout.InfiniteTimeSpan, MaxResponseContentBufferSize = MaximumAnswerLength };
        if (options.Token is { } token)
        {
            _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        }
    }

    /// <summary>Where it is.</summary>
    public CatalogueAddress Address { get; }

    /// <summary>Where to announce what it names, as the holder of the token if there is one.</summary>
    public IReadOnlyList<string> Trackers { get; }

    /// <summary>One page of names that match, each with its newest version.</summary>
    /// <param name="pattern">What they match, see <see cref="NamePattern"/>; null for all.</param>
    /// <param name="order">How they are sorted.</param>
    /// <param name="limit">Entries on the page, 1 to 1,000.</param>
    /// <param name="after"><see cref="CataloguePage.Next"/> of the page before; null for the first.</param>
    /// <param name="cancellationToken">Ends it early.</param>
    public Task<CataloguePage> ListAsync(
        string? pattern = null, CatalogueOrder order = CatalogueOrder.Name, int limit = 1000, string? after = null, CancellationToken cancellationToken = default)
    {
        var query = new StringBuilder($"names?sort={order.ToString().ToLowerInvariant()}&limit={limit}");
        AppendQuery(query, "pattern", pattern);
        AppendQuery(query, "after", after);
        return SendAsync(HttpMethod.Get, query.ToString(), null, CatalogueJson.Default.CataloguePage, CatalogueAnswers.WhatIsWrongWith, cancellationToken);
    }

    /// <summary>A version of a name, or its newest.</summary>
    public Task<CatalogueEntry> FindAsync(CatalogueReference reference, CancellationToken cancellationToken = default) =>
        SendAsync(HttpMethod.Get, PathOf("names", reference), null, CatalogueJson.Default.CatalogueEntry, CatalogueAnswers.WhatIsWrongWith, cancellationToken);

    /// <summary>All versions of a name, oldest first.</summary>
    public Task<IReadOnlyList<CatalogueEntry>> VersionsOfAsync(CatalogueName name, CancellationToken cancellationToken = default) =>
        SendAsync(HttpMethod.Get, PathOf("versions", new CatalogueReference(name, null)), null, CatalogueJson.Default.IReadOnlyListCatalogueEntry, CatalogueAnswers.WhatIsWrongWith, cancellationToken);

    /// <summary>The torrent of a version; its info-hash is the one that the entry says.</summary>
    public async Task<Metainfo> GetTorrentAsync(CatalogueEntry entry, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(entry);
        var reference = CatalogueReference.TryParse($"{entry.Name}@{entry.Version}", out var parsed, out var wrong) ? parsed : throw Nonsense(wrong);
        using var response = await AskAsync(HttpMethod.Get, PathOf("torrents", reference), null, cancellationToken);
        var bytes = await response.Content.ReadAsByteArrayAsync(cancellationToken);
        return !MetainfoReader.TryRead(bytes, out var metainfo, out var error) ? throw Nonsense($"the .torrent of '{reference}': {error}")
            : metainfo.InfoHash != entry.InfoHash ? throw Nonsense($"the .torrent of '{reference}' is of another torrent ({metainfo.InfoHash})")
            : metainfo;
    }

    /// <summary>Registers the torrent as the next version of the name; as the same if the newest version is this torrent.</summary>
    public Task<CatalogueEntry> PublishAsync(CatalogueName name, Metainfo metainfo, CancellationToken cancellationToken = default)
    {
        var content = new ByteArrayContent(MetainfoWriter.ToArray(metainfo)) { Headers = { ContentType = new MediaTypeHeaderValue("application/x-bittorrent") } };
        return SendAsync(HttpMethod.Put, PathOf("names", new CatalogueReference(name, null)), content, CatalogueJson.Default.CatalogueEntry, CatalogueAnswers.WhatIsWrongWith, cancellationToken);
    }

    /// <summary>Finds out whether the catalogue can be reached and lets us publish under that name, before there is anything to publish.</summary>
    /// <exception cref="ShoalException">It does not.</exception>
    public async Task CheckPublishingAsync(CatalogueName name, CancellationToken cancellationToken = default)
    {
        try
        {
            // Who may not is told so before anybody looks at what is published; and nothing is no .torrent, which is told with a 400.
            using var answer = await AskAsync(HttpMethod.Put, PathOf("names", new CatalogueReference(name, null)), new ByteArrayContent([]), cancellationToken);
        }
        catch (ShoalException error) when (error.InnerException is HttpRequestException { StatusCode: HttpStatusCode.BadRequest })
        {
            // It would have taken a .torrent.
        }
    }

    /// <summary>Takes a version, or all of a name, out of the catalogue; who has the files keeps them.</summary>
    public Task<CatalogueRemoval> RemoveAsync(CatalogueReference reference, CancellationToken cancellationToken = default) =>
        SendAsync(HttpMethod.Delete, PathOf("names", reference), null, CatalogueJson.Default.CatalogueRemoval, CatalogueAnswers.WhatIsWrongWith, cancellationToken);

    /// <summary>
    /// What matches one of the patterns (all, if there are none): what there is now, each name with its newest version, then <see cref="CatalogueNewsKind.Ready"/>,
    /// then what is published and removed, until it is cancelled. Connects again for ever, and continues where it was: misses nothing,
    /// repeats nothing.
    /// </summary>
    /// <param name="patterns">Which names; at most 100.</param>
    /// <param name="since">The <see cref="CatalogueNews.Id"/> of what was heard last, to continue behind it; null to begin with what there is.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="ShoalException">The catalogue refuses, as it would later.</exception>
    public IAsyncEnumerable<CatalogueNews> SubscribeAsync(IReadOnlyList<NamePattern> patterns, long? since, CancellationToken cancellationToken = default) =>
        new CatalogueListener(_http, _timing, FailureOfAsync).ReadAsync(patterns, since, cancellationToken);

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    private static string PathOf(string kind, CatalogueReference reference) =>
        $"{kind}/{string.Join('/', reference.ToString().Split('/').Select(Uri.EscapeDataString))}";

    private static void AppendQuery(StringBuilder query, string name, string? value)
    {
        if (value is not null)
        {
            query.Append('&').Append(name).Append('=').Append(Uri.EscapeDataString(value));
        }
    }

    private async Task<T> SendAsync<T>(
        HttpMethod method, string path, HttpContent? content, JsonTypeInfo<T> type, Func<T, string?> whatIsWrongWith, CancellationToken cancellationToken)
    {
        using var response = await AskAsync(method, path, content, cancellationToken);
        T answer;
        try
        {
            answer = await ReadAsync(response, type, cancellationToken) ?? throw Nonsense("it says nothing");
        }
        catch (JsonException error)
        {
            throw Nonsense(error.Message, error);
        }

        return whatIsWrongWith(answer) is { } wrong ? throw new ShoalException(ShoalErrorKind.Failed, $"the catalogue at {Address} says something that cannot be: {wrong}")
            : answer;
    }

    // JSON is UTF-8, whatever the answer's header claims.
    private static async Task<T?> ReadAsync<T>(HttpResponseMessage response, JsonTypeInfo<T> type, CancellationToken cancellationToken) =>
        await JsonSerializer.DeserializeAsync(await response.Content.ReadAsStreamAsync(cancellationToken), type, cancellationToken);

    private async Task<HttpResponseMessage> AskAsync(HttpMethod method, string path, HttpContent? content, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(method, path) { Content = content };
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(Patience);
        HttpResponseMessage response;
        try
        {
            response = await _http.SendAsync(request, timeout.Token);
        }
        catch (OperationCanceledException error) when (!cancellationToken.IsCancellationRequested)
        {
            throw new ShoalException(ShoalErrorKind.Failed, $"the catalogue at {Address} did not answer within {Patience.TotalSeconds:F0} s", error);
        }
        catch (HttpRequestException error)
        {
            throw new ShoalException(ShoalErrorKind.Failed, $"cannot reach the catalogue at {Address}: {ReasonOf(error)}", error);
        }

        if (response.IsSuccessStatusCode)
        {
            return response;
        }

        using (response)
        {
            throw await FailureOfAsync(response, cancellationToken);
        }
    }

    // A refusal of a catalogue carries its status: who gets one may do otherwise by it.
    private async Task<ShoalException> FailureOfAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        var kind = response.StatusCode == HttpStatusCode.BadRequest ? ShoalErrorKind.BadInput : ShoalErrorKind.Failed;
        return await RefusalOfAsync(response, cancellationToken) is { } refusal
            ? new ShoalException(
                kind,
                $"the catalogue at {Address} says: {refusal}{(response.StatusCode == HttpStatusCode.Unauthorized ? " (SHOAL_TOKEN, or \"token\" in the config file)" : "")}",
                new HttpRequestException(refusal, null, response.StatusCode))
            : new ShoalException(kind, response.StatusCode is HttpStatusCode.NotFound or HttpStatusCode.MethodNotAllowed
                ? $"there is no catalogue at {Address}: its tracker needs --catalogue"
                : $"the catalogue at {Address} answered {(int)response.StatusCode} {response.ReasonPhrase}");
    }

    // Only what says so is a refusal of a catalogue: other servers have their own words.
    private static async Task<string?> RefusalOfAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        if (response.Content.Headers.ContentType?.MediaType != "application/json")
        {
            return null;
        }

        try
        {
            return (await ReadAsync(response, CatalogueJson.Default.CatalogueRefusal, cancellationToken))?.Error;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    internal static string ReasonOf(HttpRequestException error) => error.InnerException switch
    {
        AuthenticationException { Message: var said } when said.Contains("frame size", StringComparison.Ordinal) => "it does not speak https there; perhaps http://",
        AuthenticationException => "its certificate is not one that is trusted here; --tracker-ca names the authority of one's own",
        HttpIOException { HttpRequestError: HttpRequestError.ResponseEnded } => "it ended the connection without an answer; perhaps it speaks https:// there",
        SocketException { SocketErrorCode: SocketError.ConnectionRefused } => "nobody listens there",
        SocketException { SocketErrorCode: SocketError.HostNotFound } => "there is no such host",
        TimeoutException or SocketException { SocketErrorCode: SocketError.TimedOut } => "it does not answer",
        { } inner => inner.Message,
        null => error.Message,
    };

    private ShoalException Nonsense(string what, Exception? error = null) =>
        new(ShoalErrorKind.Failed, $"the catalogue at {Address} answers what cannot be read: {what}", error);

    private static async ValueTask<Stream> ConnectAsync(IPAddress bind, DnsEndPoint target, CancellationToken cancellationToken)
    {
        var socket = new Socket(bind.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            socket.Bind(new IPEndPoint(bind, 0));
            await socket.ConnectAsync(target, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
