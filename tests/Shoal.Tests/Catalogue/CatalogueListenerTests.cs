using System.Net;
using System.Text;
using Shoal.Catalogue;
using Shoal.Protocol.Catalogue;

namespace Shoal.Tests.Catalogue;

/// <summary>A subscriber hears each event once and in order, over connections that break in every way.</summary>
public class CatalogueListenerTests
{
    private static readonly CatalogueTiming Quick = new()
    {
        FirstPause = TimeSpan.FromMilliseconds(1), LongestPause = TimeSpan.FromMilliseconds(4), LongestAskedPause = TimeSpan.FromMilliseconds(20),
        Silence = TimeSpan.FromMilliseconds(300),
    };

    [Fact]
    public async Task It_continues_behind_what_it_heard()
    {
        using var server = new Script(
            _ => Events(Published(1) + Published(2) + "event: removed\nid: 3\ndata: {\"removed\":{\"name\":\"x\",\"lastVersion\":2,\"at\":\"2026-01-01T00:00:00Z\",\"sequence\":3}}\n\n"),
            _ => throw new HttpRequestException("no route"),
            _ => Events("event: alive\nid: 9\ndata: {}\n\n: a comment\n\nevent: later\nid: 10\ndata: what is this\n\n"),
            _ => Events("event: ready\nid: 11\ndata: {}\n\n"));

        var heard = await server.HearAsync(null, news => news.Kind == CatalogueNewsKind.Ready);

        Assert.Equal(["Published 1", "Published 2", "Removed 3", "Disconnected 3", "Disconnected 3", "Disconnected 10", "Ready 11"], heard.Select(news => $"{news.Kind} {news.Id}"));
        Assert.Equal([null, "3", "3", "10"], server.LastIds);
        Assert.Equal("?pattern=a%2F%2A%2A&pattern=%7Bb%2Cc%7D", server.Query);
        Assert.Equal("it closed the connection", heard[3].Reason);
    }

    [Theory]
    [InlineData("event: published\nid: 2\ndata: {nonsense\n\n", "it says what cannot be read")]
    [InlineData("event: published\nid: 2\ndata: {\"publ", "it closed the connection")]
    public async Task What_is_broken_off_or_cannot_be_read_is_heard_again(string broken, string reason)
    {
        using var server = new Script(_ => Events(Published(1) + broken), _ => Events(Published(2)));
        var heard = await server.HearAsync(null, news => news.Id == 2);
        Assert.Equal(["Published 1", "Disconnected 1", "Published 2"], heard.Select(news => $"{news.Kind} {news.Id}"));
        Assert.StartsWith(reason, heard[1].Reason, StringComparison.Ordinal);
        Assert.Equal([null, "1"], server.LastIds);
    }

    [Theory]
    [InlineData("published\":{\"name\":null,\"version\":1", "an entry has no name")]
    [InlineData("published\":{\"name\":\"x\",\"version\":-1", "'x' has the version -1")]
    [InlineData("published\":{\"name\":\"x\",\"version\":1,\"size\":-1", "'x@1' has -1 bytes")]
    [InlineData("removed\":{\"name\":null", "what was removed has no name")]
    [InlineData("removed\":{\"name\":\"/x\"", "a name that is none: the name begins with a slash")]
    [InlineData("removed\":{\"name\":\"x\",\"version\":0", "'x' has the version 0")]
    public async Task What_cannot_be_is_passed_over(string strange, string reason)
    {
        var kind = strange.Split('"')[0];
        using var server = new Script(_ => Events($"{Published(1)}event: {kind}\nid: 2\ndata: {{\"{strange}}}}}\n\n{Published(3)}"));
        var heard = await server.HearAsync(null, news => news.Id == 3);
        Assert.Equal(["Published 1", "PassedOver 2", "Published 3"], heard.Select(news => $"{news.Kind} {news.Id}"));
        Assert.Equal(reason, heard[1].Reason);
    }

    [Fact]
    public async Task Silence_is_a_lost_connection()
    {
        using var server = new Script(_ => Events(Published(1), endsBySilence: true), _ => Events(Published(2)));
        var heard = await server.HearAsync(null, news => news.Id == 2);
        Assert.Equal("nothing came for 0.3 s", heard[1].Reason);
    }

    [Theory]
    [InlineData("data: ")]
    [InlineData("data: x\ndata: ")]
    public async Task An_event_is_not_longer_than_is_fit(string begin)
    {
        using var server = new Script(_ => Events(Published(1) + begin + new string('x', EventStream.MaximumEventLength)), _ => Events(Published(2)));
        var heard = await server.HearAsync(null, news => news.Id == 2);
        Assert.Equal($"an event has more than {EventStream.MaximumEventLength} bytes", heard[1].Reason);
    }

    [Theory]
    [InlineData("\n")]
    [InlineData("\r")]
    [InlineData("\r\n")]
    public async Task Many_events_may_be_longer_than_one(string newline)
    {
        var text = string.Concat(Enumerable.Repeat($": {new string('x', 60_000)}\n\n", 40)) + Published(1);
        using var server = new Script(_ => Events(text.ReplaceLineEndings(newline)));
        Assert.Equal(1, Assert.Single(await server.HearAsync(null, _ => true)).Id);
    }

    [Fact]
    public async Task Who_has_too_much_to_do_is_asked_again_later()
    {
        using var server = new Script(
            _ => Answer(HttpStatusCode.ServiceUnavailable, "as many subscribers as this tracker allows", retryAfter: 3600),
            _ => Answer(HttpStatusCode.TooManyRequests), _ => Answer(HttpStatusCode.RequestTimeout), _ => Answer(HttpStatusCode.BadGateway),
            _ => new HttpResponseMessage(HttpStatusCode.OK) { Content = new StringContent("<html>") },
            _ => Events(Published(5)));
        var heard = await server.HearAsync(4, news => news.Id == 5);
        Assert.Equal(6, heard.Count);
        Assert.Contains("as many subscribers", heard[0].Reason, StringComparison.Ordinal);
        Assert.All(server.LastIds, id => Assert.Equal("4", id));
    }

    [Theory]
    [InlineData(HttpStatusCode.BadRequest)]
    [InlineData(HttpStatusCode.Unauthorized)]
    [InlineData(HttpStatusCode.Forbidden)]
    [InlineData(HttpStatusCode.NotFound)]
    [InlineData(HttpStatusCode.MovedPermanently)]
    public async Task What_a_later_try_cannot_change_ends_it(HttpStatusCode status)
    {
        using var server = new Script(_ => Events(Published(1)), _ => Answer(status));
        await Assert.ThrowsAsync<ShoalException>(() => server.HearAsync(null, _ => false));
    }

    private static string Published(int id) =>
        $"event: published\nid: {id}\ndata: {{\"published\":{{\"name\":\"x\",\"version\":{id},\"infoHash\":\"{new string('a', 40)}\",\"size\":1,\"fileCount\":1,\"pieceLength\":1,\"publishedAt\":\"2026-01-01T00:00:00Z\",\"sequence\":{id}}}}}\n\n";

    private static HttpResponseMessage Events(string text, bool endsBySilence = false)
    {
        var content = new StreamContent(new Drops(Encoding.UTF8.GetBytes(text), endsBySilence));
        content.Headers.ContentType = new("text/event-stream");
        return new HttpResponseMessage(HttpStatusCode.OK) { Content = content };
    }

    private static HttpResponseMessage Answer(HttpStatusCode status, string? text = null, int retryAfter = 0)
    {
        var answer = new HttpResponseMessage(status) { Content = new StringContent(text ?? "no") };
        if (retryAfter > 0)
        {
            answer.Headers.RetryAfter = new(TimeSpan.FromSeconds(retryAfter));
        }

        return answer;
    }

    /// <summary>A server that answers each connection as it is told.</summary>
    private sealed class Script(params Func<HttpRequestMessage, HttpResponseMessage>[] answers) : HttpMessageHandler
    {
        public List<string?> LastIds { get; } = [];

        public string? Query { get; private set; }

        public async Task<List<CatalogueNews>> HearAsync(long? since, Predicate<CatalogueNews> isLast)
        {
            using var http = new HttpClient(this, disposeHandler: false) { BaseAddress = new Uri("http://lab/api/v1/"), Timeout = Timeout.InfiniteTimeSpan };
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
            patience.CancelAfter(TimeSpan.FromMinutes(1));
            NamePattern[] patterns = [Pattern("a/**"), Pattern("{b,c}")];
            var listener = new CatalogueListener(http, Quick, async (response, cancel) => new ShoalException(await response.Content.ReadAsStringAsync(cancel)));
            List<CatalogueNews> heard = [];
            await foreach (var news in listener.ReadAsync(patterns, since, patience.Token))
            {
                heard.Add(news);
                if (isLast(news))
                {
                    break;
                }
            }

            return heard;
        }

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            Query = request.RequestUri!.Query;
            LastIds.Add(request.Headers.TryGetValues("Last-Event-ID", out var ids) ? ids.Single() : null);
            return Task.FromResult(answers[LastIds.Count - 1](request));
        }

        private static NamePattern Pattern(string text) => NamePattern.TryParse(text, out var pattern, out var wrong) ? pattern : throw new ArgumentException(wrong);
    }

    /// <summary>Comes in pieces, as from a network; then ends, or says nothing more.</summary>
    private sealed class Drops(byte[] bytes, bool endsBySilence) : MemoryStream(bytes)
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            await Task.Yield();
            if (Position == Length && endsBySilence)
            {
                await Task.Delay(Timeout.Infinite, cancellationToken);
            }

            return await base.ReadAsync(buffer[..Math.Min(buffer.Length, Length - Position > 10_000 ? 4096 : 7)], cancellationToken);
        }
    }
}
