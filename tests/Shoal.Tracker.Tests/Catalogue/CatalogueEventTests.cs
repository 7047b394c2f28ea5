using System.Globalization;
using System.Net;

namespace Shoal.Tracker.Tests.Catalogue;

/// <summary>What subscribers hear.</summary>
public sealed class CatalogueEventTests
{
    private const int KeptCount = 8192;

    [Fact]
    public async Task A_subscriber_hears_of_what_there_is_and_then_of_what_comes_each_once_and_in_order()
    {
        await using var server = await CatalogueServer.StartAsync();
        await server.PublishAsync("b", "one");
        await server.PublishAsync("a", "one");
        await server.PublishAsync("c", "one");
        await server.PublishAsync("b", "two");
        await server.RemoveAsync("c");
        await using var subscriber = await server.SubscribeAsync();
        Assert.Equal("text/event-stream", subscriber.Response.Content.Headers.ContentType?.MediaType);
        Assert.Equal(["published a@1", "published b@2", "ready"], await subscriber.NextAsync(3));
        await server.PublishAsync("c", "one");
        await server.PublishAsync("c", "one");
        Assert.Equal("published c@2", await subscriber.NextAsync());
        await server.RemoveAsync("c@2");
        await server.RemoveAsync("b");
        await server.PublishAsync("b", "one");
        Assert.Equal(["removed c@2", "removed b", "published b@3"], await subscriber.NextAsync(3));
    }

    [Fact]
    public async Task Only_names_that_match_one_of_the_patterns_are_told()
    {
        await using var server = await CatalogueServer.StartAsync();
        await server.PublishAsync("a/1", "one");
        await server.PublishAsync("b/1", "one");
        await server.PublishAsync("c/1", "one");
        await using var subscriber = await server.SubscribeAsync("?pattern=a/*&pattern=c/**");
        Assert.Equal(["published a/1@1", "published c/1@1", "ready"], await subscriber.NextAsync(3));
        await server.PublishAsync("b/1", "two");
        await server.RemoveAsync("b/1");
        await server.PublishAsync("a/2", "two");
        Assert.Equal("published a/2@1", await subscriber.NextAsync());
        var many = await server.GetAsync($"/api/v1/events?{string.Join('&', Enumerable.Repeat("pattern=a", 101))}");
        Assert.Equal("there are more than 100 patterns", many.Error);
        var hungry = await server.GetAsync($"/api/v1/events?{string.Join('&', Enumerable.Range(0, 3).Select(i => $"pattern=*{i}{new string('a', 1000)}"))}");
        Assert.Equal("the patterns have more than 2048 characters together", hungry.Error);
    }

    [Fact]
    public async Task Who_comes_back_continues_where_it_left_off()
    {
        await using var server = await CatalogueServer.StartAsync();
        await server.PublishAsync("a", "one");
        await server.PublishAsync("a", "two");
        await server.RemoveAsync("a@1");
        await server.PublishAsync("b", "three");
        string[] all = ["published a@1", "published a@2", "removed a@1", "published b@1", "ready"];
        for (var left = 0; left <= 4; left++)
        {
            await using var subscriber = await server.SubscribeAsync(lastId: left);
            Assert.Equal(all[left..], await subscriber.NextAsync(5 - left));
            Assert.Equal(4, subscriber.LastId);
            await using var other = await server.SubscribeAsync($"?after={left}");
            Assert.Equal(all[left..], await other.NextAsync(5 - left));
        }

        // Of another catalogue, that was here before: what there is, from the beginning.
        await using var foreign = await server.SubscribeAsync(lastId: 5);
        Assert.Equal(["published a@2", "published b@1", "ready"], await foreign.NextAsync(3));
        var refused = await server.SendAsync(HttpMethod.Get, "/api/v1/events", headers: ("Last-Event-ID", "x"));
        Assert.Equal("Last-Event-ID is no id of ours", refused.Error);
        Assert.Equal(HttpStatusCode.BadRequest, (await server.SendAsync(HttpMethod.Get, "/api/v1/events", headers: ("Last-Event-ID", "99999999999999999999"))).Status);
    }

    [Fact]
    public async Task After_a_restart_nothing_is_missed_or_told_again()
    {
        await using var server = await CatalogueServer.StartAsync();
        await server.PublishAsync("a", "one");
        await server.PublishAsync("b", "one");
        await server.PublishAsync("c", "one");
        long last;
        await using (var subscriber = await server.SubscribeAsync())
        {
            Assert.Equal(["published a@1", "published b@1", "published c@1", "ready"], await subscriber.NextAsync(4));
            last = subscriber.LastId;
        }

        await server.PublishAsync("a", "two");
        await server.RestartAsync();
        await server.RemoveAsync("b");
        await server.PublishAsync("a", "three");
        await server.RestartAsync();
        await using (var subscriber = await server.SubscribeAsync(lastId: last))
        {
            Assert.Equal(["published a@2", "removed b", "published a@3", "ready"], await subscriber.NextAsync(4));
            await server.PublishAsync("b", "two");
            Assert.Equal("published b@2", await subscriber.NextAsync());
            last = subscriber.LastId;
        }

        await server.RestartAsync();
        await using (var subscriber = await server.SubscribeAsync(lastId: last))
        {
            Assert.Equal("ready", await subscriber.NextAsync());
            Assert.Equal(last, subscriber.LastId);
        }
    }

    [Fact]
    public async Task Who_was_away_for_more_than_is_kept_misses_nothing_of_what_there_is()
    {
        await using var server = await CatalogueServer.StartAsync();
        await server.PublishAsync("a", "one");
        await server.PublishAsync("gone", "one");
        await using var slow = await server.SubscribeAsync();
        Assert.Equal(["published a@1", "published gone@1"], await slow.NextAsync(2));
        await server.RemoveAsync("gone");
        await server.PublishAsync("a", "two");
        await PublishManyAsync(server, KeptCount + 500);
        string[] expected = ["removed gone", "published a@2"];
        await using var back = await server.SubscribeAsync(lastId: 2);
        var events = await back.UntilReadyAsync();
        Assert.Equal(expected, events[..2]);
        AssertEachOnce(events[2..], KeptCount + 500);

        Assert.Equal("ready", await slow.NextAsync());
        Assert.Equal(expected, await slow.NextAsync(2));
        AssertEachOnce([.. await slow.NextAsync(KeptCount + 500)], KeptCount + 500);
        await server.PublishAsync("end", "one");
        Assert.Equal("published end@1", await slow.NextAsync());
        Assert.Equal("published end@1", await back.NextAsync());
        await using var fresh = await server.SubscribeAsync("?pattern={a,end,gone}");
        Assert.Equal(["published a@2", "published end@1", "ready"], await fresh.NextAsync(3));
    }

    [Fact]
    public async Task One_address_takes_no_more_than_a_tenth_of_the_places()
    {
        await using var server = await CatalogueServer.StartAsync(options => options with { MaximumSubscriberCount = 20 });
        await using var first = await server.SubscribeAsync(forwardedFor: CatalogueServer.Stranger);
        await using var second = await server.SubscribeAsync(forwardedFor: CatalogueServer.Stranger);
        Assert.Equal("ready", await first.NextAsync());
        Assert.Equal("ready", await second.NextAsync());
        var refused = await server.GetAsync("/api/v1/events", forwardedFor: CatalogueServer.Stranger);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.Status);
        Assert.Equal("there are as many subscribers from your address as this tracker allows; come again later", refused.Error);
        await using var other = await server.SubscribeAsync(forwardedFor: "203.0.113.10");
        Assert.Equal("ready", await other.NextAsync());
        await using var here = await server.SubscribeAsync();
        Assert.Equal("ready", await here.NextAsync());
    }

    [Fact]
    public async Task There_is_room_for_so_many_and_for_another_when_one_leaves()
    {
        await using var server = await CatalogueServer.StartAsync(options => options with { MaximumSubscriberCount = 2 });
        await using var first = await server.SubscribeAsync();
        var second = await server.SubscribeAsync();
        Assert.Equal("ready", await first.NextAsync());
        Assert.Equal("ready", await second.NextAsync());
        var refused = await server.GetAsync("/api/v1/events");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.Status);
        Assert.Equal("30", refused.Headers.RetryAfter?.ToString());
        Assert.Equal("there are as many subscribers as this tracker allows; come again later", refused.Error);
        await second.DisposeAsync();
        while (true)
        {
            await using var third = await server.SubscribeAsync();
            if (third.Response.StatusCode == HttpStatusCode.OK)
            {
                Assert.Equal("ready", await third.NextAsync());
                break;
            }
        }

        // Whoever was refused took no place.
        await server.PublishAsync("a", "one");
        Assert.Equal("published a@1", await first.NextAsync());
    }

    [Fact]
    public async Task Two_hundred_subscribers_hear_of_all()
    {
        await using var server = await CatalogueServer.StartAsync();
        var subscribers = await Task.WhenAll(Enumerable.Range(0, 200).Select(_ => server.SubscribeAsync()));
        await Task.WhenAll(subscribers.Take(100).Select(async subscriber => Assert.Equal("ready", await subscriber.NextAsync())));
        var hearing = subscribers.Select(async (subscriber, i) =>
        {
            // The second hundred may meet some before they are ready, and some after.
            var events = new List<string>();
            while (events.Count < 100)
            {
                var next = await subscriber.NextAsync();
                Assert.NotNull(next);
                if (next != "ready")
                {
                    events.Add(next);
                }
            }

            return events;
        }).ToArray();
        await PublishManyAsync(server, 100);
        foreach (var events in await Task.WhenAll(hearing))
        {
            AssertEachOnce(events, 100);
        }

        foreach (var subscriber in subscribers)
        {
            await subscriber.DisposeAsync();
        }
    }

    // In order of their numbers, which is not that of their names: many publish at once.
    private static Task PublishManyAsync(CatalogueServer server, int count) => Parallel.ForEachAsync(
        Enumerable.Range(0, count), new ParallelOptions { MaxDegreeOfParallelism = 32 }, async (i, _) =>
            Assert.Equal(HttpStatusCode.Created, (await server.PublishAsync($"many/{i}", (i % 16).ToString(CultureInfo.InvariantCulture))).Status));

    private static void AssertEachOnce(List<string> events, int count) =>
        Assert.Equal(
            Enumerable.Range(0, count).Select(i => $"published many/{i}@1").Order(StringComparer.Ordinal), events.Order(StringComparer.Ordinal));
}
