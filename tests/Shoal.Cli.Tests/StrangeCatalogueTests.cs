using System.Text.Json;

namespace Shoal.Cli.Tests;

/// <summary>What a catalogue's client does of what it cannot rely on: servers that say anything, settings that anybody wrote, what shall not be shown.</summary>
public class StrangeCatalogueTests
{
    private const string Passkey = "0123456789abcdef0123456789ABCDEF";
    private const string InfoHash = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    [Theory]
    [InlineData("{\"entries\":null}", "there is no list of names")]
    [InlineData("{}", "there is no list of names")]
    [InlineData("{\"entries\":[null]}", "an entry is missing")]
    [InlineData("{\"entries\":[{\"name\":null,\"version\":1}]}", "an entry has no name")]
    [InlineData("{\"entries\":[{\"name\":\"a/../b\",\"version\":1}]}", "a name that is none: part 2 is '..'")]
    [InlineData("{\"entries\":[{\"name\":\"a\",\"version\":0}]}", "'a' has the version 0")]
    [InlineData("{\"entries\":[{\"name\":\"a\",\"version\":-7}]}", "'a' has the version -7")]
    [InlineData("{\"entries\":[{\"name\":\"a\",\"version\":1,\"size\":-1}]}", "'a@1' has -1 bytes")]
    [InlineData("{\"entries\":[{\"name\":\"a\",\"version\":1,\"fileCount\":-2}]}", "'a@1' has -2 files")]
    [InlineData("{\"entries\":[{\"name\":\"a\",\"version\":1,\"seeders\":-3}]}", "'a@1' has -3 seeders")]
    public async Task What_cannot_be_is_told_in_one_line(string answer, string wrong)
    {
        await using var server = new StrangeServer(answer);
        var said = $"shoal: the catalogue at {server.Address} says something that cannot be: {wrong}";
        var listed = await Command.RunAsync("list", "--at", server.Address);
        Assert.Equal((said, 1), (Assert.Single(listed.Error.Lines), listed.ExitCode));
        Assert.Empty(listed.Out.Lines);

        var (host, port) = (server.Address.Split(':')[0], server.Address.Split(':')[1]);
        var connected = await Command.RunWithInputAsync("list\nexit\n", "connect", host, port, "--bind", "127.0.0.1");
        Assert.Contains(said["shoal: ".Length..], connected.Error.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("unexpected", connected.Error.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("[null]", "an entry is missing")]
    [InlineData("[{\"version\":1}]", "an entry has no name")]
    public async Task Versions_that_cannot_be_are_told_in_one_line(string answer, string wrong)
    {
        await using var server = new StrangeServer(answer);
        var listed = await Command.RunAsync("list", "a", "--versions", "--at", server.Address);
        Assert.Equal((1, $"shoal: the catalogue at {server.Address} says something that cannot be: {wrong}"), (listed.ExitCode, Assert.Single(listed.Error.Lines)));
    }

    [Fact]
    public async Task An_answer_in_unknown_letters_is_told_in_one_line()
    {
        await using var server = new StrangeServer("{\"entries\":[]}", "application/json; charset=klingon");
        var listed = await Command.RunAsync("list", "--at", server.Address);
        Assert.DoesNotContain("unexpected", listed.Error.ToString(), StringComparison.Ordinal);
        Assert.InRange(listed.ExitCode, 0, 1);
    }

    [Fact]
    public async Task A_subscriber_passes_over_what_cannot_be()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need rights there");
        using var place = new Workplace();
        await using var server = new StrangeServer(
            "event: published\nid: 1\ndata: {\"published\":{\"name\":null,\"version\":1}}\n\n" +
            "event: removed\nid: 2\ndata: {\"removed\":{\"name\":null}}\n\n" +
            "event: published\nid: 3\ndata: {\"published\":{\"name\":\"x\",\"version\":-1}}\n\n" +
            "event: ready\nid: 4\ndata: {}\n\n",
            "text/event-stream");
        await using var subscriber = Command.Start("subscribe", "**", "--to", place.At("got"), "--at", server.Address, "--bind", "127.0.0.1");
        await subscriber.LineAsync(line => line.Contains(place.At("got"), StringComparison.Ordinal));
        var run = await subscriber.StopAsync();
        Assert.Equal(
            [
                "shoal: Warning: an event of the catalogue is passed over: an entry has no name",
                "shoal: Warning: an event of the catalogue is passed over: what was removed has no name",
                "shoal: Warning: an event of the catalogue is passed over: 'x' has the version -1",
            ],
            run.Error.Lines);
    }

    [Theory]
    [InlineData("a\nb")]
    [InlineData("t\u00f6ken")]
    [InlineData("two words")]
    [InlineData("shoal_x ")]
    public async Task A_token_that_can_be_none_is_told_by_where_it_stands(string token)
    {
        using var place = new Workplace();
        Directory.CreateDirectory(place.At("config", "shoal"));
        var file = place.At("config", "shoal", "config.json");
        File.WriteAllText(file, $$"""{ "at": "127.0.0.1:1", "token": "{{JsonEncodedText.Encode(token)}}" }""");
        async Task Fails(string where, params (string Name, string Value)[] environment)
        {
            await using var run = CommandProcess.Start(place, [("XDG_CONFIG_HOME", place.At("config")), .. environment], "list");
            Assert.Equal((2, "", $"shoal: {where} is no token: it has characters other than visible ones of ASCII\n"), await run.EndAsync());
        }

        await Fails($"\"token\" in {file}");
        await Fails("SHOAL_TOKEN", ("SHOAL_TOKEN", token));
    }

    [Theory]
    [InlineData("[\"a\"]")]
    [InlineData("\"a\"")]
    [InlineData("5")]
    [InlineData("null")]
    public async Task A_config_file_is_an_object(string text)
    {
        using var place = new Workplace();
        Directory.CreateDirectory(place.At("config", "shoal"));
        var file = place.At("config", "shoal", "config.json");
        File.WriteAllText(file, text);
        await using var run = CommandProcess.Start(place, [("XDG_CONFIG_HOME", place.At("config"))], "list");
        Assert.Equal((2, "", $"shoal: {file}: this must be an object, as {{ \"at\": \"HOST:PORT\" }}\n"), await run.EndAsync());
    }

    [Theory]
    [InlineData("Hots=db.lab;Password=hunter2")]
    [InlineData(";Host=db.lab;Password=hunter2")]
    [InlineData("Pass word=hunter2;Host=/var/run/postgresql")]
    public async Task A_misspelt_connection_string_becomes_no_folder_and_is_not_repeated(string place)
    {
        foreach (string[] command in new string[][] { ["token", "list"], ["tracker", "0", "--bind", "127.0.0.1"] })
        {
            var run = await Command.RunAsync([.. command, "--catalogue", place]);
            Assert.Equal(
                (2, "shoal: --catalogue looks like a connection string with a setting that is not known, at its beginning; a folder of such a name is meant by ./ before it"),
                (run.ExitCode, Assert.Single(run.Error.Lines)));
            Assert.Empty(run.Out.Lines);
        }
    }

    [Fact]
    public async Task A_passkey_is_shown_nowhere()
    {
        using var place = new Workplace();
        var url = $"http://127.0.0.1:1/{Passkey}/announce";
        foreach (string[] more in new string[][] { ["--json"], [] })
        {
            await using var get = Command.Start(
                ["get", InfoHash, "--tracker", url, "--to", place.At("got"), "--bind", "127.0.0.1", "--no-discovery", "--verbose", .. more]);
            await get.LineAsync(line => line.Contains("http://127.0.0.1:1/…/announce", StringComparison.Ordinal));
            if (more.Length > 0)
            {
                await get.LineAsync(line => line.StartsWith("{\"event\":\"progress\"", StringComparison.Ordinal) && line.Contains("\"url\":\"http://127.0.0.1:1/…/announce\"", StringComparison.Ordinal));
            }

            var run = await get.StopAsync();
            Assert.Contains("announce to http://127.0.0.1:1/…/announce failed", run.Error.ToString(), StringComparison.Ordinal);
            Assert.DoesNotContain(Passkey, run.Out.ToString() + run.Error, StringComparison.OrdinalIgnoreCase);
        }

        foreach (string[] trackers in new string[][] { [], ["--tracker", "http://127.0.0.1:1/announce"] })
        {
            var scraped = await Command.RunAsync(["scrape", url, InfoHash, "--bind", "127.0.0.1", .. trackers]);
            Assert.Equal(1, scraped.ExitCode);
            Assert.DoesNotContain(Passkey, scraped.Out.ToString() + scraped.Error, StringComparison.OrdinalIgnoreCase);
        }
    }

    [Theory]
    [InlineData('\u202A')]
    [InlineData('\u202E')]
    [InlineData('\u2066')]
    [InlineData('\u2069')]
    [InlineData('\u200E')]
    [InlineData('\u200F')]
    [InlineData('\u061C')]
    public async Task Writing_directions_are_controls_like_others(char control)
    {
        Assert.Equal("a\uFFFDb", Reporting.Printable.Of($"a{control}b"));
        await using var server = new StrangeServer($"{{\"error\":\"a{control}b\"}}", status: "400 Bad Request");
        var run = await Command.RunAsync("list", "--at", server.Address);
        Assert.Equal($"shoal: the catalogue at {server.Address} says: a b", Assert.Single(run.Error.Lines));
    }
}
