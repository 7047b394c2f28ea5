using System.Text.Json;

namespace Shoal.Cli.Tests;

/// <summary>`create`, `info`, `magnet` and `verify` on real files.</summary>
public class FileCommandTests
{
    [Fact]
    public async Task What_was_created_is_shown_and_verified()
    {
        using var place = new Workplace();
        place.Write("holiday/a.bin", 100_000);
        place.Write("holiday/sub/odd name 'ü'.txt", 1);
        place.Write("holiday/empty", 0);
        var torrent = place.At("x.torrent");
        var created = await Command.RunAsync(
            "create", place.At("holiday"), "-o", torrent, "--tracker", "http://127.0.0.1:9/announce", "--piece-length", "32KiB", "--private",
            "--comment", "hello", "--web-seed", "http://127.0.0.1:9/");
        Assert.Equal("", created.Error.ToString());
        Assert.Equal(0, created.ExitCode);

        var shown = await Command.RunAsync("info", torrent, "--json");
        using var info = JsonDocument.Parse(Assert.Single(shown.Out.Lines));
        Assert.Equal("info", info.RootElement.GetProperty("event").GetString());
        Assert.Equal("holiday", info.RootElement.GetProperty("name").GetString());
        Assert.Equal(100_001, info.RootElement.GetProperty("totalBytes").GetInt64());
        Assert.Equal(32768, info.RootElement.GetProperty("pieceLength").GetInt32());
        Assert.Equal(4, info.RootElement.GetProperty("pieceCount").GetInt32());
        Assert.True(info.RootElement.GetProperty("private").GetBoolean());
        Assert.Equal("hello", info.RootElement.GetProperty("comment").GetString());
        Assert.Equal("http://127.0.0.1:9/announce", info.RootElement.GetProperty("trackers")[0][0].GetString());
        Assert.Equal(
            ["holiday/a.bin", "holiday/empty", "holiday/sub/odd name 'ü'.txt"],
            info.RootElement.GetProperty("files").EnumerateArray().Select(file => file.GetProperty("path").GetString()));

        foreach (var folder in (string[])[place.Root, place.At("holiday")])
        {
            var verified = await Command.RunAsync("verify", torrent, folder);
            Assert.Equal(0, verified.ExitCode);
            Assert.Equal("All is well: 4 pieces in 3 files", verified.Out.Lines[^1]);
        }
    }

    [Fact]
    public async Task A_torrents_magnet_link_can_be_printed_and_added_to()
    {
        using var place = new Workplace();
        var torrent = place.At("x.torrent");
        await Command.RunAsync("create", place.Write("a film.bin", 100_000), "-o", torrent, "--tracker", "http://127.0.0.1:9/announce");

        var printed = await Command.RunAsync("magnet", torrent, "--quiet");
        Assert.Equal(0, printed.ExitCode);
        var magnet = Assert.Single(printed.Out.Lines);
        Assert.Matches("^magnet:\\?xt=urn:btih:[0-9a-f]{40}&dn=a%20film.bin&xl=100000&tr=http%3A%2F%2F127.0.0.1%3A9%2Fannounce$", magnet);

        // What is there already is not added again.
        var more = await Command.RunAsync(
            "magnet", magnet, "--tracker", "http://127.0.0.1:9/announce", "--tracker", "udp://127.0.0.1:9", "--peer", "127.0.0.1:6881", "--json");
        using var told = JsonDocument.Parse(Assert.Single(more.Out.Lines));
        Assert.Equal("magnet", told.RootElement.GetProperty("event").GetString());
        Assert.Equal($"{magnet}&tr=udp%3A%2F%2F127.0.0.1%3A9&x.pe=127.0.0.1:6881", told.RootElement.GetProperty("magnet").GetString());

        var hash = magnet.Substring("magnet:?xt=urn:btih:".Length, 40);
        Assert.Equal([$"magnet:?xt=urn:btih:{hash}"], (await Command.RunAsync("magnet", hash)).Out.Lines);
        Assert.Equal(ExitCode.BadInput, (await Command.RunAsync("magnet", "nothing")).ExitCode);
    }

    [Fact]
    public async Task The_magnet_link_of_a_private_torrent_asks_to_keep_out_of_the_DHT()
    {
        using var place = new Workplace();
        var torrent = place.At("x.torrent");
        await Command.RunAsync("create", place.Write("x.bin", 100_000), "-o", torrent, "--tracker", "http://127.0.0.1:9/announce", "--private");
        var magnet = Assert.Single((await Command.RunAsync("magnet", torrent)).Out.Lines);
        Assert.EndsWith("&tr=http%3A%2F%2F127.0.0.1%3A9%2Fannounce&x.dht=off", magnet, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_torrent_in_a_folder_that_is_not_there_is_refused_before_hashing()
    {
        using var place = new Workplace();
        var file = place.Write("file.bin", 1000);
        var target = place.At("nowhere", "x.torrent");

        var run = await Command.RunAsync("create", file, "-o", target);

        Assert.Equal(ExitCode.BadInput, run.ExitCode);
        Assert.Equal([$"shoal: cannot write '{target}': there is no folder '{place.At("nowhere")}'"], run.Error.Lines);
        Assert.Empty(run.Out.Lines);
    }

    [Fact]
    public async Task A_pipe_is_no_torrent_and_is_not_waited_for()
    {
        Assert.SkipUnless(Repository.Has("mkfifo"), "there is no mkfifo here");
        using var place = new Workplace();
        await Repository.RunAsync(place.Root, "mkfifo", "pipe");

        var run = await Command.RunAsync("info", place.At("pipe"));

        Assert.Equal(ExitCode.BadInput, run.ExitCode);
        Assert.Equal([$"shoal: '{place.At("pipe")}' is empty, or no ordinary file"], run.Error.Lines);
    }

    [Fact]
    public async Task Verify_names_the_bad_files_and_ends_with_1()
    {
        using var place = new Workplace();
        var good = place.Write("d/1-good", 65536);
        var bad = place.Write("d/2-bad", 65536, seed: 2);
        var shorter = place.Write("d/3-short", 65536, seed: 3);
        var gone = place.Write("d/4-gone", 65536, seed: 4);
        var torrent = place.At("x.torrent");
        await Command.RunAsync("create", place.At("d"), "-o", torrent, "--piece-length", "16KiB");
        using (var file = File.OpenWrite(bad))
        {
            file.Position = 20_000;
            file.WriteByte((byte)(File.ReadAllBytes(good)[0] ^ 0xff));
            file.WriteByte(0);
        }

        using (var file = File.OpenWrite(shorter))
        {
            file.SetLength(1000);
        }

        File.Delete(gone);
        var run = await Command.RunAsync("verify", torrent, place.Root, "--quiet");
        Assert.Equal(1, run.ExitCode);
        Assert.Equal(
            ["d/2-bad: wrong content in 1 piece", "d/3-short: has 1000 bytes instead of 65536", "d/4-gone: missing"], run.Out.Lines);
    }

    [Fact]
    public async Task What_cannot_be_read_is_one_line_in_verify_seed_and_get()
    {
        using var place = new Workplace();
        place.Write("d/1-good", 65536);
        var shut = place.Write("d/2-shut", 65536, seed: 2);
        var torrent = place.At("x.torrent");
        await Command.RunAsync("create", place.At("d"), "-o", torrent, "--piece-length", "16KiB");
        File.Delete(shut);
        Directory.CreateDirectory(shut);
        var reason = $"will not open '{shut}': it is not a regular file";

        var verified = await Command.RunAsync("verify", torrent, place.Root);
        Assert.Equal(1, verified.ExitCode);
        Assert.Equal([$"d/2-shut: {reason}", "1 of 2 files not as they should be; 4 of 8 pieces bad or missing"], verified.Out.Lines[^2..]);

        await using var seed = Command.Start("seed", torrent, place.Root, "--bind", "127.0.0.1", "--json");
        await seed.LineAsync(text => text.StartsWith("{\"event\":\"warning\"", StringComparison.Ordinal) && text.Contains(reason, StringComparison.Ordinal));
        await seed.LineAsync(text => text.Contains("\"state\":\"seeding\",", StringComparison.Ordinal) && text.Contains("\"pieces\":4,", StringComparison.Ordinal));
        Assert.Equal(0, (await seed.StopAsync()).ExitCode);

        // What is wanted cannot be put there, and it is better to say so at once.
        var got = await Command.RunAsync("get", torrent, "--to", place.Root, "--bind", "127.0.0.1");
        Assert.Equal((3, $"shoal: {reason}"), (got.ExitCode, Assert.Single(got.Error.Lines)));
        got = await Command.RunAsync("get", torrent, "--to", place.Root, "--bind", "127.0.0.1", "--select", "1-good");
        Assert.Equal((0, $"shoal: Warning: {reason}"), (got.ExitCode, Assert.Single(got.Error.Lines)));
    }

    [Fact]
    public async Task A_malformed_torrent_is_told_with_the_place()
    {
        using var place = new Workplace();
        var path = place.At("bad.torrent");
        await File.WriteAllTextAsync(path, "d8:announce3:abc4:infod6:lengthi01e");
        foreach (var args in (string[][])[["info", path], ["verify", path, place.Root], ["get", path, "--to", place.At("out")], ["seed", path, place.Root]])
        {
            var run = await Command.RunAsync(args);
            Assert.Equal(2, run.ExitCode);
            var line = Assert.Single(run.Error.Lines);
            Assert.StartsWith($"shoal: {path}: offset ", line, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Another_file_is_never_overwritten()
    {
        using var place = new Workplace();
        place.Write("a", 10);
        var other = place.Write("precious", 20);
        var before = await File.ReadAllBytesAsync(other);
        var run = await Command.RunAsync("create", place.At("a"), "-o", other);
        Assert.Equal(2, run.ExitCode);
        Assert.Equal(before, await File.ReadAllBytesAsync(other));

        var torrent = place.At("a.torrent");
        Assert.Equal(0, (await Command.RunAsync("create", place.At("a"), "-o", torrent)).ExitCode);
        Assert.Equal(2, (await Command.RunAsync("create", place.At("a"), "-o", torrent, "--comment", "again")).ExitCode);
        Assert.Equal(0, (await Command.RunAsync("create", place.At("a"), "-o", torrent, "--comment", "again", "--force")).ExitCode);
    }

    [Fact]
    public async Task A_strangers_text_cannot_move_the_cursor()
    {
        using var place = new Workplace();
        place.Write("a", 10);
        var torrent = place.At("a.torrent");
        await Command.RunAsync("create", place.At("a"), "-o", torrent, "--comment", "\u001b[2Jgone\u0007");
        var run = await Command.RunAsync("info", torrent);
        Assert.DoesNotContain('\u001b', run.Out.ToString());
        Assert.DoesNotContain('\u0007', run.Out.ToString());
    }
}
