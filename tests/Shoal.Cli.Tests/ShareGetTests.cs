using System.Text.Json;

namespace Shoal.Cli.Tests;

/// <summary>The whole of it: one side shares, the other runs the line that was printed.</summary>
public class ShareGetTests
{
    [Fact]
    public async Task The_printed_line_gets_what_is_shared()
    {
        using var place = new Workplace();
        var name = Unique();
        place.Write($"{name}/a.bin", 3_000_000);
        place.Write($"{name}/sub/b c.txt", 12_345, seed: 2);
        place.Write($"{name}/empty", 0);
        await using var share = Command.Start("share", place.At(name), "--bind", "127.0.0.1");
        var line = await share.LineAsync(text => text.StartsWith("  shoal get '", StringComparison.Ordinal));
        var magnet = line["  shoal get '".Length..^1];
        Assert.Contains($"&dn={name}&tr=http%3A%2F%2F127.0.0.1%3A", magnet, StringComparison.Ordinal);
        Assert.Contains("&tr=udp%3A%2F%2F127.0.0.1%3A", magnet, StringComparison.Ordinal);
        Assert.Contains("&x.pe=127.0.0.1:", magnet, StringComparison.Ordinal);

        var got = await Command.RunAsync("get", magnet, "--to", place.At("out"), "--bind", "127.0.0.1");
        Assert.Equal("", got.Error.ToString());
        Assert.Equal(0, got.ExitCode);
        Assert.Contains(got.Out.Lines, text => text.StartsWith($"Complete: {place.At("out", name)} (2.9 MiB;", StringComparison.Ordinal));
        AssertSame(place.At(name), place.At("out", name));

        var torrent = (await share.LineAsync(text => text.StartsWith("Torrent: ", StringComparison.Ordinal)))["Torrent:".Length..].Trim();
        Assert.Equal(0, (await Command.RunAsync("verify", torrent, place.At("out"))).ExitCode);

        var again = await Command.RunAsync("get", torrent, "--to", place.At("out"), "--bind", "127.0.0.1");
        Assert.Contains(again.Out.Lines, text => text.EndsWith("all of it was there)", StringComparison.Ordinal));

        var ended = await share.StopAsync();
        Assert.Equal(0, ended.ExitCode);
        Assert.Equal("", ended.Error.ToString());
        Assert.StartsWith("Stopped after ", ended.Out.Lines[^1], StringComparison.Ordinal);
        Assert.Matches(@"sent (2\.9|3\.\d) MiB, ratio 1\.", ended.Out.Lines[^1]); // on a busy machine some of it may go twice
        Assert.DoesNotContain('\u001b', ended.Out.ToString());
        Assert.DoesNotContain('\u001b', got.Out.ToString());
    }

    [Fact]
    public async Task Every_line_for_machines_is_an_event()
    {
        using var place = new Workplace();
        var name = Unique();
        place.Write(name, 500_000);
        await using var share = Command.Start("share", place.At(name), "--bind", "127.0.0.1", "--json");
        using var torrent = JsonDocument.Parse(await share.LineAsync(text => text.StartsWith("{\"event\":\"torrent\"", StringComparison.Ordinal)));
        var magnet = torrent.RootElement.GetProperty("magnet").GetString()!;
        var got = await Command.RunAsync("get", magnet, "--to", place.At("out"), "--bind", "127.0.0.1", "--json");
        Assert.Equal(0, got.ExitCode);
        var ended = await share.StopAsync();

        Assert.Superset(new HashSet<string>(["listening", "hashing", "torrent", "progress", "peer", "tracker", "stopped"]), EventsOf(ended));
        Assert.Superset(new HashSet<string>(["listening", "metadata", "progress", "peer", "complete", "stopped"]), EventsOf(got));
        using var complete = JsonDocument.Parse(got.Out.Lines.Single(text => text.StartsWith("{\"event\":\"complete\"", StringComparison.Ordinal)));
        Assert.Equal(500_000, complete.RootElement.GetProperty("bytes").GetInt64());
        Assert.Equal(place.At("out", name), complete.RootElement.GetProperty("path").GetString());
    }

    [Fact]
    public async Task Verbose_tells_on_stderr_what_happens_in_plain_lines()
    {
        using var place = new Workplace();
        var name = Unique();
        place.Write(name, 500_000);
        await using var share = Command.Start("share", place.At(name), "--bind", "127.0.0.1", "--verbose");
        var magnet = (await share.LineAsync(text => text.StartsWith("  shoal get '", StringComparison.Ordinal)))["  shoal get '".Length..^1];
        var got = await Command.RunAsync("get", magnet, "--to", place.At("out"), "--bind", "127.0.0.1", "--verbose");
        Assert.Equal(0, got.ExitCode);
        var ended = await share.StopAsync();

        Assert.All([.. got.Error.Lines, .. ended.Error.Lines], line => Assert.Matches("^[0-9:.]{12} (debug|info|warning) [A-Z][A-Za-z]+: ", line));
        AssertSays(got, "info TcpTransport: listens for peers at 127.0.0.1:");
        AssertSays(got, "debug SwarmHost: link 2 is open, with 127.0.0.1:");
        AssertSays(got, $"info ShoalClient: {name}: announced to http://127.0.0.1:");
        AssertSays(got, $"info ShoalClient: {name}: complete");
        AssertSays(ended, $"info ShoalClient: {name}: 31 of 31 pieces are there; 0 bytes were read to check");
        AssertSays(ended, "info TrackerServer: tracker listens at 127.0.0.1:");
    }

    [Fact]
    public async Task More_connections_than_there_can_be_are_refused_at_the_start()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "how many files may be open is known on Linux only");
        var limit = File.ReadLines("/proc/self/limits").First(line => line.StartsWith("Max open files", StringComparison.Ordinal));
        Assert.SkipWhen(limit.Contains("unlimited", StringComparison.Ordinal), "there is no limit here");
        using var place = new Workplace();
        var run = await Command.RunAsync("get", new string('a', 40), "--to", place.Root, "--bind", "127.0.0.1", "--max-connections", "2000000000");
        Assert.Equal(3, run.ExitCode);
        Assert.StartsWith("shoal: 2000000000 connections need 2000000200 open files and this process may have ", Assert.Single(run.Error.Lines), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_changes_while_it_is_shared_is_told_once_and_the_rest_is_seeded()
    {
        using var place = new Workplace();
        var name = Unique();
        var changing = place.Write($"{name}/changing", 3_000_000);
        place.Write($"{name}/steady", 100_000, seed: 2);
        await using var share = Command.Start("share", place.At(name), "--bind", "127.0.0.1");
        var magnet = (await share.LineAsync(text => text.StartsWith("  shoal get '", StringComparison.Ordinal)))["  shoal get '".Length..^1];
        var torrent = (await share.LineAsync(text => text.StartsWith("Torrent: ", StringComparison.Ordinal)))["Torrent:".Length..].Trim();
        var got = await Command.RunAsync("get", magnet, "--to", place.At("whole"), "--bind", "127.0.0.1");
        Assert.Equal(0, got.ExitCode);
        await using var seed = Command.Start("seed", torrent, place.At("whole"), "--bind", "127.0.0.1", "--json");
        await seed.LineAsync(text => text.Contains("\"state\":\"seeding\"", StringComparison.Ordinal));

        var edited = new byte[3_000_000];
        await File.WriteAllBytesAsync(changing, edited);
        // From both: what one has lost, the other gives.
        got = await Command.RunAsync("get", magnet, "--to", place.At("again"), "--bind", "127.0.0.1");
        Assert.Equal(0, got.ExitCode);
        await File.WriteAllBytesAsync(place.At("whole", name, "changing"), edited);
        await using var late = Command.Start("get", magnet, "--to", place.At("late"), "--bind", "127.0.0.1", "--select", "changing");
        await share.LineAsync(text => text.EndsWith(" pieces lost", StringComparison.Ordinal));
        using var lost = JsonDocument.Parse(await seed.LineAsync(text => text.StartsWith("{\"event\":\"lost\"", StringComparison.Ordinal)));
        Assert.Equal(lost.RootElement.GetProperty("pieces").GetInt32(), lost.RootElement.GetProperty("lostPieces").GetInt32());
        await seed.LineAsync(text => text.Contains("\"state\":\"seeding\"", StringComparison.Ordinal) && !text.Contains("\"lostPieces\":0,", StringComparison.Ordinal));
        await late.StopAsync();

        var ended = await share.StopAsync();
        var line = Assert.Single(ended.Error.Lines);
        Assert.Matches("^shoal: [0-9]+ of [0-9]+ pieces lost and no longer offered: '.*/changing' changed since it was checked$", line);
        Assert.DoesNotContain(ended.Out.Lines, text => text.StartsWith("Downloading", StringComparison.Ordinal));
        Assert.Equal(edited, await File.ReadAllBytesAsync(changing));
        Assert.Equal(edited, await File.ReadAllBytesAsync(place.At("whole", name, "changing")));
    }

    [Theory]
    [InlineData("", "--select *.jpg")]
    [InlineData("&so=0,2", "")]
    [InlineData("&so=1", "--select *.jpg")] // what the user says counts
    public async Task Only_what_is_selected_arrives(string inTheLink, string option)
    {
        using var place = new Workplace();
        var name = Unique();
        place.Write($"{name}/a.jpg", 200_000);
        place.Write($"{name}/b.avi", 4_000_000, seed: 2);
        place.Write($"{name}/deep/c.jpg", 200_000, seed: 3);
        await using var share = Command.Start("share", place.At(name), "--bind", "127.0.0.1", "--quiet");
        var line = await share.LineAsync(text => text.StartsWith("  shoal get '", StringComparison.Ordinal));
        var got = await Command.RunAsync(
            ["get", line["  shoal get '".Length..^1] + inTheLink, "-d", place.At("out"), "--bind", "127.0.0.1", "--quiet",
                .. option.Split(' ', StringSplitOptions.RemoveEmptyEntries)]);
        Assert.Equal(0, got.ExitCode);
        foreach (var file in (string[])["a.jpg", "deep/c.jpg"])
        {
            Assert.Equal(await File.ReadAllBytesAsync(place.At(name, file)), await File.ReadAllBytesAsync(place.At("out", name, file)));
        }

        var other = new FileInfo(place.At("out", name, "b.avi"));
        Assert.True(!other.Exists || !File.ReadAllBytes(other.FullName).SequenceEqual(File.ReadAllBytes(place.At(name, "b.avi"))));
    }

    [Fact]
    public async Task A_link_that_means_files_that_there_are_not_is_an_error_once_that_is_known()
    {
        using var place = new Workplace();
        var name = Unique();
        place.Write($"{name}/only", 20_000);
        await using var share = Command.Start("share", place.At(name), "--bind", "127.0.0.1", "--quiet");
        var line = await share.LineAsync(text => text.StartsWith("  shoal get '", StringComparison.Ordinal));
        var got = await Command.RunAsync("get", line["  shoal get '".Length..^1] + "&so=1-3,7", "-d", place.At("out"), "--bind", "127.0.0.1");
        Assert.Equal(ExitCode.BadInput, got.ExitCode);
        Assert.Equal([$"shoal: the magnet link means the files 1-3,7 of '{name}', which has 1"], got.Error.Lines);
    }

    [Fact]
    public async Task A_get_that_is_stopped_ends_with_130_and_the_next_goes_on()
    {
        using var place = new Workplace();
        var name = Unique();
        place.Write(name, 6_000_000);
        await using var share = Command.Start("share", place.At(name), "--bind", "127.0.0.1", "--max-up", "2MiB/s");
        var magnet = (await share.LineAsync(text => text.StartsWith("  shoal get '", StringComparison.Ordinal)))["  shoal get '".Length..^1];
        await using var get = Command.Start("get", magnet, "--to", place.At("out"), "--bind", "127.0.0.1", "--json");
        await get.LineAsync(text => text.Contains("\"state\":\"downloading\",", StringComparison.Ordinal) && !text.Contains("\"pieces\":0,", StringComparison.Ordinal));
        var stopped = await get.StopAsync();
        Assert.Equal(130, stopped.ExitCode);
        Assert.Equal(["shoal: stopped before it was done"], stopped.Error.Lines);

        var again = await Command.RunAsync("get", magnet, "--to", place.At("out"), "--bind", "127.0.0.1", "--json");
        Assert.Equal(0, again.ExitCode);
        using var complete = JsonDocument.Parse(again.Out.Lines.Single(text => text.StartsWith("{\"event\":\"complete\"", StringComparison.Ordinal)));
        Assert.InRange(complete.RootElement.GetProperty("downloadedBytes").GetInt64(), 0, 5_999_999);
        Assert.Equal(await File.ReadAllBytesAsync(place.At(name)), await File.ReadAllBytesAsync(place.At("out", name)));
    }

    [Fact]
    public async Task A_tracker_of_ones_own_brings_a_seeder_and_a_getter_together_and_is_scraped()
    {
        using var place = new Workplace();
        var name = Unique();
        place.Write(name, 300_000);
        await using var tracker = Command.Start("tracker", "0", "--bind", "127.0.0.1", "--json");
        using var urls = JsonDocument.Parse(await tracker.LineAsync(text => text.StartsWith("{\"event\":\"announce-urls\"", StringComparison.Ordinal)));
        var udp = urls.RootElement.GetProperty("udp").GetString()!;
        var torrent = place.At("x.torrent");
        await Command.RunAsync("create", place.At(name), "-o", torrent, "--tracker", udp);
        await using var seed = Command.Start("seed", torrent, place.Root, "--bind", "127.0.0.1", "--json");
        await seed.LineAsync(text => text.StartsWith("{\"event\":\"tracker\"", StringComparison.Ordinal));

        var got = await Command.RunAsync("get", torrent, "-o", place.At("out"), "--bind", "127.0.0.1");
        Assert.Equal(0, got.ExitCode);
        Assert.Equal(await File.ReadAllBytesAsync(place.At(name)), await File.ReadAllBytesAsync(place.At("out", name)));

        var scraped = await Command.RunAsync("scrape", torrent, "--bind", "127.0.0.1");
        Assert.Equal(0, scraped.ExitCode);
        Assert.Contains($" at {udp}: 1 seeder, 0 leechers, ", Assert.Single(scraped.Out.Lines), StringComparison.Ordinal);
        Assert.Equal(0, (await tracker.StopAsync()).ExitCode);
    }

    [Fact]
    public async Task A_port_in_use_is_told_and_ends_with_3()
    {
        using var place = new Workplace();
        place.Write("x", 10);
        await using var tracker = Command.Start("tracker", "0", "--bind", "127.0.0.1", "--json");
        using var listening = JsonDocument.Parse(await tracker.LineAsync(text => text.StartsWith("{\"event\":\"listening\"", StringComparison.Ordinal)));
        var port = listening.RootElement.GetProperty("port").GetInt32();
        var second = await Command.RunAsync("tracker", port.ToString(), "--bind", "127.0.0.1");
        Assert.Equal(3, second.ExitCode);
        Assert.Equal([$"shoal: the tracker cannot start: UDP port {port} on 127.0.0.1 is in use"], second.Error.Lines);

        var get = await Command.RunAsync("get", new string('a', 40), "--to", place.Root, "--bind", "127.0.0.1", "--port", port.ToString());
        Assert.Equal(3, get.ExitCode);
        Assert.Equal([$"shoal: port {port} on 127.0.0.1 is in use"], get.Error.Lines);

        // Before hours of hashing.
        var share = await Command.RunAsync("share", place.At("x"), "--bind", "127.0.0.1", "--port", port.ToString());
        Assert.Equal(3, share.ExitCode);
        Assert.Equal([$"shoal: port {port} on 127.0.0.1 is in use"], share.Error.Lines);
        Assert.Empty(share.Out.Lines);
    }

    [Fact]
    public async Task Who_asks_for_what_nobody_is_known_to_have_is_told_what_helps()
    {
        using var place = new Workplace();
        await using var get = Command.Start("get", new string('a', 40), "--to", place.Root, "--bind", "127.0.0.1", "--json");
        var warning = await get.LineAsync(line => line.StartsWith("{\"event\":\"warning\"", StringComparison.Ordinal));
        Assert.Contains("no tracker and no peer is known for it; name one with --tracker or --peer", warning, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_has_all_of_it_already_needs_nobody()
    {
        using var place = new Workplace();
        place.Write("x", 10);
        var torrent = place.At("x.torrent");
        Assert.Equal(0, (await Command.RunAsync("create", place.At("x"), "-o", torrent)).ExitCode);
        var got = await Command.RunAsync("get", torrent, "--to", place.Root, "--bind", "127.0.0.1");
        Assert.Equal(0, got.ExitCode);
        Assert.Equal("", got.Error.ToString());
    }

    [Fact]
    public async Task A_folder_that_cannot_be_written_is_told_before_anything_is_fetched()
    {
        using var place = new Workplace();
        var file = place.Write("a-file", 10);
        var run = await Command.RunAsync("get", new string('a', 40), "--to", file, "--bind", "127.0.0.1");
        Assert.Equal(3, run.ExitCode);
        Assert.Equal([$"shoal: cannot write to '{file}': it is a file"], run.Error.Lines);
        Assert.Empty(run.Out.Lines);
    }

    private static void AssertSays(Run run, string what) => Assert.Contains(run.Error.Lines, line => line.Contains(what, StringComparison.Ordinal));

    private static string Unique() => $"t{Guid.NewGuid():N}";

    private static HashSet<string> EventsOf(Run run) =>
        [.. run.Out.Lines.Select(line =>
        {
            using var parsed = JsonDocument.Parse(line);
            return parsed.RootElement.GetProperty("event").GetString()!;
        })];

    private static void AssertSame(string expected, string actual)
    {
        var files = Directory.GetFiles(expected, "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(expected, file)).Order(StringComparer.Ordinal).ToArray();
        Assert.Equal(files, Directory.GetFiles(actual, "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(actual, file)).Order(StringComparer.Ordinal));
        foreach (var file in files)
        {
            Assert.Equal(File.ReadAllBytes(Path.Combine(expected, file)), File.ReadAllBytes(Path.Combine(actual, file)));
        }
    }
}
