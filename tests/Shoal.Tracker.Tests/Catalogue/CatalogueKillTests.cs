using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using Shoal.Protocol.Metadata;
using Shoal.Tracker.Catalogue;

namespace Shoal.Tracker.Tests.Catalogue;

/// <summary>A catalogue whose process is killed at any moment.</summary>
public sealed class CatalogueKillTests(ITestOutputHelper output)
{
    private const string FolderVariable = "SHOAL_TEST_CATALOGUE";
    private const string AcknowledgedVariable = "SHOAL_TEST_ACKNOWLEDGED";
    private const int KillCount = 8;

    /// <summary>The process that is killed: this assembly once more, with this alone.</summary>
    [Fact]
    public async Task Publishes_until_it_is_killed()
    {
        if (Environment.GetEnvironmentVariable(FolderVariable) is not { } folder)
        {
            return; // the other test starts it
        }

        await using var catalogue = CatalogueCore.Open(new FileStore(folder, NullLogger.Instance, wasteWorthRewriting: 50), TimeProvider.System, NullLogger.Instance);
        using var acknowledged = new FileStream(Environment.GetEnvironmentVariable(AcknowledgedVariable)!, FileMode.Append, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
        var gate = new Lock();
        await Task.WhenAll(Enumerable.Range(0, 4).Select(worker => Task.Run(async () =>
        {
            for (var i = 0; i < 100_000; i++)
            {
                var content = $"{Environment.ProcessId} {worker} {i}";
                var torrent = Samples.Torrent(content);
                var name = $"worker {worker}/{i % 10}";
                var (entry, _) = await catalogue.PublishAsync(Samples.Name(name), MetainfoWriter.ToArray(torrent), torrent, null, default);
                lock (gate)
                {
                    acknowledged.Write(System.Text.Encoding.UTF8.GetBytes($"{name}\t{entry.Version}\t{entry.InfoHash}\n"));
                }

                if (i % 3 == 0)
                {
                    lock (gate)
                    {
                        acknowledged.Write(System.Text.Encoding.UTF8.GetBytes($"{name}\t{entry.Version}\tgoes\n"));
                    }

                    await catalogue.RemoveAsync(Samples.Reference($"{name}@{entry.Version}"), null, default);
                }
            }
        })));
    }

    [Fact]
    public async Task What_was_acknowledged_is_there_after_a_kill()
    {
        using var place = new Workplace();
        var random = new Random(9);
        var acknowledged = place.At("acknowledged");
        File.WriteAllText(acknowledged, "");
        var lineCount = 0;
        for (var kill = 0; kill < KillCount; kill++)
        {
            await RunAndKillAsync(place.At("catalogue"), acknowledged, lineCount + 20 + random.Next(400));
            var lines = File.ReadAllLines(acknowledged);
            Assert.True(lines.Length > lineCount);
            lineCount = lines.Length;
            await using var catalogue = CatalogueCore.Open(new FileStore(place.At("catalogue"), NullLogger.Instance), TimeProvider.System, NullLogger.Instance);
            var expected = new Dictionary<(string Name, int Version), string>();
            foreach (var fields in lines.Select(line => line.Split('\t')))
            {
                expected[(fields[0], int.Parse(fields[1], CultureInfo.InvariantCulture))] = fields[2];
            }

            foreach (var ((name, version), infoHash) in expected)
            {
                var found = catalogue.Find(Samples.Reference($"{name}@{version}"));
                if (infoHash != "goes")
                {
                    Assert.Equal(infoHash, found?.InfoHash.ToString());
                    Assert.NotNull(await catalogue.ReadTorrentAsync(found!, default));
                }
            }

            // Numbers go on behind the last that was acknowledged.
            var (last, _) = expected.Keys.Where(one => one.Name == "worker 0/0").Select(one => (one.Version, 0)).Max();
            var torrent = Samples.Torrent($"after kill {kill}");
            var (entry, _) = await catalogue.PublishAsync(Samples.Name("worker 0/0"), MetainfoWriter.ToArray(torrent), torrent, null, default);
            Assert.True(entry.Version > last);
        }

        output.WriteLine($"{KillCount} kills, {lineCount} acknowledged changes");
    }

    private static async Task RunAndKillAsync(string folder, string acknowledged, int lineCount)
    {
        var start = new ProcessStartInfo("dotnet", [typeof(CatalogueKillTests).Assembly.Location, "-noLogo", "-method", $"*.{nameof(Publishes_until_it_is_killed)}"])
        {
            RedirectStandardOutput = true,
            UseShellExecute = false,
            Environment = { [FolderVariable] = folder, [AcknowledgedVariable] = acknowledged },
        };
        using var process = Process.Start(start)!;
        var told = process.StandardOutput.ReadToEndAsync();
        while ((await Unlocked.ReadAsync(acknowledged)).Count(value => value == '\n') < lineCount)
        {
            Assert.False(process.HasExited, process.HasExited ? await told : "");
        }

        process.Kill();
        await process.WaitForExitAsync();
    }
}
