using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using Microsoft.Extensions.Logging.Abstractions;
using Shoal.Interop.Foreign;
using Shoal.Protocol;
using Shoal.Protocol.Catalogue;
using Shoal.Protocol.Metadata;
using Shoal.Tracker;
using Shoal.Tracker.Catalogue;

namespace Shoal.Bench;

/// <summary>
/// A tracker's catalogue: a million names opened, held and listed; publications by HTTP that are on the disk before they are acknowledged; and
/// how long until the last of many subscribers hears of one.
/// </summary>
internal static class CatalogueBench
{
    private const int PublisherCount = 64;

    public static async Task<Report> RunAsync(Options options)
    {
        var nameCount = options.Quick ? 100_000 : 1_000_000;
        var report = new Report($"catalogue: {nameCount:N0} names, on disk; median of {options.Rounds}", ["median", "(least-most)"]);
        var folder = Path.Combine(ShoalProcess.Root, "artifacts", "bench", $"catalogue-{Environment.ProcessId}");
        try
        {
            await OpenAndListAsync(report, Path.Combine(folder, "many"), nameCount, options.Rounds);
            await PublishAsync(report, Path.Combine(folder, "published"), options.Quick ? 1000 : 5000, options.Rounds);
            await SubscribeAsync(report, Path.Combine(folder, "subscribed"), options.Quick ? 500 : 5000, options.Rounds);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        return report;
    }

    private static async Task OpenAndListAsync(Report report, string folder, int count, int rounds)
    {
        Directory.CreateDirectory(folder);
        using (var journal = Journal.Open(Path.Combine(folder, "journal"), static _ => { }))
        {
            foreach (var some in Enumerable.Range(1, count).Select(Change).Chunk(1000))
            {
                journal.Append(some);
            }
        }

        var opening = new List<double>();
        var memory = new List<double>();
        (string Title, string Pattern, CatalogueOrder Order)[] lists =
        [
            ("a page of team-3/**", "team-3/**", CatalogueOrder.Name), ("a page of **/*7.gguf", "**/*7.gguf", CatalogueOrder.Name),
            ("a page of **/release-[12]?/*, the newest first", "**/release-[12]?/*", CatalogueOrder.Age), ("**/nothing*, which no name is like", "**/nothing*", CatalogueOrder.Name),
        ];
        var listing = lists.Select(static _ => new List<double>()).ToArray();
        for (var round = 0; round < rounds; round++)
        {
            var before = GC.GetTotalMemory(forceFullCollection: true);
            var start = Stopwatch.GetTimestamp();
            await using var catalogue = CatalogueCore.Open(new FileStore(folder, NullLogger.Instance), TimeProvider.System, NullLogger.Instance);
            opening.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
            memory.Add((GC.GetTotalMemory(forceFullCollection: true) - before) / (double)count);
            for (var i = 0; i < lists.Length; i++)
            {
                _ = NamePattern.TryParse(lists[i].Pattern, out var pattern, out _);
                start = Stopwatch.GetTimestamp();
                _ = catalogue.List(new CatalogueQuery(pattern, lists[i].Order, 100, null));
                listing[i].Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            }
        }

        Add(report, "opening it, s", opening, "F2");
        Add(report, "memory a name, bytes", memory, "F0");
        for (var i = 0; i < lists.Length; i++)
        {
            Add(report, $"{lists[i].Title}, ms", listing[i], "F2");
        }
    }

    private static async Task PublishAsync(Report report, string folder, int count, int rounds)
    {
        var rates = new List<double>();
        for (var round = 0; round < rounds; round++)
        {
            await using var server = await StartAsync($"{folder}{round}");
            using var http = Client(server, PublisherCount);
            var torrents = Enumerable.Range(0, count).Select(number => Torrent($"{round}-{number}")).ToList();
            var start = Stopwatch.GetTimestamp();
            await Parallel.ForAsync(0, count, new ParallelOptions { MaxDegreeOfParallelism = PublisherCount }, async (number, cancel) =>
            {
                using var content = new ByteArrayContent(torrents[number]) { Headers = { ContentType = new MediaTypeHeaderValue("application/x-bittorrent") } };
                using var answer = await http.PutAsync(new Uri($"names/a/{number}", UriKind.Relative), content, cancel);
                answer.EnsureSuccessStatusCode();
            });
            rates.Add(count / Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        Add(report, $"durable publications a second, {PublisherCount} at a time, by HTTP", rates, "N0");
    }

    private static async Task SubscribeAsync(Report report, string folder, int count, int rounds)
    {
        var delays = new List<double>();
        for (var round = 0; round < rounds; round++)
        {
            await using var server = await StartAsync($"{folder}{round}");
            using var http = Client(server, count + 1);
            using var stop = new CancellationTokenSource();
            var ready = new CountdownEvent(count);
            var heard = new CountdownEvent(count);
            var listening = Enumerable.Range(0, count).Select(_ => Task.Run(() => ListenAsync(http, ready, heard, stop.Token))).ToList();
            await Task.Run(ready.Wait);
            using var content = new ByteArrayContent(Torrent($"news-{round}"));
            var start = Stopwatch.GetTimestamp();
            using var answer = await http.PutAsync(new Uri("names/news", UriKind.Relative), content);
            answer.EnsureSuccessStatusCode();
            await Task.Run(heard.Wait);
            delays.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
            await stop.CancelAsync();
            await Task.WhenAll(listening);
        }

        Add(report, $"until the last of {count:N0} subscribers, in this process too, has heard, s", delays, "F2");
    }

    private static async Task ListenAsync(HttpClient http, CountdownEvent ready, CountdownEvent heard, CancellationToken stop)
    {
        try
        {
            using var answer = await http.GetAsync(new Uri("events", UriKind.Relative), HttpCompletionOption.ResponseHeadersRead, stop);
            answer.EnsureSuccessStatusCode();
            using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync(stop));
            while (await reader.ReadLineAsync(stop) is { } line)
            {
                if (line == "event: ready")
                {
                    ready.Signal();
                }
                else if (line == "event: published")
                {
                    heard.Signal();
                }
            }
        }
        catch (OperationCanceledException)
        {
            // That is how it ends.
        }
    }

    private static Task<TrackerServer> StartAsync(string folder) => TrackerServer.StartAsync(new TrackerOptions
    {
        BindAddress = IPAddress.Loopback, Port = 0, Catalogue = new CatalogueOptions { Folder = folder },
    });

    private static HttpClient Client(TrackerServer server, int connectionCount) => new(new SocketsHttpHandler { MaxConnectionsPerServer = connectionCount })
    {
        BaseAddress = new Uri(server.AnnounceUrl, "/api/v1/"), Timeout = Timeout.InfiniteTimeSpan,
    };

    private static CatalogueChange Change(int number) => new(new CatalogueEntry(
        string.Create(CultureInfo.InvariantCulture, $"team-{number % 7}/project-{number % 1009}/release-{number % 97}/artifact-{number}.{(number % 3 == 0 ? "gguf" : "bin")}"),
        1, HashOf(number), number * 1000L, 3, 1 << 20, DateTimeOffset.UnixEpoch.AddSeconds(number), number));

    private static InfoHash HashOf(int number)
    {
        Span<byte> bytes = stackalloc byte[InfoHash.Length];
        BitConverter.TryWriteBytes(bytes, number);
        return new InfoHash(bytes);
    }

    private static byte[] Torrent(string name) => new MetainfoBuilder
    {
        Name = name, IsFolder = false, Files = [new NewFile(name, 1 << 20)], PieceLength = 1 << 20, PieceHashes = new byte[20],
    }.TryBuild(out var metainfo, out var error) ? MetainfoWriter.ToArray(metainfo) : throw new InvalidOperationException(error);

    private static void Add(Report report, string name, List<double> runs, string format)
    {
        Console.Error.WriteLine($"  {name}: {Stat.Median(runs).ToString(format)}");
        report.Add(name, "", Stat.MedianOf(runs, static run => run, format), Stat.RangeOf(runs, static run => run, format));
    }
}
