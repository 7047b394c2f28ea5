using System.Diagnostics;
using System.Net;
using Shoal.Interop.Foreign;
using Shoal.Protocol;
using Shoal.Sockets.Trackers;
using Shoal.Tracker.Tests.Catalogue;

namespace Shoal.Tracker.Tests;

/// <summary>/metrics and /healthz, as who watches a tracker reads them.</summary>
public sealed class MetricsTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_tracker_without_a_catalogue_counts_what_it_is_asked_by_protocol()
    {
        var denied = Announces.SomeInfoHash();
        await using var server = await TrackerServer.StartAsync(
            new TrackerOptions { BindAddress = IPAddress.Loopback, Port = 0, DeniedInfoHashes = new HashSet<InfoHash> { denied } }, cancellationToken: Cancel);
        using var client = new TrackerClient();
        var infoHash = Announces.SomeInfoHash();
        await client.AnnounceAsync(server.AnnounceUrl, Announces.From(infoHash, 1, left: 0), Cancel);
        await client.AnnounceAsync(server.UdpAnnounceUrl, Announces.From(infoHash, 2), Cancel);
        await client.AnnounceAsync(server.UdpAnnounceUrl, Announces.From(infoHash, 3), Cancel);
        await client.AnnounceAsync(server.UdpAnnounceUrl, Announces.From(denied, 3), Cancel);
        await client.ScrapeAsync(server.AnnounceUrl, [infoHash], Cancel);
        await client.ScrapeAsync(server.UdpAnnounceUrl, [infoHash], Cancel);
        using var http = new HttpClient();
        await http.GetStringAsync(new Uri(server.AnnounceUrl, "/announce?x"), Cancel);

        var metrics = await ReadAsync(http, server.AnnounceUrl);
        Assert.Equal(2, metrics["shoal_tracker_announces_total{protocol=\"http\"}"]);
        Assert.Equal(3, metrics["shoal_tracker_announces_total{protocol=\"udp\"}"]);
        Assert.Equal(1, metrics["shoal_tracker_scrapes_total{protocol=\"http\"}"]);
        Assert.Equal(1, metrics["shoal_tracker_scrapes_total{protocol=\"udp\"}"]);
        Assert.Equal(1, metrics["shoal_tracker_refusals_total{protocol=\"udp\",reason=\"not_served\"}"]);
        Assert.Equal(1, metrics["shoal_tracker_refusals_total{protocol=\"http\",reason=\"bad_request\"}"]);
        Assert.Equal(3, metrics["shoal_tracker_request_duration_seconds_count{protocol=\"http\"}"]);
        Assert.Equal(1, metrics["shoal_tracker_swarms"]);
        Assert.Equal(1, metrics["shoal_tracker_peers{role=\"seeder\"}"]);
        Assert.Equal(2, metrics["shoal_tracker_peers{role=\"leecher\"}"]);
        Assert.InRange(metrics["process_resident_memory_bytes"], 1 << 20, double.MaxValue);
        Assert.InRange(metrics["process_start_time_seconds"], 1.7e9, DateTimeOffset.UtcNow.ToUnixTimeSeconds() + 1);
        Assert.False(metrics.Has("shoal_catalogue_names"));
        Assert.Equal("ok\n", await http.GetStringAsync(new Uri(server.AnnounceUrl, "/healthz"), Cancel));
    }

    [Fact]
    public async Task A_catalogue_counts_its_names_requests_refusals_and_events()
    {
        await using var server = await CatalogueServer.StartAsync();
        await server.PublishAsync("a", "one");
        await server.PublishAsync("a", "two");
        await server.PublishAsync("b", "one");
        Assert.Equal(HttpStatusCode.Unauthorized, (await server.PublishAsync("c", "one", forwardedFor: CatalogueServer.Stranger)).Status);
        await server.RemoveAsync("b");
        await server.GetAsync("/api/v1/names/nothing");
        await using var subscriber = await server.SubscribeAsync();
        Assert.Equal(["published a@2", "ready"], await subscriber.NextAsync(2));

        using var http = new HttpClient();
        var metrics = await ReadAsync(http, server.Tracker.AnnounceUrl);
        Assert.Equal(1, metrics["shoal_catalogue_names"]);
        Assert.Equal(2, metrics["shoal_catalogue_versions"]);
        Assert.Equal(1, metrics["shoal_catalogue_subscribers"]);
        Assert.Equal(1, metrics["shoal_catalogue_writable"]);
        Assert.Equal(4, metrics["shoal_catalogue_requests_total{endpoint=\"publish\"}"]);
        Assert.Equal(1, metrics["shoal_catalogue_requests_total{endpoint=\"remove\"}"]);
        Assert.Equal(4, metrics["shoal_catalogue_request_duration_seconds_count{endpoint=\"publish\"}"]);
        Assert.Equal(1, metrics["shoal_catalogue_refusals_total{reason=\"token_needed\"}"]);
        Assert.Equal(1, metrics["shoal_catalogue_refusals_total{reason=\"not_found\"}"]);
        Assert.Equal(1, metrics["shoal_catalogue_events_sent_total{type=\"published\"}"]);
    }

    [Fact]
    public async Task A_disk_that_fails_is_told_until_it_takes_a_change_again()
    {
        await using var server = await CatalogueServer.StartAsync();
        var torrents = Path.Combine(server.Folder, "torrents");
        Directory.Move(torrents, torrents + ".away");
        await File.WriteAllTextAsync(torrents, "in the way", Cancel);
        var refused = await server.PublishAsync("a", "one");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.Status);
        Assert.StartsWith("cannot write 'torrents/", refused.Error, StringComparison.Ordinal);
        Assert.DoesNotContain(server.Folder, refused.Error, StringComparison.Ordinal);
        var sick = await server.GetAsync("/healthz");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, sick.Status);
        Assert.DoesNotContain(torrents, sick.Text, StringComparison.Ordinal);
        Assert.Equal(sick.Text.Length - 1, sick.Text.IndexOf('\n', StringComparison.Ordinal));
        using var http = new HttpClient();
        var metrics = await ReadAsync(http, server.Tracker.AnnounceUrl);
        Assert.Equal(0, metrics["shoal_catalogue_writable"]);
        Assert.Equal(1, metrics["shoal_catalogue_write_failures_total"]);

        File.Delete(torrents);
        Directory.Move(torrents + ".away", torrents);
        Assert.Equal(HttpStatusCode.Created, (await server.PublishAsync("a", "one")).Status);
        Assert.Equal("ok\n", (await server.GetAsync("/healthz")).Text);
        Assert.Equal(1, (await ReadAsync(http, server.Tracker.AnnounceUrl))["shoal_catalogue_writable"]);
    }

    [Fact]
    public async Task Prometheus_itself_has_nothing_to_say_against_it()
    {
        Assert.SkipWhen(ForeignPrograms.WhyNoPromtool is not null, ForeignPrograms.WhyNoPromtool ?? "");
        await using var server = await CatalogueServer.StartAsync();
        await server.PublishAsync("a", "one");
        var text = (await server.GetAsync("/metrics")).Text;
        using var promtool = Process.Start(new ProcessStartInfo("promtool", ["check", "metrics"])
        {
            UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        })!;
        await promtool.StandardInput.WriteAsync(text.AsMemory(), Cancel);
        promtool.StandardInput.Close();
        var said = await promtool.StandardError.ReadToEndAsync(Cancel) + await promtool.StandardOutput.ReadToEndAsync(Cancel);
        await promtool.WaitForExitAsync(Cancel);
        Assert.Equal("", said);
        Assert.Equal(0, promtool.ExitCode);
    }

    private static async Task<Exposition> ReadAsync(HttpClient http, Uri tracker)
    {
        using var response = await http.GetAsync(new Uri(tracker, "/metrics"), Cancel);
        Assert.Equal("text/plain; version=0.0.4; charset=utf-8", response.Content.Headers.ContentType?.ToString());
        return Exposition.Parse(await response.Content.ReadAsStringAsync(Cancel));
    }
}
