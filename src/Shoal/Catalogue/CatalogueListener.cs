using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Security.Authentication;
using System.Text;
using System.Text.Json;
using Shoal.Protocol.Catalogue;

namespace Shoal.Catalogue;

/// <summary>
/// Hears what a catalogue has and gets (server-sent events), over as many connections as it takes: each continues behind the last event that
/// was heard, so that nothing is missed and nothing told twice. What a later try cannot change ends it.
/// </summary>
internal sealed class CatalogueListener(HttpClient http, CatalogueTiming timing, Func<HttpResponseMessage, CancellationToken, Task<ShoalException>> failureOf)
{
    private const string EventType = "text/event-stream";
    private const int MaximumRefusalLength = 1 << 20;

    private bool _wasThere;

    /// <summary>What comes, until it is cancelled.</summary>
    /// <exception cref="ShoalException">The catalogue refuses.</exception>
    public async IAsyncEnumerable<CatalogueNews> ReadAsync(
        IReadOnlyList<NamePattern> patterns, long? since, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var path = PathOf(patterns);
        var pause = timing.FirstPause;
        while (true)
        {
            var (response, reason, asked) = await ConnectAsync(path, since, cancellationToken);
            if (response is not null)
            {
                using (response)
                await using (var stream = new EventStream(await response.Content.ReadAsStreamAsync(cancellationToken), timing.Silence))
                await using (var items = SseParser.Create(stream, Parse).EnumerateAsync(cancellationToken).GetAsyncEnumerator(cancellationToken))
                {
                    while ((reason = await NextAsync(items, cancellationToken)) is null)
                    {
                        pause = timing.FirstPause;
                        // One without an id is of no catalogue, and what cannot be numbered cannot be continued.
                        if (items.Current.EventId is { Length: > 0 } id && long.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
                        {
                            since = number;
                            if (NewsOf(items.Current, number) is { } news)
                            {
                                yield return news;
                            }
                        }
                    }
                }
            }

            yield return new CatalogueNews(CatalogueNewsKind.Disconnected, since, Reason: reason);
            // All of a catalogue's subscribers lose it at once, and shall not come back at once.
            await Task.Delay(asked ?? pause * (0.5 + (Random.Shared.NextDouble() / 2)), cancellationToken);
            pause = TimeSpan.FromTicks(Math.Min(2 * pause.Ticks, timing.LongestPause.Ticks));
        }
    }

    private static string PathOf(IReadOnlyList<NamePattern> patterns)
    {
        var path = new StringBuilder("events");
        foreach (var pattern in patterns)
        {
            path.Append(path.Length == "events".Length ? '?' : '&').Append("pattern=").Append(Uri.EscapeDataString(pattern.Text));
        }

        return path.ToString();
    }

    // What kind it is, is told before what it says: of a kind that is not known yet nothing is read.
    private static CatalogueEvent? Parse(string type, ReadOnlySpan<byte> data) =>
        type is "published" or "removed" ? JsonSerializer.Deserialize(data, CatalogueJson.Default.CatalogueEvent) : null;

    private static CatalogueNews? NewsOf(SseItem<CatalogueEvent?> item, long id) => item switch
    {
        { EventType: "ready" } => new CatalogueNews(CatalogueNewsKind.Ready, id),
        { EventType: "published", Data.Published: { } entry } when CatalogueAnswers.WhatIsWrongWith(entry) is { } wrong => new CatalogueNews(CatalogueNewsKind.PassedOver, id, Reason: wrong),
        { EventType: "removed", Data.Removed: { } removal } when CatalogueAnswers.WhatIsWrongWith(removal) is { } wrong => new CatalogueNews(CatalogueNewsKind.PassedOver, id, Reason: wrong),
        { EventType: "published", Data.Published: not null } => new CatalogueNews(CatalogueNewsKind.Published, id, item.Data),
        { EventType: "removed", Data.Removed: not null } => new CatalogueNews(CatalogueNewsKind.Removed, id, item.Data),
        _ => null,
    };

    // Null if there is one; else why there is none.
    private static async Task<string?> NextAsync(IAsyncEnumerator<SseItem<CatalogueEvent?>> items, CancellationToken cancellationToken)
    {
        try
        {
            return await items.MoveNextAsync() ? null : "it closed the connection";
        }
        catch (Exception error) when (error is IOException or HttpRequestException && !cancellationToken.IsCancellationRequested)
        {
            return error.Message;
        }
        catch (JsonException error)
        {
            return $"it says what cannot be read: {error.Message}";
        }
    }

    private async Task<(HttpResponseMessage? Response, string? Reason, TimeSpan? Asked)> ConnectAsync(string path, long? since, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue(EventType));
        if (since is { } id)
        {
            request.Headers.Add("Last-Event-ID", id.ToString(CultureInfo.InvariantCulture));
        }

        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(timing.Answer);
        HttpResponseMessage response;
        try
        {
            response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, patience.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return (null, $"it did not answer within {timing.Answer.TotalSeconds:0.#} s", null);
        }
        catch (HttpRequestException error) when (!_wasThere && error.InnerException is AuthenticationException)
        {
            // Later it may be one that is renewed just now.
            throw new ShoalException(ShoalErrorKind.Failed, $"cannot reach the catalogue at {http.BaseAddress?.GetLeftPart(UriPartial.Authority)}: {CatalogueClient.ReasonOf(error)}", error);
        }
        catch (HttpRequestException error)
        {
            return (null, CatalogueClient.ReasonOf(error), null);
        }

        _wasThere = true;

        if (response.IsSuccessStatusCode && response.Content.Headers.ContentType?.MediaType == EventType)
        {
            return (response, null, null);
        }

        using (response)
        {
            if (response.IsSuccessStatusCode)
            {
                return (null, "it answers with something else than events", null);
            }

            ShoalException failure;
            try
            {
                await response.Content.LoadIntoBufferAsync(MaximumRefusalLength, patience.Token);
                failure = await failureOf(response, patience.Token);
            }
            catch (Exception error) when (error is HttpRequestException or IOException or OperationCanceledException && !cancellationToken.IsCancellationRequested)
            {
                return (null, $"it answers {(int)response.StatusCode}, and breaks off", null);
            }

            // What a later try may change: too many came, or something on the way is broken.
            return response.StatusCode is HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests || (int)response.StatusCode >= 500
                ? (null, failure.Message, AskedPause(response))
                : throw failure;
        }
    }

    private TimeSpan? AskedPause(HttpResponseMessage response)
    {
        var asked = response.Headers.RetryAfter is { } after ? after.Delta ?? (after.Date - DateTimeOffset.UtcNow) : null;
        return asked is { } pause && pause > TimeSpan.Zero ? TimeSpan.FromTicks(Math.Min(pause.Ticks, timing.LongestAskedPause.Ticks)) : null;
    }
}
