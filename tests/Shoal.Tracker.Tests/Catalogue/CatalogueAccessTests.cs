using System.Net;
using Shoal.Protocol.Catalogue;
using Shoal.Tracker.Catalogue;

namespace Shoal.Tracker.Tests.Catalogue;

/// <summary>Who may do what, and from where.</summary>
public sealed class CatalogueAccessTests
{
    private const string Stranger = CatalogueServer.Stranger;

    [Fact]
    public async Task This_machine_publishes_as_it_likes_and_others_need_a_token()
    {
        await using var server = await CatalogueServer.StartAsync();
        Assert.Equal(HttpStatusCode.Created, (await server.PublishAsync("a", "one")).Status);
        Assert.Equal(HttpStatusCode.OK, (await server.PublishAsync("a", "one", forwardedFor: "127.0.0.1")).Status);
        var refused = await server.PublishAsync("a", "two", forwardedFor: Stranger);
        Assert.Equal(HttpStatusCode.Unauthorized, refused.Status);
        Assert.Equal("a token is needed to publish", refused.Error);
        Assert.Equal("Bearer", refused.Headers.WwwAuthenticate.ToString());
        Assert.Equal("a token is needed to remove", (await server.RemoveAsync("a", forwardedFor: Stranger)).Error);
        Assert.Equal(1, (await server.GetAsync("/api/v1/names/a", forwardedFor: Stranger)).Entry.Version);
        Assert.Single((await server.GetAsync("/api/v1/names", forwardedFor: Stranger)).Page.Entries);

        var token = server.Tokens.Create("ci", CatalogueRights.Publish, "**");
        var published = await server.PublishAsync("a", "two", token, Stranger);
        Assert.Equal("ci", published.Entry.PublishedBy);
        Assert.Null((await server.GetAsync("/api/v1/names/a@1")).Entry.PublishedBy);
    }

    // A client may write anything before what the proxy appends; and 'nobody' is no address.
    [Theory]
    [InlineData("127.0.0.1, 203.0.113.9")]
    [InlineData("::1, 203.0.113.9")]
    [InlineData("203.0.113.9, 127.0.0.1")]
    [InlineData("nobody")]
    [InlineData("127.0.0.1, nobody")]
    [InlineData("2001:db8::1")]
    public async Task Who_comes_through_a_proxy_is_whom_the_proxy_says(string forwardedFor)
    {
        await using var server = await CatalogueServer.StartAsync();
        Assert.Equal(HttpStatusCode.Unauthorized, (await server.PublishAsync("a", "one", forwardedFor: forwardedFor)).Status);
    }

    [Theory]
    [InlineData("X-Forwarded-For", "127.0.0.1")]
    [InlineData("Forwarded", "for=127.0.0.1")]
    [InlineData("Via", "1.1 somewhere")]
    [InlineData("Origin", "http://evil.example")]
    [InlineData("Origin", "null")]
    public async Task What_a_proxy_or_a_page_sends_is_not_from_this_machine(string header, string value)
    {
        await using var server = await CatalogueServer.StartTrackerAsync(options => options);
        var answer = await server.SendAsync(HttpMethod.Put, "/api/v1/names/a", CatalogueServer.TorrentOf("one"), headers: (header, value));
        Assert.Equal(HttpStatusCode.Unauthorized, answer.Status);
        Assert.Equal(HttpStatusCode.Created, (await server.PublishAsync("a", "one")).Status);
        Assert.Equal(HttpStatusCode.Unauthorized, (await server.SendAsync(HttpMethod.Delete, "/api/v1/names/a", headers: (header, value))).Status);
    }

    // A page whose name was made to mean this machine asks from here, without Origin where it only reads.
    [Theory]
    [InlineData("evil.example", false)]
    [InlineData("evil.example:6969", false)]
    [InlineData("localhost", true)]
    [InlineData("LOCALHOST:6969", true)]
    [InlineData("tracker.localhost", true)]
    [InlineData("127.0.0.1:1", true)]
    [InlineData("[::1]:6969", true)]
    public async Task A_private_catalogue_is_read_without_a_token_only_by_a_name_of_this_machine(string host, bool isAllowed)
    {
        await using var server = await CatalogueServer.StartAsync(options => options with { IsPrivate = true });
        foreach (var path in new[] { "/api/v1/names", "/api/v1/names/a" })
        {
            await server.PublishAsync("a", "one");
            Assert.Equal(isAllowed ? HttpStatusCode.OK : HttpStatusCode.Unauthorized, (await server.SendAsync(HttpMethod.Get, path, headers: ("Host", host))).Status);
        }
    }

    [Fact]
    public async Task A_token_allows_what_it_is_for_and_no_more()
    {
        await using var server = await CatalogueServer.StartAsync();
        var publisher = server.Tokens.Create("publisher", CatalogueRights.Publish, "models/**");
        var remover = server.Tokens.Create("remover", CatalogueRights.Read | CatalogueRights.Remove, "{models,data}/*");
        Assert.Equal(HttpStatusCode.Created, (await server.PublishAsync("models/a", "one", publisher, Stranger)).Status);
        var refused = await server.PublishAsync("data/a", "one", publisher, Stranger);
        Assert.Equal(HttpStatusCode.Forbidden, refused.Status);
        Assert.Equal("the token 'publisher' is for names like 'models/**' only", refused.Error);
        refused = await server.RemoveAsync("models/a", publisher, Stranger);
        Assert.Equal(HttpStatusCode.Forbidden, refused.Status);
        Assert.Equal("the token 'publisher' is not for this: it allows publish", refused.Error);
        Assert.Equal("the token 'remover' is not for this: it allows read, remove", (await server.PublishAsync("models/a", "two", remover, Stranger)).Error);
        Assert.Equal(HttpStatusCode.Forbidden, (await server.RemoveAsync("models/a/b", remover, Stranger)).Status);

        // What is sent counts, even from here.
        Assert.Equal(HttpStatusCode.Forbidden, (await server.PublishAsync("data/a", "one", publisher)).Status);
        Assert.Equal(HttpStatusCode.Unauthorized, (await server.PublishAsync("data/a", "one", "shoal_wrong")).Status);
        var removed = await server.RemoveAsync("models/a", remover, Stranger);
        Assert.Equal("remover", removed.Read(CatalogueJson.Default.CatalogueRemoval).RemovedBy);
    }

    [Fact]
    public async Task Tokens_that_are_made_or_revoked_while_it_runs_count_at_once()
    {
        await using var server = await CatalogueServer.StartAsync();
        for (var round = 0; round < 30; round++)
        {
            // Of one length and within one tick of the clock: nothing but what is in the file tells them apart.
            var tokens = server.Tokens;
            var first = tokens.Create("a", CatalogueRights.All, "**");
            Assert.True((await server.PublishAsync("a", $"{round}", first, Stranger)).Status is HttpStatusCode.Created);
            Assert.True(tokens.Revoke("a"));
            var second = tokens.Create("a", CatalogueRights.All, "**");
            var refused = await server.PublishAsync("a", $"{round} again", first, Stranger);
            Assert.Equal(HttpStatusCode.Unauthorized, refused.Status);
            Assert.Equal("the token is unknown or was revoked", refused.Error);
            Assert.Equal(HttpStatusCode.Created, (await server.PublishAsync("a", $"{round} again", second, Stranger)).Status);
            tokens.Revoke("a");
        }
    }

    [Fact]
    public async Task An_open_catalogue_takes_from_everybody()
    {
        await using var server = await CatalogueServer.StartAsync(options => options with { IsOpen = true });
        Assert.Equal(HttpStatusCode.Created, (await server.PublishAsync("a", "one", forwardedFor: Stranger)).Status);
        Assert.Equal(HttpStatusCode.OK, (await server.RemoveAsync("a", forwardedFor: Stranger)).Status);
        var scoped = server.Tokens.Create("scoped", CatalogueRights.Publish, "b");
        Assert.Equal(HttpStatusCode.Forbidden, (await server.PublishAsync("a", "one", scoped, Stranger)).Status);
    }

    [Fact]
    public async Task A_private_catalogue_shows_strangers_nothing_and_each_token_its_own()
    {
        await using var server = await CatalogueServer.StartAsync(options => options with { IsPrivate = true });
        await server.PublishAsync("models/a", "one");
        await server.PublishAsync("data/a", "two");
        foreach (var path in new[] { "names", "names/models/a", "names/nothing", "versions/models/a", "torrents/models/a", "magnets/models/a", "events" })
        {
            var refused = await server.GetAsync($"/api/v1/{path}", forwardedFor: Stranger);
            Assert.Equal(HttpStatusCode.Unauthorized, refused.Status);
            Assert.Equal("a token is needed to read", refused.Error);
        }

        var token = server.Tokens.Create("reader", CatalogueRights.Read, "models/**");
        Assert.Equal("models/a", Assert.Single((await server.GetAsync("/api/v1/names", token, Stranger)).Page.Entries).Name);
        Assert.Equal("models/a", Assert.Single((await server.GetAsync("/api/v1/names?sort=size&pattern=**", token, Stranger)).Page.Entries).Name);
        Assert.Empty((await server.GetAsync("/api/v1/names?pattern=data/**", token, Stranger)).Page.Entries);
        foreach (var path in new[] { "names/data/a", "names/data/nothing", "versions/data/a", "torrents/data/a", "magnets/data/a" })
        {
            Assert.Equal(HttpStatusCode.Forbidden, (await server.GetAsync($"/api/v1/{path}", token, Stranger)).Status);
        }

        await using var subscriber = await server.SubscribeAsync("", null, token, Stranger);
        Assert.Equal(["published models/a@1", "ready"], await subscriber.NextAsync(2));
        await server.PublishAsync("data/a", "three");
        await server.RemoveAsync("data/a");
        await server.PublishAsync("models/b", "three");
        Assert.Equal("published models/b@1", await subscriber.NextAsync());
        var blind = server.Tokens.Create("publisher", CatalogueRights.Publish, "**");
        Assert.Equal(HttpStatusCode.Forbidden, (await server.GetAsync("/api/v1/names", blind, Stranger)).Status);
    }

    [Fact]
    public async Task Who_listens_with_a_token_that_is_revoked_hears_no_more()
    {
        await using var server = await CatalogueServer.StartAsync(options => options with { IsPrivate = true });
        var token = server.Tokens.Create("reader", CatalogueRights.Read, "**");
        await using var subscriber = await server.SubscribeAsync("", null, token, Stranger);
        Assert.Equal("ready", await subscriber.NextAsync());
        server.Tokens.Revoke("reader");
        await server.PublishAsync("a", "one");
        Assert.Null(await subscriber.NextAsync());
    }

    [Fact]
    public async Task A_token_takes_nothing_from_what_everybody_may_read()
    {
        await using var server = await CatalogueServer.StartAsync();
        await server.PublishAsync("models/x", "content");
        var token = server.Tokens.Create("ci", CatalogueRights.Publish, "nightly/**");
        Assert.Single((await server.GetAsync("/api/v1/names", token, CatalogueServer.Stranger)).Page.Entries);
        Assert.Equal("models/x", (await server.GetAsync("/api/v1/names/models/x", token, CatalogueServer.Stranger)).Entry.Name);
        Assert.Equal(HttpStatusCode.Unauthorized, (await server.GetAsync("/api/v1/names", "shoal_another", CatalogueServer.Stranger)).Status);
    }
}
