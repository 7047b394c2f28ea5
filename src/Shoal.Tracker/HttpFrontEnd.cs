using System.Net;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Shoal.Engine.Trackers;
using Shoal.Protocol;
using Shoal.Protocol.Trackers;

namespace Shoal.Tracker;

/// <summary>
/// Answers HTTP: /announce and /scrape (BEP 3, 23, 7, 48), /stats as JSON, and a line of text at /. Sits right on
/// Kestrel, without routing or middleware, and allocates nothing for an announce. A refusal is an answer with status
/// 200 and a "failure reason", as clients expect.
/// </summary>
internal sealed class HttpFrontEnd(TrackerShards shards) : IHttpApplication<IFeatureCollection>
{
    // The scratch: query, reply, and at its end the peers as the core gives them.
    private const int ReplyAt = HttpTrackerQuery.MaximumLength;
    private const string PlainText = "text/plain";

    private static readonly byte[] Greeting = "A BitTorrent tracker by Shoal: /announce, /scrape, /stats\n"u8.ToArray();
    private static readonly byte[] NotFound = "not found\n"u8.ToArray();

    [ThreadStatic]
    private static byte[]? t_scratch;

    public IFeatureCollection CreateContext(IFeatureCollection contextFeatures) => contextFeatures;

    public void DisposeContext(IFeatureCollection context, Exception? exception)
    {
    }

    public Task ProcessRequestAsync(IFeatureCollection context)
    {
        var request = context.GetRequiredFeature<IHttpRequestFeature>();
        var response = context.GetRequiredFeature<IHttpResponseFeature>();
        if (request.Method is not ("GET" or "HEAD"))
        {
            response.StatusCode = StatusCodes.Status405MethodNotAllowed;
            response.Headers.Allow = "GET, HEAD";
            return Task.CompletedTask;
        }

        var scratch = t_scratch ??= new byte[HttpTrackerQuery.MaximumLength + HttpTrackerReply.MaximumAnnounceLength(shards.MaximumPeerCount) +
            TrackerCore.BufferLength(shards.MaximumPeerCount)];
        var contentType = PlainText;
        ReadOnlyMemory<byte> body;
        switch (request.Path)
        {
            case "/announce":
                body = Announce(request.QueryString, context.GetRequiredFeature<IHttpConnectionFeature>().RemoteIpAddress, scratch);
                break;
            case "/scrape":
                body = Scrape(request.QueryString, scratch);
                break;
            case "/stats":
                contentType = "application/json";
                body = JsonSerializer.SerializeToUtf8Bytes(TrackerStats.From(shards.Statistics), StatsJson.Default.TrackerStats);
                break;
            case "/":
                body = Greeting;
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

    private ReadOnlyMemory<byte> Announce(string queryString, IPAddress? remote, byte[] scratch)
    {
        var query = QueryBytes(queryString, scratch);
        var reply = scratch.AsSpan(ReplyAt);
        if (!HttpTrackerQuery.TryReadAnnounce(query, out var request, out var failure))
        {
            return scratch.AsMemory(ReplyAt, HttpTrackerReply.WriteFailure(reply, failure ?? "malformed announce"));
        }

        var source = PeerAddress.From(remote ?? IPAddress.Loopback, 0);
        var peers = scratch.AsSpan(scratch.Length - TrackerCore.BufferLength(shards.MaximumPeerCount));
        var answer = shards.Announce(shards.Now, request, source, peers);
        return scratch.AsMemory(ReplyAt, HttpTrackerReply.WriteAnnounce(reply, answer, peers, request.IsCompact, source));
    }

    private ReadOnlyMemory<byte> Scrape(string queryString, byte[] scratch)
    {
        ReadOnlySpan<byte> query = QueryBytes(queryString, scratch);
        var reply = scratch.AsSpan(ReplyAt);
        Span<InfoHash> asked = stackalloc InfoHash[UdpTrackerCodec.MaximumScrapeCount];
        var count = 0;
        while (count < asked.Length && HttpTrackerQuery.TryReadNextScrapeHash(ref query, out asked[count]))
        {
            count++;
        }

        if (count == 0)
        {
            return scratch.AsMemory(ReplyAt, HttpTrackerReply.WriteFailure(reply, "the scrape names no info_hash"));
        }

        asked = asked[..count];
        asked.Sort();
        var now = shards.Now;
        var length = HttpTrackerReply.WriteScrapeStart(reply);
        for (var i = 0; i < count; i++)
        {
            if (i == 0 || asked[i] != asked[i - 1])
            {
                length += HttpTrackerReply.WriteScrapeEntry(reply[length..], asked[i], shards.Scrape(now, asked[i]));
            }
        }

        length += HttpTrackerReply.WriteScrapeEnd(reply[length..]);
        return scratch.AsMemory(ReplyAt, length);
    }

    private static Span<byte> QueryBytes(string queryString, byte[] scratch)
    {
        var text = queryString.AsSpan();
        text = text.StartsWith('?') ? text[1..] : text;

        // Kestrel's limit on the request line keeps it shorter than this; were it not, it would be malformed anyhow.
        text = text[..Math.Min(text.Length, HttpTrackerQuery.MaximumLength)];
        return scratch.AsSpan(0, Encoding.ASCII.GetBytes(text, scratch));
    }
}
