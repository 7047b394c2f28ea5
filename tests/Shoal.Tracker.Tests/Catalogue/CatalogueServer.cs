using System.Net;
using System.Net.Http.Headers;
using System.Net.ServerSentEvents;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Shoal.Protocol.Catalogue;
using Shoal.Tracker.Catalogue;

namespace Shoal.Tracker.Tests.Catalogue;

/// <summary>What a catalogue answered.</summary>
internal sealed record Answer(HttpStatusCode Status, byte[] Body, HttpResponseHeaders Headers, HttpContentHeaders ContentHeaders)
{
    public string Text => Encoding.UTF8.GetString(Body);

    public CatalogueEntry Entry => Read(CatalogueJson.Default.CatalogueEntry);

    public CataloguePage Page => Read(CatalogueJson.Default.CataloguePage);

    /// <summary>Why not: that it is one line, and JSON, is checked.</summary>
    public string Error
    {
        get
        {
            Assert.True(ContentHeaders.ContentType?.MediaType == "application/json", $"{Status}: {Text}");
            var error = Read(CatalogueJson.Default.CatalogueRefusal).Error;
            Assert.NotEmpty(error);
            Assert.DoesNotContain('\n', error);
            return error;
        }
    }

    public T Read<T>(JsonTypeInfo<T> type) => JsonSerializer.Deserialize(Body, type)!;
}

/// <summary>A tracker with a catalogue in a folder of its own, and who asks it.</summary>
internal sealed class CatalogueServer : IAsyncDisposable
{
    public const string Stranger = "203.0.113.9";

    private readonly Workplace _place = new();
    private readonly Func<TrackerOptions, TrackerOptions> _change;
    private readonly TimeProvider? _time;

    private CatalogueServer(Func<TrackerOptions, TrackerOptions> change, TimeProvider? time) => (_change, _time) = (change, time);

    public TrackerServer Tracker { get; private set; } = null!;

    public string Folder => _place.At("catalogue");

    public CatalogueTokens Tokens => new(Folder);

    private HttpClient Http { get; } = new();

    /// <summary>Behind a proxy on this machine, which is believed.</summary>
    public static Task<CatalogueServer> StartAsync(Func<CatalogueOptions, CatalogueOptions>? change = null) =>
        StartTrackerAsync(options => options with
        {
            Catalogue = change?.Invoke(options.Catalogue!) ?? options.Catalogue, TrustedProxies = [IPNetwork.Parse("127.0.0.1/32")],
        });

    public static async Task<CatalogueServer> StartTrackerAsync(Func<TrackerOptions, TrackerOptions> change, TimeProvider? time = null)
    {
        var server = new CatalogueServer(change, time);
        await server.StartAgainAsync();
        return server;
    }

    public async Task RestartAsync()
    {
        await Tracker.DisposeAsync();
        await StartAgainAsync();
    }

    public Uri Url(string path) => new(Tracker.AnnounceUrl, path);

    public async Task<Answer> SendAsync(
        HttpMethod method, string path, HttpContent? body = null, string? token = null, string? forwardedFor = null, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, Url(path)) { Content = body };
        if (token is not null)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        }

        if (forwardedFor is not null)
        {
            request.Headers.Add("X-Forwarded-For", forwardedFor);
        }

        foreach (var (name, value) in headers)
        {
            request.Headers.Add(name, value);
        }

        using var response = await Http.SendAsync(request);
        return new Answer(response.StatusCode, await response.Content.ReadAsByteArrayAsync(), response.Headers, response.Content.Headers);
    }

    public Task<Answer> GetAsync(string path, string? token = null, string? forwardedFor = null) => SendAsync(HttpMethod.Get, path, null, token, forwardedFor);

    public Task<Answer> PublishAsync(string name, string content, string? token = null, string? forwardedFor = null) =>
        SendAsync(HttpMethod.Put, $"/api/v1/names/{Escape(name)}", TorrentOf(content), token, forwardedFor);

    public Task<Answer> RemoveAsync(string reference, string? token = null, string? forwardedFor = null) =>
        SendAsync(HttpMethod.Delete, $"/api/v1/names/{Escape(reference)}", null, token, forwardedFor);

    public async Task<CatalogueSubscriber> SubscribeAsync(string query = "", long? lastId = null, string? token = null, string? forwardedFor = null)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, Url($"/api/v1/events{query}"));
        if (lastId is { } id)
        {
            request.Headers.Add("Last-Event-ID", id.ToString(System.Globalization.CultureInfo.InvariantCulture));
        }

        if (token is not null)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        }

        if (forwardedFor is not null)
        {
            request.Headers.Add("X-Forwarded-For", forwardedFor);
        }

        return new CatalogueSubscriber(await Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead));
    }

    /// <summary>Sends the bytes as they are, and reads until the tracker closes.</summary>
    public async Task<string> SendRawAsync(string request)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(Tracker.EndPoint);
        await socket.SendAsync(Encoding.Latin1.GetBytes(request));
        await using var stream = new NetworkStream(socket);
        return await new StreamReader(stream).ReadToEndAsync();
    }

    public static string Escape(string name) => string.Join('/', name.Split('/').Select(Uri.EscapeDataString));

    public static HttpContent TorrentOf(string content) => Bytes(Samples.TorrentBytes(content, "http://elsewhere.example/announce"));

    public static HttpContent Bytes(byte[] bytes) => new ByteArrayContent(bytes) { Headers = { ContentType = new MediaTypeHeaderValue("application/x-bittorrent") } };

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await Tracker.DisposeAsync();
        _place.Dispose();
    }

    private async Task StartAgainAsync() => Tracker = await TrackerServer.StartAsync(_change(new TrackerOptions
    {
        BindAddress = IPAddress.Loopback, Port = 0, UdpThreadCount = 1, Catalogue = new CatalogueOptions { Folder = Folder },
    }), timeProvider: _time);
}

/// <summary>Who listens to the events, one after another.</summary>
internal sealed class CatalogueSubscriber(HttpResponseMessage response) : IAsyncDisposable
{
    private readonly IAsyncEnumerator<SseItem<CatalogueEvent>> _events = SseParser
        .Create(response.Content.ReadAsStream(), (_, data) => JsonSerializer.Deserialize(data, CatalogueJson.Default.CatalogueEvent)!)
        .EnumerateAsync().GetAsyncEnumerator();

    public HttpResponseMessage Response => response;

    /// <summary>The id of the last event.</summary>
    public long LastId { get; private set; }

    /// <summary>The next event in short, as <c>published x@1</c>, but for those that say only that all is well; null at the end.</summary>
    public async Task<string?> NextAsync()
    {
        while (await _events.MoveNextAsync())
        {
            var (type, data) = (_events.Current.EventType, _events.Current.Data);
            LastId = long.Parse(_events.Current.EventId!, System.Globalization.CultureInfo.InvariantCulture);
            switch (type)
            {
                case "published": return $"published {data.Published!.Name}@{data.Published.Version}";
                case "removed": return data.Removed!.Version is { } version ? $"removed {data.Removed.Name}@{version}" : $"removed {data.Removed.Name}";
                case "alive": break;
                default: return type;
            }
        }

        return null;
    }

    /// <summary>The next events in short.</summary>
    public async Task<string[]> NextAsync(int count)
    {
        var events = new string[count];
        for (var i = 0; i < count; i++)
        {
            events[i] = await NextAsync() ?? "the end";
        }

        return events;
    }

    /// <summary>All events before <c>ready</c>, in short.</summary>
    public async Task<List<string>> UntilReadyAsync()
    {
        var events = new List<string>();
        while (await NextAsync() is { } next && next != "ready")
        {
            events.Add(next);
        }

        return events;
    }

    public async ValueTask DisposeAsync()
    {
        response.Dispose();
        try
        {
            await _events.DisposeAsync();
        }
        catch (Exception error) when (error is IOException or NotSupportedException or ObjectDisposedException)
        {
            // It was in the middle of one.
        }
    }
}
