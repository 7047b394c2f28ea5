using System.Net;
using Shoal.Interop.Foreign;
using Shoal.Tracker.Catalogue;

namespace Shoal.Tracker.Tests.Catalogue;

/// <summary>Two trackers that share one catalogue in PostgreSQL.</summary>
public sealed class PostgresTrackerTests(PostgresServer server) : IClassFixture<PostgresServer>
{
    [Fact]
    public async Task What_is_published_at_one_is_listed_got_told_of_and_removed_at_the_other()
    {
        var database = await server.NewDatabaseAsync();
        await using var one = await StartAsync(database);
        await using var other = await StartAsync(database);
        await using var subscriber = await other.SubscribeAsync();
        Assert.Equal("ready", await subscriber.NextAsync());

        Assert.Equal(HttpStatusCode.Created, (await one.PublishAsync("models/x", "one")).Status);
        Assert.Equal("published models/x@1", await subscriber.NextAsync());
        Assert.Equal("models/x", Assert.Single((await other.GetAsync("/api/v1/names?pattern=models/**")).Page.Entries).Name);
        Assert.Equal((await one.GetAsync("/api/v1/names/models/x")).Entry, (await other.GetAsync("/api/v1/names/models/x")).Entry);
        var torrent = await other.GetAsync("/api/v1/torrents/models/x");
        Assert.Equal(HttpStatusCode.OK, torrent.Status);
        Assert.True(Shoal.Protocol.Metadata.MetainfoReader.TryRead(torrent.Body, out var metainfo, out _));
        Assert.Equal(Samples.InfoHashOfTorrent("one"), metainfo.InfoHash);

        Assert.Equal(2, (await other.PublishAsync("models/x", "two")).Entry.Version);
        Assert.Equal(HttpStatusCode.OK, (await one.PublishAsync("models/x", "two")).Status); // the same version
        Assert.Equal(HttpStatusCode.OK, (await one.RemoveAsync("models/x@2")).Status);
        Assert.Equal(HttpStatusCode.OK, (await other.RemoveAsync("models/x")).Status);
        Assert.Equal(["published models/x@2", "removed models/x@2", "removed models/x"], await subscriber.NextAsync(3));
        Assert.Equal(3, (await one.PublishAsync("models/x", "two")).Entry.Version);
        Assert.Equal("published models/x@3", await subscriber.NextAsync());
        Assert.Equal(["1"], await database.SqlAsync("SELECT count(*) FROM shoal.torrent"));
    }

    [Fact]
    public async Task Twenty_who_publish_one_name_at_two_trackers_at_once_get_a_version_each_and_both_tell_of_all_in_one_order()
    {
        var database = await server.NewDatabaseAsync();
        await using var one = await StartAsync(database);
        await using var other = await StartAsync(database);
        await using var hearsOne = await one.SubscribeAsync();
        await using var hearsOther = await other.SubscribeAsync();
        Assert.Equal("ready", await hearsOne.NextAsync());
        Assert.Equal("ready", await hearsOther.NextAsync());
        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => (i % 2 == 0 ? one : other).PublishAsync("x", $"content {i}")));
        Assert.All(answers, answer => Assert.Equal(HttpStatusCode.Created, answer.Status));
        Assert.Equal(Enumerable.Range(1, 20), answers.Select(answer => answer.Entry.Version).Order());
        var expected = Enumerable.Range(1, 20).Select(version => $"published x@{version}").ToArray();
        Assert.Equal(expected, await hearsOne.NextAsync(20));
        Assert.Equal(expected, await hearsOther.NextAsync(20));
        Assert.Equal((await one.GetAsync("/api/v1/versions/x")).Text, (await other.GetAsync("/api/v1/versions/x")).Text);
        Assert.Equal(20, (await database.SqlAsync("SELECT DISTINCT encode(info_hash, 'hex') FROM shoal.change")).Length);
    }

    [Fact]
    public async Task A_subscriber_goes_on_at_another_tracker_where_it_left_off()
    {
        var database = await server.NewDatabaseAsync();
        await using var one = await StartAsync(database);
        await using var other = await StartAsync(database);
        long last;
        await using (var subscriber = await one.SubscribeAsync())
        {
            await other.PublishAsync("a", "one");
            await subscriber.UntilReadyAsync();
            await other.PublishAsync("b", "one");
            while (await subscriber.NextAsync() != "published b@1")
            {
            }

            last = subscriber.LastId;
        }

        await one.PublishAsync("c", "one");
        await one.RemoveAsync("a");
        await using var moved = await other.SubscribeAsync(lastId: last);
        Assert.Equal(["published c@1", "removed a"], (await moved.NextAsync(3)).Where(said => said != "ready").Take(2));
    }

    [Fact]
    public async Task A_token_counts_at_all_trackers_until_it_is_revoked()
    {
        var database = await server.NewDatabaseAsync();
        await using var one = await StartAsync(database);
        await using var other = await StartAsync(database);
        Assert.False(database.Tokens.Exist);
        var made = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => database.Tokens.CreateFirst())));
        var (name, first) = Assert.Single(made, one => one is not null)!.Value;
        var secret = database.Tokens.Create("ci", CatalogueRights.Publish, "nightly/**");
        Assert.Equal(["first", "ci"], database.Tokens.List().Select(token => token.Name));
        await UntilAsync(async () => (await one.PublishAsync("nightly/x", "one", secret, CatalogueServer.Stranger)).Status == HttpStatusCode.Created);
        await UntilAsync(async () => (await other.PublishAsync("x", "one", first, CatalogueServer.Stranger)).Status == HttpStatusCode.Created);
        Assert.Equal(HttpStatusCode.Forbidden, (await one.PublishAsync("x", "two", secret, CatalogueServer.Stranger)).Status);
        Assert.DoesNotContain((await database.SqlAsync("SELECT * FROM shoal.token")), row => row.Contains(secret, StringComparison.Ordinal));
        Assert.True(database.Tokens.Revoke("ci"));
        Assert.False(database.Tokens.Revoke("ci"));
        await UntilAsync(async () => (await one.PublishAsync("nightly/x", "one", secret, CatalogueServer.Stranger)).Status == HttpStatusCode.Unauthorized);
        await UntilAsync(async () => (await other.PublishAsync("nightly/x", "one", secret, CatalogueServer.Stranger)).Status == HttpStatusCode.Unauthorized);
        Assert.Equal("first", name);
        Assert.Null(database.Tokens.CreateFirst());
    }

    [Fact]
    public async Task Rows_of_what_counts_no_more_go_and_who_was_far_behind_begins_anew()
    {
        var database = await server.NewDatabaseAsync();
        await using var one = await StartAsync(database);
        await one.PublishAsync("kept", "one");
        await one.PublishAsync("gone", "one");
        await one.RemoveAsync("gone");
        await using var subscriber = await one.SubscribeAsync();
        Assert.Equal(["published kept@1", "ready"], await subscriber.NextAsync(2));

        // Another tracker's work while this one did not look: ten thousand changes, of which half count no more and are forgotten.
        await database.SqlAsync("""
            BEGIN;
            SELECT FROM shoal.head FOR UPDATE;
            INSERT INTO shoal.change (sequence, name, version, info_hash, size, file_count, piece_length, at)
                SELECT 3 + n, 'many/' || n, 1, decode(lpad(to_hex(n), 40, '0'), 'hex'), n, 1, 16384, now() FROM generate_series(1, 10000) n WHERE n % 2 = 0;
            DELETE FROM shoal.change WHERE name = 'kept';
            INSERT INTO shoal.change (sequence, name, version, last_version, at) VALUES (10004, 'kept', NULL, 1, now());
            UPDATE shoal.head SET last_sequence = 10004;
            NOTIFY shoal_catalogue;
            COMMIT;
            """);
        var events = await subscriber.NextAsync(5001);
        Assert.Equal(Enumerable.Range(1, 5000).Select(n => $"published many/{2 * n}@1").Append("removed kept"), events);
        Assert.Equal(HttpStatusCode.NotFound, (await one.GetAsync("/api/v1/names/kept")).Status);
        Assert.Equal(2, (await one.PublishAsync("kept", "one")).Entry.Version);
        Assert.Equal("published kept@2", await subscriber.NextAsync());
        Assert.Equal(HttpStatusCode.OK, (await one.RemoveAsync("kept")).Status);
        Assert.Equal(["0"], await database.SqlAsync("SELECT count(*) FROM shoal.change WHERE name = 'gone' AND info_hash IS NOT NULL"));
        Assert.Equal(["1"], await database.SqlAsync("SELECT count(*) FROM shoal.change WHERE name = 'gone'"));
        await using var other = await StartAsync(database);
        Assert.Equal(5000, other.Tracker.CatalogueCount);
    }

    internal static Task<CatalogueServer> StartAsync(PostgresDatabase database) => CatalogueServer.StartTrackerAsync(options => options with
    {
        Catalogue = database.Options, TrustedProxies = [IPNetwork.Parse("127.0.0.1/32")],
    });

    internal static async Task UntilAsync(Func<Task<bool>> isSo)
    {
        var start = TimeProvider.System.GetTimestamp();
        while (!await isSo())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(start) < TimeSpan.FromSeconds(60));
        }
    }
}
