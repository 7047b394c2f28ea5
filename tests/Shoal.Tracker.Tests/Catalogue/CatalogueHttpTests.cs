using System.Net;
using System.Text;
using Shoal.Protocol;
using Shoal.Protocol.Catalogue;
using Shoal.Protocol.Metadata;
using Shoal.Protocol.Trackers;
using Shoal.Sockets.Trackers;

namespace Shoal.Tracker.Tests.Catalogue;

/// <summary>What the endpoints take and answer.</summary>
public sealed class CatalogueHttpTests
{
    [Fact]
    public async Task A_name_is_published_found_and_removed()
    {
        await using var server = await CatalogueServer.StartAsync();
        var created = await server.PublishAsync("models/x", "one");
        Assert.Equal(HttpStatusCode.Created, created.Status);
        Assert.Equal("/api/v1/names/models/x", created.Headers.Location?.OriginalString);
        Assert.Equal(("models/x", 1, 3L, 1, 16 * 1024), (created.Entry.Name, created.Entry.Version, created.Entry.Size, created.Entry.FileCount, created.Entry.PieceLength));
        var again = await server.PublishAsync("models/x", "one");
        Assert.Equal(HttpStatusCode.OK, again.Status);
        Assert.Equal(created.Entry, again.Entry);
        Assert.Equal(2, (await server.PublishAsync("models/x", "two")).Entry.Version);

        Assert.Equal(2, (await server.GetAsync("/api/v1/names/models/x")).Entry.Version);
        Assert.Equal(created.Entry, (await server.GetAsync("/api/v1/names/models/x@1")).Entry);
        var versions = (await server.GetAsync("/api/v1/versions/models/x")).Read(CatalogueJson.Default.IReadOnlyListCatalogueEntry);
        Assert.Equal([1, 2], versions.Select(entry => entry.Version));
        Assert.Equal("models/x", Assert.Single((await server.GetAsync("/api/v1/names?pattern=models/*")).Page.Entries).Name);
        Assert.Equal(1, server.Tracker.CatalogueCount);

        var removed = await server.RemoveAsync("models/x@2");
        Assert.Equal(HttpStatusCode.OK, removed.Status);
        Assert.Equal(2, removed.Read(CatalogueJson.Default.CatalogueRemoval).Version);
        Assert.Equal(1, (await server.GetAsync("/api/v1/names/models/x")).Entry.Version);
        Assert.Equal("there is no 'models/x@2' in the catalogue", (await server.RemoveAsync("models/x@2")).Error);
        Assert.Equal(HttpStatusCode.OK, (await server.RemoveAsync("models/x")).Status);
        foreach (var path in new[] { "names/models/x", "versions/models/x", "torrents/models/x", "magnets/models/x" })
        {
            var missing = await server.GetAsync($"/api/v1/{path}");
            Assert.Equal(HttpStatusCode.NotFound, missing.Status);
            Assert.Equal("there is no 'models/x' in the catalogue", missing.Error);
        }

        Assert.Empty((await server.GetAsync("/api/v1/names")).Page.Entries);
    }

    [Fact]
    public async Task All_of_it_is_there_after_a_restart()
    {
        await using var server = await CatalogueServer.StartAsync();
        var created = await server.PublishAsync("models/x", "one");
        await server.RestartAsync();
        Assert.Equal(created.Entry, (await server.GetAsync("/api/v1/names/models/x")).Entry);
        Assert.Equal(HttpStatusCode.OK, (await server.GetAsync("/api/v1/torrents/models/x")).Status);
        Assert.Equal(HttpStatusCode.OK, (await server.PublishAsync("models/x", "one")).Status);
    }

    [Theory]
    [InlineData("with two spaces")]
    [InlineData("Größe/ä ß/😀")]
    [InlineData("100%")]
    [InlineData("a%2Fb")]
    [InlineData("a%41/%e4")]
    [InlineData("a#b?c&d=e")]
    [InlineData("a+b")]
    [InlineData("me@home/x@y")]
    [InlineData("a\"b'<>|;:,*[]{}")]
    [InlineData("...")]
    [InlineData(" ")]
    public async Task Any_name_survives_the_url(string name)
    {
        await using var server = await CatalogueServer.StartAsync();
        var created = await server.PublishAsync(name, "one");
        Assert.Equal(HttpStatusCode.Created, created.Status);
        Assert.Equal(name, created.Entry.Name);
        Assert.Equal(name, (await server.GetAsync(created.Headers.Location!.OriginalString)).Entry.Name);
        Assert.Equal(name, Assert.Single((await server.GetAsync("/api/v1/names")).Page.Entries).Name);
        foreach (var what in new[] { "names", "torrents", "magnets", "versions" })
        {
            Assert.Equal(HttpStatusCode.OK, (await server.GetAsync($"/api/v1/{what}/{CatalogueServer.Escape(name)}")).Status);
        }

        // Who escapes the slashes, too, as most libraries do if they are asked to escape a text, means the same name.
        Assert.Equal(name, (await server.GetAsync($"/api/v1/names/{Uri.EscapeDataString(name)}@1".Replace("@1", "%401", StringComparison.Ordinal))).Entry.Name);
        Assert.Equal(HttpStatusCode.OK, (await server.RemoveAsync(name)).Status);
    }

    [Fact]
    public async Task Pages_make_up_the_list()
    {
        await using var server = await CatalogueServer.StartAsync();
        string[] names = [.. Enumerable.Range(0, 25).Select(i => $"n/{i:D2} ä&+")];
        foreach (var name in names)
        {
            await server.PublishAsync(name, new string('x', 1 + (name[3] % 4)));
        }

        foreach (var sort in new[] { "name", "size", "age", "Name" })
        {
            var found = new List<string>();
            string? after = null;
            do
            {
                var page = (await server.GetAsync($"/api/v1/names?pattern=n/**&sort={sort}&limit=4{(after is null ? "" : $"&after={Uri.EscapeDataString(after)}")}")).Page;
                found.AddRange(page.Entries.Select(entry => entry.Name));
                after = page.Next;
            }
            while (after is not null);
            Assert.Equal(names, found.Order(StringComparer.Ordinal));
            Assert.True(sort != "age" || found.SequenceEqual(names.Reverse()));
        }
    }

    [Fact]
    public async Task A_torrent_and_a_magnet_link_name_this_tracker_as_it_was_asked_for()
    {
        await using var server = await CatalogueServer.StartAsync();
        await server.PublishAsync("models/größe", "one");
        foreach (var host in new[] { "127.0.0.1", "localhost" })
        {
            var announce = $"http://{host}:{server.Tracker.EndPoint.Port}/announce";
            var answer = await server.SendAsync(HttpMethod.Get, "/api/v1/torrents/models/größe@1", headers: ("Host", $"{host}:{server.Tracker.EndPoint.Port}"));
            Assert.Equal("application/x-bittorrent", answer.ContentHeaders.ContentType?.MediaType);
            Assert.Equal("content.torrent", answer.ContentHeaders.ContentDisposition?.FileName);
            Assert.True(MetainfoReader.TryRead(answer.Body, out var metainfo, out var error), error);
            Assert.Equal([[announce]], metainfo.Trackers);
            Assert.Equal(Samples.InfoHashOfTorrent("one"), metainfo.InfoHash);

            answer = await server.SendAsync(HttpMethod.Get, "/api/v1/magnets/models/größe", headers: ("Host", $"{host}:{server.Tracker.EndPoint.Port}"));
            Assert.True(MagnetLink.TryParse(answer.Text.TrimEnd('\n'), out var link, out error), error);
            Assert.Equal((metainfo.InfoHash, "größe"), (link.InfoHash, link.Name));
            Assert.Equal([announce], link.Trackers);
        }

        // A client of HTTP 1.0 does not say how it calls the tracker.
        Assert.Contains($"8:announce{$"{server.Tracker.AnnounceUrl}".Length}:{server.Tracker.AnnounceUrl}", await server.SendRawAsync("GET /api/v1/torrents/models/gr%C3%B6%C3%9Fe HTTP/1.0\r\n\r\n"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Announces_work_beside_it_and_its_entries_count_the_peers()
    {
        await using var server = await CatalogueServer.StartTrackerAsync(options => options);
        await server.PublishAsync("x", "one");
        var infoHash = Samples.InfoHashOfTorrent("one");
        using var client = new TrackerClient();
        Assert.Null((await client.AnnounceAsync(server.Tracker.AnnounceUrl, Announces.From(infoHash, 1001, left: 0), default)).Failure);
        Assert.Null((await client.AnnounceAsync(server.Tracker.UdpAnnounceUrl, Announces.From(infoHash, 1002), default)).Failure);
        Assert.Null((await client.AnnounceAsync(server.Tracker.UdpAnnounceUrl, Announces.From(infoHash, 1003), default)).Failure);
        foreach (var entry in new[] { (await server.GetAsync("/api/v1/names/x")).Entry, (await server.GetAsync("/api/v1/names")).Page.Entries[0], (await server.PublishAsync("x", "one")).Entry })
        {
            Assert.Equal((1, 2), (entry.Seeders, entry.Leechers));
        }

        Assert.StartsWith("{\"swarms\":1,\"peers\":3,", (await server.GetAsync("/stats")).Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("?pattern=[", "the pattern is wrong: the '[' at character 1 is not closed")]
    [InlineData("?limit=0", "limit is not between 1 and 1000")]
    [InlineData("?limit=1001", "limit is not between 1 and 1000")]
    [InlineData("?limit=abc", "a parameter is missing, or not what /openapi.json says that it is")]
    [InlineData("?limit=99999999999", "a parameter is missing, or not what /openapi.json says that it is")]
    [InlineData("?sort=colour", "sort is neither name, size nor age")]
    [InlineData("?sort=1", "sort is neither name, size nor age")]
    [InlineData("?sort=name,size", "sort is neither name, size nor age")]
    [InlineData("?sort=size&after=x", "after is not the 'next' of a page")]
    [InlineData("/a@0", "this is no name: the version is 0, but versions begin at 1")]
    [InlineData("/a@99999999999", "this is no name: the version is above 2147483647")]
    [InlineData("/a//b", "this is no name: part 2 is empty")]
    [InlineData("/a/", "this is no name: the name ends in a slash")]
    [InlineData("/a%00b", "")]
    [InlineData("/a%0Ab", "this is no name: character 2 is a control character (U+000A)")]
    [InlineData("/a%5Cb", "this is no name: character 2 is a backslash")]
    [InlineData("/a%CC%88", "this is no name: the name is not composed as Unicode's NFC demands (at character 1)")]
    [InlineData("/a%FFb", "the name in the URL is not UTF-8 in percent-encoding")]
    [InlineData("/a%C3", "the name in the URL is not UTF-8 in percent-encoding")]
    [InlineData("/a%zz", "the name in the URL is not UTF-8 in percent-encoding")]
    [InlineData("/a%2", "the name in the URL is not UTF-8 in percent-encoding")]
    [InlineData("/a/%2e%2e/b", "this is no name: part 2 is '..'")]
    [InlineData("/a/../b", "this is no name: part 2 is '..'")]
    public async Task What_is_wrong_is_refused_with_a_line(string path, string error)
    {
        await using var server = await CatalogueServer.StartAsync();
        await server.PublishAsync("a", "one");
        var answer = await server.SendRawAsync($"GET /api/v1/names{path} HTTP/1.0\r\nHost: x\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 400 ", answer, StringComparison.Ordinal);
        if (error.Length > 0)
        {
            var body = answer[answer.IndexOf('{')..(answer.LastIndexOf('}') + 1)];
            Assert.Contains(error, System.Text.Json.JsonSerializer.Deserialize(body, CatalogueJson.Default.CatalogueRefusal)!.Error, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("GET", "/api/v1/nothing", 404)]
    [InlineData("GET", "/nothing", 404)]
    [InlineData("GET", "/api/v1/names/nothing", 404)]
    [InlineData("DELETE", "/api/v1/names/nothing", 404)]
    [InlineData("HEAD", "/api/v1/names", 405)]
    [InlineData("POST", "/api/v1/names/a", 405)]
    [InlineData("PUT", "/api/v1/names", 400)]
    [InlineData("DELETE", "/api/v1/names/", 400)]
    [InlineData("PUT", "/api/v1/versions/a", 405)]
    [InlineData("PUT", "/api/v1/names/a@1", 400)]
    [InlineData("PUT", "/api/v1/names/a", 400)]
    [InlineData("GET", "/api/v1/events?pattern=%5B", 400)]
    [InlineData("GET", "/api/v1/events?pattern=", 400)]
    [InlineData("GET", "/api/v1/events?after=x", 400)]
    public async Task Where_nothing_is_done_the_status_fits_and_a_line_says_why(string method, string path, int status)
    {
        await using var server = await CatalogueServer.StartAsync();
        var answer = await server.SendAsync(new HttpMethod(method), path, method is "PUT" or "POST" ? CatalogueServer.Bytes("hello"u8.ToArray()) : null);
        Assert.Equal(status, (int)answer.Status);
        if (status == 405)
        {
            Assert.NotEmpty(answer.ContentHeaders.Allow);
        }

        if (method != "HEAD")
        {
            Assert.NotEmpty(answer.Error);
        }
    }

    [Fact]
    public async Task A_body_that_is_no_torrent_is_refused_whatever_it_is()
    {
        await using var server = await CatalogueServer.StartAsync();
        foreach (var body in new[] { "", "hello", "d4:infodee", "{\"a\":1}", new string('d', 100_000) })
        {
            var answer = await server.SendAsync(HttpMethod.Put, "/api/v1/names/a", CatalogueServer.Bytes(Encoding.UTF8.GetBytes(body)));
            Assert.Equal(HttpStatusCode.BadRequest, answer.Status);
            Assert.StartsWith("this is no .torrent: ", answer.Error, StringComparison.Ordinal);
        }

        var whole = Samples.TorrentBytes("one");
        for (var length = 0; length < whole.Length; length += 7)
        {
            Assert.Equal(HttpStatusCode.BadRequest, (await server.SendAsync(HttpMethod.Put, "/api/v1/names/a", CatalogueServer.Bytes(whole[..length]))).Status);
        }

        Assert.Equal(0, server.Tracker.CatalogueCount);
        Assert.Empty(Directory.GetFiles(server.Folder, "*.torrent", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task A_torrent_is_taken_whatever_type_it_is_said_to_be()
    {
        await using var server = await CatalogueServer.StartAsync();
        using var form = new ByteArrayContent(Samples.TorrentBytes("one")) { Headers = { { "Content-Type", "application/x-www-form-urlencoded" } } };
        Assert.Equal(HttpStatusCode.Created, (await server.SendAsync(HttpMethod.Put, "/api/v1/names/a", form)).Status);
        using var plain = new ByteArrayContent(Samples.TorrentBytes("two"));
        Assert.Equal(HttpStatusCode.Created, (await server.SendAsync(HttpMethod.Put, "/api/v1/names/a", plain)).Status);
    }

    [Theory]
    [InlineData(1001, false)]
    [InlineData(1001, true)]
    [InlineData(8 << 20, false)]
    [InlineData(8 << 20, true)]
    public async Task What_is_too_large_is_refused_so_that_the_sender_hears_of_it(int length, bool chunked)
    {
        await using var server = await CatalogueServer.StartAsync(options => options with { MaximumTorrentLength = 1000 });
        for (var i = 0; i < 5; i++)
        {
            using var body = CatalogueServer.Bytes(new byte[length]);
            using var stream = new StreamContent(new MemoryStream(new byte[length])) { Headers = { ContentLength = null } };
            var answer = await server.SendAsync(HttpMethod.Put, "/api/v1/names/a", chunked ? stream : body);
            Assert.Equal(HttpStatusCode.RequestEntityTooLarge, answer.Status);
            Assert.Equal("the .torrent has more than 1000 bytes", answer.Error);
        }

        Assert.Equal(HttpStatusCode.Created, (await server.PublishAsync("a", "one")).Status);
    }

    [Fact]
    public async Task Who_may_not_publish_hears_of_it_before_a_large_body_is_through()
    {
        await using var server = await CatalogueServer.StartAsync();
        for (var i = 0; i < 5; i++)
        {
            using var body = CatalogueServer.Bytes(new byte[8 << 20]);
            var answer = await server.SendAsync(HttpMethod.Put, "/api/v1/names/a", body, forwardedFor: CatalogueServer.Stranger);
            Assert.Equal(HttpStatusCode.Unauthorized, answer.Status);
            Assert.Equal("a token is needed to publish", answer.Error);
        }
    }
}
