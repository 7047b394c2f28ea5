// Downloads a torrent: Download 'magnet:?xt=…' FOLDER
using Shoal;

await using var client = await ShoalClient.StartAsync();
var torrent = await client.AddAsync(TorrentSource.Parse(args[0]), args[1]);
await foreach (var progress in torrent.WatchAsync())
{
    Console.WriteLine($"{progress.State}: {progress.Fraction:P0}, {progress.DownloadRateBytesPerSecond >> 10} KiB/s");
}

await torrent.Completion;
Console.WriteLine($"Complete: {torrent.ContentPath}");
