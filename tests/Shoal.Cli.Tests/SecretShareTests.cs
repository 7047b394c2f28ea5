using System.Text.Json;

namespace Shoal.Cli.Tests;

/// <summary>Secret shares as they are typed: the link opens them, the magnet link does not, and the key is nowhere else.</summary>
public class SecretShareTests
{
    private const string SomeKey = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

    [Fact]
    public async Task The_printed_link_opens_what_is_shared_and_its_key_is_printed_and_kept_nowhere_else()
    {
        using var place = new Workplace();
        place.Write("my diary/today.txt", 300_000);
        place.Write("my diary/old/yesterday.txt", 200_000, seed: 2);
        await using var share = Command.Start("share", "--secret", place.At("my diary"), "--bind", "127.0.0.1", "--verbose");
        var link = (await share.LineAsync(text => text.StartsWith("  shoal get 'shoal:?", StringComparison.Ordinal)))["  shoal get '".Length..^1];
        Assert.Equal($"Link:     {link}", await share.LineAsync(text => text.StartsWith("Link:", StringComparison.Ordinal)));
        var magnet = (await share.LineAsync(text => text.StartsWith("Magnet:", StringComparison.Ordinal)))["Magnet:".Length..].Trim();
        Assert.DoesNotContain("diary", link, StringComparison.Ordinal);

        var got = await Command.RunWithInputAsync($"{link}\n", "get", "-", "--to", place.At("out"), "--bind", "127.0.0.1", "--verbose");
        Assert.True(got.ExitCode == 0, got.Error.ToString());
        Assert.Contains("my diary: 488.3 KiB, 2 files, 32 pieces of 16.0 KiB", got.Out.Lines);
        Assert.Contains(got.Out.Lines, text => text.StartsWith($"Complete: {place.At("out", "my diary")} (488.3 KiB; got ", StringComparison.Ordinal));
        foreach (var file in (string[])["today.txt", "old/yesterday.txt"])
        {
            Assert.Equal(await File.ReadAllBytesAsync(place.At("my diary", file)), await File.ReadAllBytesAsync(place.At("out", "my diary", file)));
        }

        var key = link[(link.IndexOf("key=", StringComparison.Ordinal) + 4)..];
        var shared = await share.StopAsync();
        Assert.DoesNotContain(key, $"{got.Out}{got.Error}{shared.Error}{magnet}", StringComparison.Ordinal);
        Assert.Equal(2, shared.Out.Lines.Count(line => line.Contains(key, StringComparison.Ordinal)));
        var kept = Directory.GetFiles(place.Root, "*", SearchOption.AllDirectories)
            .Concat(Directory.GetFiles(Directory.GetCurrentDirectory(), "*", SearchOption.AllDirectories));
        Assert.All(kept, file => Assert.DoesNotContain(key, File.ReadAllText(file), StringComparison.Ordinal));
    }

    [Fact]
    public async Task Without_the_key_it_is_carried_and_with_a_wrong_one_it_is_refused_each_with_a_clear_line()
    {
        using var place = new Workplace();
        place.Write("diary", 300_000);
        await using var share = Command.Start("share", "--secret", place.At("diary"), "--bind", "127.0.0.1", "--json");
        using var torrent = JsonDocument.Parse(await share.LineAsync(text => text.StartsWith("{\"event\":\"torrent\"", StringComparison.Ordinal)));
        var (magnet, link) = (torrent.RootElement.GetProperty("magnet").GetString()!, torrent.RootElement.GetProperty("link").GetString()!);
        Assert.Equal(("diary", 300_000), (torrent.RootElement.GetProperty("name").GetString(), torrent.RootElement.GetProperty("totalBytes").GetInt32()));

        var carried = await Command.RunAsync("get", magnet, "--to", place.At("carried"), "--bind", "127.0.0.1");
        Assert.Equal(0, carried.ExitCode);
        var name = Path.GetFileName(Assert.Single(Directory.GetFiles(place.At("carried"))));
        Assert.Matches("^sealed-[0-9a-f]{8}$", name);
        Assert.Equal(
            [$"shoal: Warning: '{name}' is a secret share: without its shoal: link it can be carried and passed on, but not read"], carried.Error.Lines);

        var wrong = await Command.RunAsync("get", $"{link[..^43]}{SomeKey}", "--to", place.At("wrong"), "--bind", "127.0.0.1");
        Assert.Equal((2, $"shoal: {name}: the link's key does not open it"), (wrong.ExitCode, Assert.Single(wrong.Error.Lines)));
        Assert.Empty(Directory.GetFileSystemEntries(place.At("wrong")));

        var cut = await Command.RunAsync("get", link[..^5], "--to", place.At("wrong"), "--bind", "127.0.0.1");
        Assert.Equal((2, "shoal: the shoal: link's key is malformed: was it cut?"), (cut.ExitCode, Assert.Single(cut.Error.Lines)));

        var keyless = await Command.RunWithInputAsync($"{link}&so=2", "magnet", "-");
        Assert.Equal((0, magnet), (keyless.ExitCode, Assert.Single(keyless.Out.Lines)));
    }

    [Fact]
    public async Task The_same_link_is_seeded_again_from_the_plain_files()
    {
        using var place = new Workplace();
        place.Write("diary/a", 100_000);
        string link, file;
        await using (var share = Command.Start("share", "--secret", place.At("diary"), "--bind", "127.0.0.1", "--json"))
        {
            using var torrent = JsonDocument.Parse(await share.LineAsync(text => text.StartsWith("{\"event\":\"torrent\"", StringComparison.Ordinal)));
            (file, link) = (torrent.RootElement.GetProperty("torrent").GetString()!, torrent.RootElement.GetProperty("link").GetString()!);
        }

        var info = await Command.RunAsync("info", file);
        Assert.Contains("Secret:       yes: it can be read only by who has its shoal: link", info.Out.Lines);
        var other = link.Replace("urn:btih:", "urn:btih:0", StringComparison.Ordinal).Remove(link.IndexOf('&', StringComparison.Ordinal), 1);
        var refused = await Command.RunAsync("seed", file, place.Root, "--bind", "127.0.0.1", "--link", other);
        Assert.Equal(2, refused.ExitCode);
        Assert.Contains(": the shoal: link is of another torrent (0", Assert.Single(refused.Error.Lines), StringComparison.Ordinal);

        await using var seed = Command.Start("seed", file, place.Root, "--bind", "127.0.0.1", "--json", "--link", $"{link}&tr=http://127.0.0.1:1/announce");
        using var listening = JsonDocument.Parse(await seed.LineAsync(text => text.StartsWith("{\"event\":\"listening\"", StringComparison.Ordinal)));
        var peer = $"127.0.0.1:{listening.RootElement.GetProperty("port").GetInt32()}";
        var seeding = await seed.LineAsync(text => text.Contains("\"state\":\"seeding\"", StringComparison.Ordinal));
        Assert.Contains("\"http://127.0.0.1:1/announce\"", seeding, StringComparison.Ordinal);
        var got = await Command.RunAsync("get", link, "--to", place.At("out"), "--bind", "127.0.0.1", "--peer", peer, "--quiet");
        Assert.Equal(0, got.ExitCode);
        Assert.Equal(await File.ReadAllBytesAsync(place.At("diary", "a")), await File.ReadAllBytesAsync(place.At("out", "diary", "a")));
    }

    [Theory]
    [InlineData("LINK")]
    [InlineData("get LINK extra")]
    [InlineData("get extra LINK")]
    [InlineData("get KEYFIRST --to /dev/null/x")]
    [InlineData("get MISSPELT")]
    [InlineData("get shoal:?&key=KEY")]
    [InlineData("info LINK")]
    [InlineData("info KEYFIRST")]
    [InlineData("verify KEYFIRST .")]
    [InlineData("seed KEYFIRST .")]
    [InlineData("scrape KEYFIRST")]
    [InlineData("share --secret KEYFIRST")]
    [InlineData("get LINK --peer KEYFIRST --json")]
    [InlineData("get LINK --tracker KEYFIRST --json")]
    public async Task No_error_tells_the_key(string line)
    {
        var hash = new string('a', 40);
        string[] args = [.. line.Split(' ').Select(word => word
            .Replace("LINK", $"shoal:?xt=urn:btih:{hash}&key=KEY", StringComparison.Ordinal)
            .Replace("KEYFIRST", "shoal:?key=KEY&xt=urn:btih:x", StringComparison.Ordinal)
            .Replace("MISSPELT", $"shaol:?key=KEY&xt=urn:btih:{hash}", StringComparison.Ordinal)
            .Replace("KEY", SomeKey, StringComparison.Ordinal))];
        var run = await Command.RunAsync(args);
        Assert.NotEqual(0, run.ExitCode);
        Assert.NotEmpty(run.Error.Lines);
        Assert.DoesNotContain(SomeKey[..8], $"{run.Out}{run.Error}", StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "shoal: standard input has no link")]
    [InlineData("\nmagnet:?", "shoal: standard input has no link")]
    [InlineData("magnet:?dn=x\nmagnet:?", "shoal: the magnet link has no 'xt=urn:btih:' with an info-hash")]
    public async Task What_standard_input_lacks_is_told(string input, string expected)
    {
        var run = await Command.RunWithInputAsync(input, "get", "-");
        Assert.Equal((2, expected), (run.ExitCode, Assert.Single(run.Error.Lines)));
    }

    [Fact]
    public async Task An_endless_line_is_no_link()
    {
        var run = await Command.RunWithInputAsync(new string('x', 100_000), "magnet", "-");
        Assert.Equal((2, "shoal: standard input has a line of more than 65536 characters, which is no link"), (run.ExitCode, Assert.Single(run.Error.Lines)));
    }
}
