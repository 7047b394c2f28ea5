using System.Diagnostics;
using System.Net;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Shoal.Engine.Trackers;
using Shoal.Protocol;
using Shoal.Protocol.Trackers;
using Shoal.Tracker.Catalogue;
using Shoal.Tracker.Metrics;

namespace Shoal.Tracker;

/// <summary>
/// Answers HTTP: /announce and /scrape (BEP 3, 23, 7, 48), /stats as JSON, /metrics and /healthz, and at / the catalogue's page or
/// a line of text; all else is the catalogue's, if there is one. Sits right on Kestrel, without routing or middleware, and allocates nothing for
/// an announce. A refusal is an answer with status 200 and a "failure reason", as clients expect.
/// </summary>
internal sealed class HttpFrontEnd(TrackerShards shards, TrustedProxies proxies, ClientLimits limits, CatalogueService? catalogue = null) : IHttpApplication<IFeatureCollection>
{
    // Kestrel's limit on the request line keeps queries, which stand on the stack for a moment, below 8 KiB.
    private const int PeersLength = (TrackerShards.MaximumPeerCount * PeerAddress.CompactLengthIPv6) + 2;
    private const string PlainText = "text/plain";
    private const string TooManyClients = "this tracker has as many clients as it allows; come again later";

    private static readonly byte[] Greeting = "A BitTorrent tracker by Shoal: /announce, /scrape, /stats, /metrics, /healthz\n"u8.ToArray();
    private static readonly byte[] Healthy = "ok\n"u8.ToArray();
    private static readonly byte[] Sick = "the last change of the catalogue was not kept: the tracker's log says why\n"u8.ToArray(); // folders and hosts are nobody's business
    private static readonly byte[] NotFound = "not found\n"u8.ToArray();

    [ThreadStatic]
    private static byte[]? t_scratch;

    /// <summary>The longest answer in bytes, to an announce or a scrape.</summary>
    public const int MaximumBodyLength = HttpTrackerReply.MaximumHeadLength + (TrackerShards.MaximumPeerCount * HttpTrackerReply.MaximumPeerLength);

    public IFeatureCollection CreateContext(IFeatureCollection contextFeatures) => contextFeatures;

    public void DisposeContext(IFeatureCollection context, Exception? exception)
    {
    }

    public Task ProcessRequestAsync(IFeatureCollection context)
    {
        var request = context.GetRequiredFeature<IHttpRequestFeature>();
        var path = TakePasskey(request.Path, out var passkey);
        if (path is not ("/announce" or "/scrape"))
        {
            // Who watches the tracker must be able to when it is crowded.
            if (path is not ("/metrics" or "/healthz") && limits.IsOneTooMany(context))
            {
                context.GetRequiredFeature<IHttpResponseFeature>().Headers.Connection = "close";
                return TurnAwayAsync(context, StatusCodes.Status503ServiceUnavailable, "30", TooManyClients);
            }

            if (limits.AsksTooOften(proxies.ClientOf(context)))
            {
                return TurnAwayAsync(context, StatusCodes.Status429TooManyRequests, "1", "your address asks more often than this tracker allows; come again in a second");
            }
        }

        if (catalogue is not null && path is not ("/announce" or "/scrape" or "/stats" or "/metrics" or "/healthz" or "/"))
        {
            return catalogue.ProcessAsync(context);
        }

        var response = context.GetRequiredFeature<IHttpResponseFeature>();
        if (request.Method is not ("GET" or "HEAD"))
        {
            response.StatusCode = StatusCodes.Status405MethodNotAllowed;
            response.Headers.Allow = "GET, HEAD";
            return Task.CompletedTask;
        }

        Span<byte> bytes = stackalloc byte[request.QueryString.Length];
        var contentType = PlainText;
        ReadOnlyMemory<byte> body;
        switch (path)
        {
            case "/announce":
                body = limits.IsOneTooMany(context) ? RefuseOneTooMany(response)
                    : Announce(QueryBytes(request.QueryString, bytes), AnnouncerOf(context, passkey), TrustedProxies.ForwardedFor(context));
                break;
            case "/scrape":
                body = limits.IsOneTooMany(context) ? RefuseOneTooMany(response)
                    : Scrape(QueryBytes(request.QueryString, bytes));
                break;
            case "/stats":
                contentType = "application/json";
                body = JsonSerializer.SerializeToUtf8Bytes(TrackerStats.From(shards.Statistics), StatsJson.Default.TrackerStats);
                break;
            case "/metrics":
                contentType = PrometheusText.ContentType;
                body = MetricsPage.Write(shards, limits, catalogue);
                break;
            case "/healthz":
                var isHealthy = catalogue?.Health.IsWell != false;
                response.StatusCode = isHealthy ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
                response.Headers.CacheControl = "no-store";
                body = isHealthy ? Healthy : Sick;
                break;
            case "/":
                body = catalogue is null ? Greeting : WebPage.Html;
                contentType = catalogue is null ? PlainText : WebPage.ContentType;
                response.Headers.CacheControl = "no-cache";
                response.Headers.ContentSecurityPolicy = WebPage.Policy;
                response.Headers.XContentTypeOptions = "nosniff";
                response.Headers["Referrer-Policy"] = "no-referrer";
                break;
            default:
                response.StatusCode = StatusCodes.Status404NotFound;
                body = NotFound;
                break;
        }

        response.Headers.ContentType = contentType;
        response.Headers.ContentLength = body.Length;
        if (request.Method == "HEAD")
        {
            return Task.CompletedTask;
        }

        // Copies, so that the scratch is free again; head and body leave with one system call.
        var written = context.GetRequiredFeature<IHttpResponseBodyFeature>().Writer.WriteAsync(body);
        return written.IsCompletedSuccessfully ? Task.CompletedTask : written.AsTask();
    }

    /// <summary>The answer to an announce's query, in this thread's scratch: good until its next call.</summary>
    /// <param name="query">What stands behind the question mark.</param>
    /// <param name="announcer">Whose connection it came by.</param>
    /// <param name="forwardedFor">For whom that one asks, if it is a proxy and says so; it is believed only if it is trusted.</param>
    public ReadOnlyMemory<byte> Announce(ReadOnlySpan<byte> query, Announcer announcer, ReadOnlySpan<byte> forwardedFor)
    {
        var start = Stopwatch.GetTimestamp();
        shards.Traffic.CountAnnounce(TrackerProtocol.Http);
        var body = Answer(query, announcer, forwardedFor);
        shards.Traffic.RecordSince(TrackerProtocol.Http, start);
        return body;
    }

    private ReadOnlyMemory<byte> RefuseOneTooMany(IHttpResponseFeature response)
    {
        shards.Traffic.CountRefusal(TrackerProtocol.Http, TrackerRefusal.TooManyClients);
        response.Headers.Connection = "close";
        var scratch = t_scratch ??= new byte[MaximumBodyLength + PeersLength];
        return scratch.AsMemory(0, HttpTrackerReply.WriteFailure(scratch, TooManyClients, retryMinutes: 1));
    }

    private ReadOnlyMemory<byte> Answer(ReadOnlySpan<byte> query, Announcer announcer, ReadOnlySpan<byte> forwardedFor)
    {
        var scratch = t_scratch ??= new byte[MaximumBodyLength + PeersLength];
        if (!HttpTrackerQuery.TryReadAnnounce(query, out var request, out var failure))
        {
            shards.Traffic.CountRefusal(TrackerProtocol.Http, TrackerRefusal.BadRequest);
            return scratch.AsMemory(0, HttpTrackerReply.WriteFailure(scratch, failure ?? "malformed announce"));
        }

        if (!forwardedFor.IsEmpty)
        {
            var isTrusted = proxies.IsTrusted(announcer.Source);
            var source = proxies.Resolve(announcer.Source, forwardedFor);
            announcer = announcer with { Source = source, IsFromHere = announcer.IsFromHere && isTrusted && Announcer.IsLoopback(source) };
        }

        if (announcer.Source.Kind == PeerAddressKind.None)
        {
            shards.Traffic.CountRefusal(TrackerProtocol.Http, TrackerRefusal.ProxyNamesNobody);
            return scratch.AsMemory(0, HttpTrackerReply.WriteFailure(scratch, "the proxy before this tracker does not say who asks"));
        }

        var peers = scratch.AsSpan(MaximumBodyLength);
        var answer = shards.Announce(shards.Now, request, announcer, peers);
        if (answer.Failure is not null)
        {
            shards.Traffic.CountRefusal(TrackerProtocol.Http, answer.Refusal);
        }

        return scratch.AsMemory(0, HttpTrackerReply.WriteAnnounce(scratch, answer, peers, request.IsCompact, announcer.Source));
    }

    /// <summary>The answer to a scrape's query, in this thread's scratch: good until its next call.</summary>
    public ReadOnlyMemory<byte> Scrape(ReadOnlySpan<byte> query)
    {
        var start = Stopwatch.GetTimestamp();
        shards.Traffic.CountScrape(TrackerProtocol.Http);
        var scratch = t_scratch ??= new byte[MaximumBodyLength + PeersLength];
        Span<InfoHash> asked = stackalloc InfoHash[UdpTrackerCodec.MaximumScrapeCount];
        var count = 0;
        while (count < asked.Length && HttpTrackerQuery.TryReadNextScrapeHash(ref query, out asked[count]))
        {
            count++;
        }

        if (count == 0)
        {
            shards.Traffic.CountRefusal(TrackerProtocol.Http, TrackerRefusal.BadRequest);
            return scratch.AsMemory(0, HttpTrackerReply.WriteFailure(scratch, "the scrape names no info_hash"));
        }

        // Bencoded keys are sorted and stand once.
        asked = asked[..count];
        asked.Sort();
        var now = shards.Now;
        var length = HttpTrackerReply.WriteScrapeStart(scratch);
        for (var i = 0; i < count; i++)
        {
            if (i == 0 || asked[i] != asked[i - 1])
            {
                length += HttpTrackerReply.WriteScrapeEntry(scratch.AsSpan(length), asked[i], shards.Scrape(now, asked[i]));
            }
        }

        length += HttpTrackerReply.WriteScrapeEnd(scratch.AsSpan(length));
        shards.Traffic.RecordSince(TrackerProtocol.Http, start);
        return scratch.AsMemory(0, length);
    }

    // "/PASSKEY/announce" and "/PASSKEY/scrape" without it.
    private static string TakePasskey(string path, out Passkey passkey)
    {
        passkey = default;
        Span<byte> bytes = stackalloc byte[Passkey.TextLength + 16];
        if (path.Length <= Passkey.TextLength || !Encoding.ASCII.TryGetBytes(path, bytes, out var length))
        {
            return path;
        }

        ReadOnlySpan<byte> rest = bytes[..length];
        return !Passkey.TryTake(ref rest, out passkey) ? path
            : rest.SequenceEqual("/announce"u8) ? "/announce"
            : rest.SequenceEqual("/scrape"u8) ? "/scrape"
            : path;
    }

    private static Announcer AnnouncerOf(IFeatureCollection context, Passkey passkey)
    {
        var headers = context.GetRequiredFeature<IHttpRequestFeature>().Headers;
        var source = TrustedProxies.SourceOf(context);
        // A proxy that does not say for whom it asks is a proxy all the same.
        var isBehindProxy = headers.ContainsKey("Forwarded") || headers.ContainsKey("Via") || (headers["X-Forwarded-For"] is { Count: > 0 } said && said.ToString().Length == 0);
        return new Announcer(source, passkey, Announcer.IsLoopback(source) && !isBehindProxy);
    }

    private static Task TurnAwayAsync(IFeatureCollection context, int status, string retryAfter, string reason)
    {
        // What it sends is not waited for, whatever it is.
        if (context.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
        {
            limit.MaxRequestBodySize = null;
        }

        context.GetRequiredFeature<IHttpResponseFeature>().Headers.RetryAfter = retryAfter;
        return Refusal.Of(status, reason).ExecuteAsync(new DefaultHttpContext(context));
    }

    private static ReadOnlySpan<byte> QueryBytes(string queryString, Span<byte> bytes)
    {
        var text = queryString.AsSpan();
        text = text.StartsWith('?') ? text[1..] : text;
        return bytes[..Encoding.ASCII.GetBytes(text, bytes)];
    }
}
