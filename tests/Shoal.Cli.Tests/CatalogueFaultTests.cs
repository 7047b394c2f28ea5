using System.Collections.Concurrent;
using System.Net;
using System.Text.Json;
using Shoal.Catalogue;
using Shoal.Protocol.Catalogue;

namespace Shoal.Cli.Tests;

/// <summary>A catalogue in use whose tracker dies, and whose seeders go away.</summary>
public sealed class CatalogueFaultTests(ITestOutputHelper output)
{
    private const int ClientCount = 20;
    private const int KillCount = 5;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Who_seeds_is_found_at_once_when_a_tracker_that_was_killed_is_back()
    {
        using var place = new Workplace();
        var content = File.ReadAllBytes(place.Write("a.bin", 300_000));
        var tracker = CommandProcess.Start(place, [], "tracker", "0", "--catalogue", place.At("catalogue"), "--bind", "127.0.0.1"); // with its interval of ten minutes
        try
        {
            var at = await AddressOf(tracker);
            Assert.True(CatalogueAddress.TryParse(at, out var address));
            Assert.True(CatalogueReference.TryParse("a.bin", out var reference, out _));
            using var catalogue = new CatalogueClient(address);
            await using var publisher = CommandProcess.Start(place, [], "publish", "a.bin", "--at", at, "--bind", "127.0.0.1");
            await publisher.LineAsync(line => line.Contains("shoal get a.bin", StringComparison.Ordinal));
            await UntilAsync(() => catalogue.FindAsync(reference, Cancel).GetAwaiter().GetResult().Seeders == 1, []);
            await tracker.DisposeAsync(); // kill -9
            tracker = CommandProcess.Start(place, [], "tracker", at.Split(':')[1], "--catalogue", place.At("catalogue"), "--bind", "127.0.0.1");
            await AddressOf(tracker);
            await using var getter = CommandProcess.Start(place, [], "get", "name:a.bin", "--at", at, "--to", place.At("got"), "--bind", "127.0.0.1");
            Assert.Equal(0, (await getter.EndAsync()).ExitCode);
            Assert.Equal(content, File.ReadAllBytes(place.At("got", "a.bin")));
        }
        finally
        {
            await tracker.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_tracker_that_is_killed_again_and_again_loses_nothing_that_it_acknowledged()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need rights there");
        using var place = new Workplace();
        var tracker = CommandProcess.Start(place, [], "tracker", "0", "--catalogue", place.At("catalogue"), "--bind", "127.0.0.1", "--interval", "30s");
        try
        {
            var at = await AddressOf(tracker);
            Assert.True(CatalogueAddress.TryParse(at, out var address));
            using var catalogue = new CatalogueClient(address);

            await DownloadsGoOnAsync(place, catalogue, tracker);
            tracker = await RestartAsync();

            // What each was told is registered.
            var acknowledged = new ConcurrentQueue<CatalogueEntry>();
            using var ending = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
            var (fetched, listed) = (0, 0);
            var subscriber = new Subscriber(place, catalogue);
            var clients = await Task.WhenAll(Enumerable.Range(0, ClientCount).Select(number => StartClientAsync(place, $"state{number}")));
            var users = clients.Select((client, number) => Task.Run(() => UseAsync(client, number))).ToArray();
            for (var kill = 0; kill < KillCount; kill++)
            {
                // In the midst of all that they do: some have published, listed and got something since it began.
                var before = (Acknowledged: acknowledged.Count, Fetched: Volatile.Read(ref fetched), Listed: Volatile.Read(ref listed));
                await UntilAsync(
                    () => acknowledged.Count >= before.Acknowledged + ClientCount && Volatile.Read(ref fetched) > before.Fetched && Volatile.Read(ref listed) > before.Listed, users);
                await tracker.DisposeAsync(); // kill -9
                tracker = await RestartAsync();
            }

            await ending.CancelAsync();
            await Task.WhenAll(users).WaitAsync(TimeSpan.FromMinutes(2), Cancel);
            output.WriteLine($"{KillCount} kills, {acknowledged.Count} publications acknowledged, {fetched} downloads, {listed} lists");

            foreach (var versions in acknowledged.GroupBy(entry => entry.Name))
            {
                Assert.True(CatalogueName.TryParse(versions.Key, out var name, out _));
                var there = await catalogue.VersionsOfAsync(name, Cancel);
                Assert.Equal(Enumerable.Range(1, there.Count), there.Select(entry => entry.Version)); // none lost, none twice
                Assert.All(versions, entry => Assert.Equal(entry.InfoHash, there[entry.Version - 1].InfoHash));
                Assert.All(await Task.WhenAll(there.Select(entry => catalogue.GetTorrentAsync(entry, Cancel))), Assert.NotNull); // each .torrent whole
                await subscriber.HasAsync(there[^1]);
            }

            await subscriber.EndAsync();
            await Task.WhenAll(clients.Select(client => client.DisposeAsync().AsTask()));

            async Task UseAsync(ShoalClient client, int number)
            {
                for (var version = 1; !ending.IsCancellationRequested; version++)
                {
                    var path = place.Write($"from{number}/v{version}/file", 20_000, seed: (number * 1000) + version);
                    using var made = await NewTorrent.HashAsync(path);
                    Assert.True(CatalogueName.TryParse($"of/{number}/file", out var name, out _));
                    if (await TryAsync(() => catalogue.PublishAsync(name, made.Metainfo, Cancel), forEver: true) is not { } entry)
                    {
                        return;
                    }

                    acknowledged.Enqueue(entry);
                    await client.ShareAsync(made, new AddOptions { Trackers = catalogue.Trackers }, Cancel);
                    var page = await TryAsync(() => catalogue.ListAsync("of/**", CatalogueOrder.Age, limit: 5, cancellationToken: Cancel));
                    Interlocked.Add(ref listed, page is null ? 0 : 1);
                    if (page?.Entries.FirstOrDefault(other => other.Name != name.Value) is { } wanted &&
                        await TryAsync(() => catalogue.GetTorrentAsync(wanted, Cancel)) is { } metainfo)
                    {
                        var torrent = await client.AddAsync(
                            TorrentSource.FromMetainfo(metainfo), place.At($"got{number}", $"{version}"), new AddOptions { Trackers = catalogue.Trackers }, Cancel);
                        if (await Task.WhenAny(torrent.Completion, Task.Delay(TimeSpan.FromSeconds(5), Cancel)) == torrent.Completion)
                        {
                            await torrent.Completion;
                            Interlocked.Increment(ref fetched);
                        }

                        await torrent.StopAsync();
                    }
                }
            }

            // One who is refused, or reaches nobody, comes again.
            async Task<T?> TryAsync<T>(Func<Task<T>> ask, bool forEver = false)
                where T : class
            {
                while (!ending.IsCancellationRequested)
                {
                    try
                    {
                        return await ask();
                    }
                    catch (ShoalException) when (forEver)
                    {
                        await Task.Delay(100, Cancel);
                    }
                    catch (ShoalException)
                    {
                        return null;
                    }
                }

                return null;
            }

            async Task<CommandProcess> RestartAsync()
            {
                var started = CommandProcess.Start(
                    place, [], "tracker", at.Split(':')[1], "--catalogue", place.At("catalogue"), "--bind", "127.0.0.1", "--interval", "30s");
                Assert.Equal(at, await AddressOf(started));
                return started;
            }
        }
        finally
        {
            await tracker.DisposeAsync();
        }
    }

    // Three download what one seeds. The tracker is killed, and they come to their end without it.
    private static async Task DownloadsGoOnAsync(Workplace place, CatalogueClient catalogue, CommandProcess tracker)
    {
        using var made = await NewTorrent.HashAsync(place.Write("big/file", 12_000_000), new NewTorrentOptions { PieceLength = 65_536 });
        Assert.True(CatalogueName.TryParse("big/file", out var name, out _));
        var entry = await catalogue.PublishAsync(name, made.Metainfo, Cancel);
        await using var seeder = await StartClientAsync(place, "state-seeder", new ShoalOptions { MaximumUploadRateBytesPerSecond = 3_000_000 });
        await seeder.ShareAsync(made, new AddOptions { Trackers = catalogue.Trackers }, Cancel);
        var (clients, torrents) = (new List<ShoalClient>(), new List<TorrentHandle>());
        for (var i = 0; i < 3; i++)
        {
            clients.Add(await StartClientAsync(place, $"state-leecher{i}"));
            torrents.Add(await clients[i].AddAsync(
                TorrentSource.FromMetainfo(await catalogue.GetTorrentAsync(entry, Cancel)), place.At($"big{i}"), new AddOptions { Trackers = catalogue.Trackers }, Cancel));
        }

        foreach (var torrent in torrents)
        {
            await torrent.WatchAsync(TimeSpan.FromMilliseconds(20), cancellationToken: Cancel).FirstAsync(progress => progress.DownloadedBytes > 0, Cancel);
        }

        Assert.Contains(torrents, torrent => !torrent.Completion.IsCompleted);
        await tracker.DisposeAsync(); // kill -9
        foreach (var torrent in torrents)
        {
            await torrent.Completion.WaitAsync(TimeSpan.FromMinutes(2), Cancel);
            Assert.Equal(await File.ReadAllBytesAsync(place.At("big", "file"), Cancel), await File.ReadAllBytesAsync(torrent.ContentPath!, Cancel));
        }

        foreach (var client in clients)
        {
            await client.DisposeAsync();
        }
    }

    [Fact]
    public async Task When_the_seeder_goes_away_the_others_share_what_they_have_say_that_they_wait_and_go_on_when_it_returns()
    {
        using var place = new Workplace();
        const int Size = 16 << 20;
        place.Write("x.bin", Size);
        await using var tracker = Command.Start("tracker", "0", "--catalogue", place.At("catalogue"), "--bind", "127.0.0.1");
        var at = (await tracker.LineAsync(text => text.StartsWith("Listening on 127.0.0.1:", StringComparison.Ordinal))).Split(' ')[2];
        string[] publish = ["publish", place.At("x.bin"), "--as", "x", "--at", at, "--bind", "127.0.0.1"];
        await using var first = Command.Start([.. publish, "--max-up", "3MiB/s"]);
        await first.LineAsync(line => line.StartsWith("Published", StringComparison.Ordinal));
        var leechers = Enumerable.Range(0, 3).Select(i => Command.Start("get", "x", "--at", at, "--to", place.At($"out{i}"), "--bind", "127.0.0.1", "--json")).ToArray();
        await leechers[0].LineAsync(line => Progress(line) is { State: "downloading", Bytes: > Size / 8 });
        await first.StopAsync();

        // What one of them has, all have in the end, and nobody the rest.
        var bytes = await UntilTheyWaitAsync(leechers);
        Assert.InRange(bytes, 1, Size - 1);

        await using var second = Command.Start(publish);
        foreach (var leecher in leechers)
        {
            var ended = await leecher.EndAsync();
            Assert.Equal((0, ""), (ended.ExitCode, ended.Error.ToString()));
        }

        Assert.All(Enumerable.Range(0, 3), i => Assert.Equal(File.ReadAllBytes(place.At("x.bin")), File.ReadAllBytes(place.At($"out{i}", "x"))));
    }

    private static async Task<long> UntilTheyWaitAsync(RunningCommand[] leechers)
    {
        while (true)
        {
            var changes = leechers.Select(leecher => leecher.Change).ToArray();
            var last = leechers.Select(leecher => leecher.Lines.Select(Progress).LastOrDefault(progress => progress is not null)).ToArray();
            if (last.All(progress => progress is { State: "waiting", PeerCount: 2 } && progress.Bytes == last[0]!.Bytes))
            {
                return last[0]!.Bytes;
            }

            await Task.WhenAny(changes).WaitAsync(TimeSpan.FromMinutes(2), Cancel);
        }
    }

    private static ProgressLine? Progress(string line)
    {
        if (!line.StartsWith("{\"event\":\"progress\"", StringComparison.Ordinal))
        {
            return null;
        }

        using var document = JsonDocument.Parse(line);
        var root = document.RootElement;
        return new ProgressLine(root.GetProperty("state").GetString()!, root.GetProperty("bytes").GetInt64(), root.GetProperty("peerCount").GetInt32());
    }

    private static async Task<string> AddressOf(CommandProcess tracker) =>
        (await tracker.LineAsync(text => text.StartsWith("Listening on 127.0.0.1:", StringComparison.Ordinal))).Split(' ')[2];

    private static Task<ShoalClient> StartClientAsync(Workplace place, string state, ShoalOptions? options = null) =>
        ShoalClient.StartAsync((options ?? new ShoalOptions()) with { BindAddress = IPAddress.Loopback, StateDirectory = place.At(state), StopGrace = TimeSpan.FromSeconds(1) }, Cancel);

    // Until it is so, or one of those who work at it fails.
    private static async Task UntilAsync(Func<bool> isSo, Task[] workers)
    {
        var deadline = TimeProvider.System.GetTimestamp();
        while (!isSo())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(deadline) < TimeSpan.FromMinutes(2), "it does not come so far");
            if (Array.Find(workers, worker => worker.IsCompleted) is { } ended)
            {
                await ended;
                Assert.Fail("a client ended before its time");
            }

            await Task.Delay(20, Cancel);
        }
    }

    private sealed record ProgressLine(string State, long Bytes, int PeerCount);

    /// <summary>One that wants everything all the time.</summary>
    private sealed class Subscriber
    {
        private readonly Workplace _place;
        private readonly CancellationTokenSource _end = new();
        private readonly ConcurrentDictionary<(string Name, int Version), TaskCompletionSource> _fetched = [];
        private readonly Task _running;

        public Subscriber(Workplace place, CatalogueClient catalogue)
        {
            _place = place;
            _running = RunAsync(catalogue);
        }

        /// <summary>Waits until the version is in its place.</summary>
        public async Task HasAsync(CatalogueEntry entry)
        {
            await await Task.WhenAny(Of(entry.Name, entry.Version).Task, _running).WaitAsync(TimeSpan.FromMinutes(2), Cancel);
            Assert.True(Of(entry.Name, entry.Version).Task.IsCompleted, "the subscriber ended");
        }

        public async Task EndAsync()
        {
            await _end.CancelAsync();
            await _running;
            _end.Dispose();
        }

        private TaskCompletionSource Of(string name, int version) =>
            _fetched.GetOrAdd((name, version), _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));

        private async Task RunAsync(CatalogueClient catalogue)
        {
            Assert.True(NamePattern.TryParse("of/**", out var all, out _));
            await using var client = await StartClientAsync(_place, "state-subscriber");
            using var subscription = Subscription.Open(catalogue, [all], _place.At("subscribed"), new SubscriptionOptions
            {
                WhenInPlace = (version, _) =>
                {
                    Of(version.Name, version.Version).TrySetResult();
                    return Task.CompletedTask;
                },
            });
            await subscription.RunAsync(client, _end.Token);
        }
    }
}
