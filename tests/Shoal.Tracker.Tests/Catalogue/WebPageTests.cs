using System.Net;
using Shoal.Interop.Foreign;
using Shoal.Protocol.Catalogue;
using Shoal.Tracker.Catalogue;

namespace Shoal.Tracker.Tests.Catalogue;

/// <summary>The page at /, in a browser.</summary>
public sealed class WebPageTests
{
    private const string Hostile = "a<script>document.title='owned'</script>/<img src=x onerror=\"document.title='owned'\">'&amp;";
    private const string Names = "[...document.querySelectorAll('button.name')].map(button => button.textContent).join('|')";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task It_shows_what_is_published_without_a_reload_and_any_name_is_only_text()
    {
        SkipWithoutBrowser();
        await using var server = await CatalogueServer.StartAsync();
        await server.PublishAsync("models/first", "one");
        await using var browser = await Browser.StartAsync(Cancel);
        await browser.OpenAsync(server.Url("/"), Cancel);
        await browser.UntilAsync($"{Names} === 'models/first' && document.getElementById('state').textContent === 'live'", Cancel);
        await browser.RunAsync("window.stayed = true", Cancel);

        Assert.Equal(HttpStatusCode.Created, (await server.PublishAsync(Hostile, "two")).Status);
        await browser.UntilAsync("document.querySelectorAll('button.name').length === 2", Cancel);
        Assert.Equal($"{Hostile}|models/first", (string?)await browser.RunAsync(Names, Cancel));
        await browser.RunAsync("document.querySelector('button.name').click()", Cancel);
        await browser.UntilAsync("document.querySelector('tr.more li') !== null", Cancel);
        Assert.Equal(
            "true 0 1", (string?)await browser.RunAsync("[window.stayed && !document.title.includes('owned'), document.images.length, document.scripts.length].join(' ')", Cancel));

        await browser.RunAsync("document.querySelector('button.name').click()", Cancel);
        await server.PublishAsync("models/first", "three");
        await browser.UntilAsync("document.body.textContent.includes('@2')", Cancel);
        await server.RemoveAsync(Hostile);
        await browser.UntilAsync($"{Names} === 'models/first'", Cancel);
        Assert.Empty(browser.Complaints);
    }

    [Fact]
    public async Task It_searches_sorts_and_turns_pages()
    {
        SkipWithoutBrowser();
        await using var server = await CatalogueServer.StartAsync();
        await Parallel.ForEachAsync(Enumerable.Range(0, 150), async (i, _) => await server.PublishAsync($"many/{i:d3}", "one"));
        await server.PublishAsync("other/one", "two");
        await using var browser = await Browser.StartAsync(Cancel);
        await browser.OpenAsync(server.Url("/"), Cancel);
        await browser.UntilAsync("document.querySelectorAll('button.name').length === 100", Cancel);
        await browser.RunAsync("document.getElementById('next').click()", Cancel);
        await browser.UntilAsync("document.querySelectorAll('button.name').length === 51 && document.getElementById('next').disabled", Cancel);
        await browser.RunAsync("document.getElementById('previous').click()", Cancel);
        await browser.UntilAsync($"{Names}.startsWith('many/000|')", Cancel);
        await SetAsync(browser, "sort", "age", "change");
        await browser.UntilAsync($"{Names}.startsWith('other/one|')", Cancel);
        await SetAsync(browser, "pattern", "many/?4{2,7}", "input");
        await browser.UntilAsync($"{Names}.split('|').sort().join('|') === 'many/042|many/047|many/142|many/147'", Cancel);
        await SetAsync(browser, "pattern", "ther", "input");
        await browser.UntilAsync($"{Names} === 'other/one'", Cancel);
        await SetAsync(browser, "pattern", "nowhere", "input");
        await browser.UntilAsync("document.getElementById('message').textContent.startsWith('No name matches')", Cancel);
        Assert.Empty(browser.Complaints);
    }

    [Fact]
    public async Task Of_a_private_catalogue_it_asks_for_a_token_and_gets_the_torrent_with_it()
    {
        SkipWithoutBrowser();
        await using var server = await CatalogueServer.StartAsync(options => options with { IsPrivate = true });
        await server.PublishAsync("secret/a", "one");
        await server.PublishAsync("other/b", "one");
        var token = server.Tokens.Create("reader", CatalogueRights.Read, "secret/**");
        await using var browser = await Browser.StartAsync(Cancel, "--host-resolver-rules=MAP tracker.lab 127.0.0.1");
        // By another name than this machine's, it is no longer who sits at it.
        await browser.OpenAsync(new Uri($"http://tracker.lab:{server.Tracker.EndPoint.Port}/"), Cancel);
        await browser.UntilAsync("!document.getElementById('ask').hidden", Cancel);
        Assert.Equal("", (string?)await browser.RunAsync(Names, Cancel));
        await GiveTokenAsync(browser, "shoal_wrong");
        await browser.UntilAsync("document.getElementById('message').textContent === 'the token is unknown or was revoked'", Cancel);
        await GiveTokenAsync(browser, token);
        await browser.UntilAsync($"{Names} === 'secret/a' && document.getElementById('state').textContent === 'live'", Cancel);
        await server.PublishAsync("secret/b", "two");
        await browser.UntilAsync($"{Names} === 'secret/a|secret/b'", Cancel);
        Assert.Equal("200", (string?)await browser.RunAsync("ask(document.querySelectorAll('td.links a')[1].href).then(answer => String(answer.status))", Cancel));
        Assert.Equal("", (string?)await browser.RunAsync("document.cookie + (location.href.includes('shoal_') ? location.href : '')", Cancel));
    }

    [Fact]
    public async Task It_may_run_nothing_but_itself_and_a_tracker_without_a_catalogue_has_a_line_of_text()
    {
        await using var server = await CatalogueServer.StartAsync();
        var page = await server.GetAsync("/", forwardedFor: CatalogueServer.Stranger);
        Assert.Equal("text/html; charset=utf-8", page.ContentHeaders.ContentType?.ToString());
        var policy = Assert.Single(page.Headers.GetValues("Content-Security-Policy"));
        Assert.StartsWith("default-src 'none'; script-src 'sha256-", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
        Assert.DoesNotMatch("""(src|href)="(?!/|data:,)""", page.Text); // all that it needs is in it
        await using var plain = await TrackerServer.StartAsync(new TrackerOptions { BindAddress = IPAddress.Loopback, Port = 0 }, cancellationToken: Cancel);
        using var http = new HttpClient();
        Assert.StartsWith("A BitTorrent tracker by Shoal", await http.GetStringAsync(new Uri(plain.AnnounceUrl, "/"), Cancel), StringComparison.Ordinal);
    }

    private static Task GiveTokenAsync(Browser browser, string token) => browser.RunAsync(
        $"document.getElementById('secret').value = '{token}'; document.getElementById('ask').requestSubmit()", Cancel);

    private static Task SetAsync(Browser browser, string id, string value, string happening) => browser.RunAsync(
        $"document.getElementById('{id}').value = '{value}'; document.getElementById('{id}').dispatchEvent(new Event('{happening}'))", Cancel);

    private static void SkipWithoutBrowser() => Assert.SkipWhen(ForeignPrograms.WhyNoChromium is not null, ForeignPrograms.WhyNoChromium ?? "");
}
