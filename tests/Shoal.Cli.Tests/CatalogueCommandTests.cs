using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;

namespace Shoal.Cli.Tests;

/// <summary>Files by name: one publishes, another lists and gets, with nothing but the tracker's address.</summary>
public class CatalogueCommandTests
{
    [Fact]
    public async Task What_is_published_under_a_name_is_listed_and_got_by_it()
    {
        using var place = new Workplace();
        place.Write("v1/a.bin", 700_000);
        place.Write("v1/sub/b c.txt", 12_345, seed: 2);
        await using var tracker = Command.Start("tracker", "0", "--catalogue", place.At("catalogue"), "--bind", "127.0.0.1");
        var at = await AddressOf(tracker);
        await using var publisher = Command.Start("publish", place.At("v1"), "--as", "models/llm-7b", "--at", at, "--bind", "127.0.0.1");
        Assert.Equal($"  shoal get models/llm-7b --at {at}", await publisher.LineAsync(line => line.StartsWith("  shoal get", StringComparison.Ordinal)));
        Assert.Contains("Published models/llm-7b, version 1: 695.6 KiB, 2 files, at " + at, await publisher.LineAsync(line => line.StartsWith("Published", StringComparison.Ordinal)), StringComparison.Ordinal);

        var listed = await Command.RunAsync("list", "models/**", "--at", at, "--json");
        using var entry = JsonDocument.Parse(Assert.Single(listed.Out.Lines));
        Assert.Equal(("models/llm-7b", 1, 712_345), (Text(entry, "name"), entry.RootElement.GetProperty("version").GetInt32(), entry.RootElement.GetProperty("totalBytes").GetInt64()));

        var got = await Command.RunAsync("get", "models/llm-7b", "--at", at, "--to", place.At("out"), "--bind", "127.0.0.1");
        Assert.Equal(("", 0), (got.Error.ToString(), got.ExitCode));
        // Called by its name in the catalogue, not as it was called where it came from.
        Assert.Equal(File.ReadAllBytes(place.At("v1", "a.bin")), File.ReadAllBytes(place.At("out", "llm-7b", "a.bin")));
        Assert.Equal(File.ReadAllBytes(place.At("v1", "sub", "b c.txt")), File.ReadAllBytes(place.At("out", "llm-7b", "sub", "b c.txt")));
        var stopped = await publisher.StopAsync();
        Assert.Equal(("", 0), (stopped.Error.ToString(), stopped.ExitCode));
    }

    [Fact]
    public async Task The_line_for_the_other_side_can_be_pasted_into_a_shell()
    {
        using var place = new Workplace();
        place.Write("it's mine.bin", 20_000);
        using var key = ECDsa.Create();
        using var authority = new CertificateRequest("CN=ours", key, HashAlgorithmName.SHA256)
            .CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        await File.WriteAllTextAsync(place.At("ca of ours.pem"), authority.ExportCertificatePem());
        await using var tracker = Command.Start("tracker", "0", "--catalogue", place.At("catalogue"), "--bind", "127.0.0.1");
        var at = await AddressOf(tracker);
        await using var publisher = Command.Start(
            "publish", place.At("it's mine.bin"), "--at", at, "--bind", "127.0.0.1", "--tracker-ca", place.At("ca of ours.pem"));
        Assert.Equal(
            $"  shoal get 'it'\\''s mine.bin' --at {at} --tracker-ca '{place.At("ca of ours.pem")}'",
            await publisher.LineAsync(line => line.StartsWith("  shoal get", StringComparison.Ordinal)));
        await publisher.StopAsync();
    }

    [Fact]
    public async Task A_name_has_versions_and_an_old_one_can_be_had()
    {
        using var place = new Workplace();
        place.Write("disk.img", 200_000);
        await using var tracker = Command.Start("tracker", "0", "--catalogue", place.At("catalogue"), "--bind", "127.0.0.1");
        var at = await AddressOf(tracker);
        await using var first = Command.Start("publish", place.At("disk.img"), "--as", "images/", "--at", at, "--bind", "127.0.0.1");
        await first.LineAsync(line => line.StartsWith("Published images/disk.img, version 1", StringComparison.Ordinal));
        place.Write("new/disk.img", 200_000, seed: 2);
        await using var second = Command.Start("publish", place.At("new", "disk.img"), "--as", "images/disk.img", "--at", at, "--bind", "127.0.0.1");
        await second.LineAsync(line => line.StartsWith("Published images/disk.img, version 2", StringComparison.Ordinal));
        await using var again = Command.Start("publish", place.At("new", "disk.img"), "--as", "images/disk.img", "--at", at, "--bind", "127.0.0.1");
        await again.LineAsync(line => line.StartsWith("Published images/disk.img, version 2", StringComparison.Ordinal));

        Assert.Equal(0, (await Command.RunAsync("get", "images/disk.img@1", "--at", at, "--to", place.At("old"), "--bind", "127.0.0.1")).ExitCode);
        Assert.Equal(0, (await Command.RunAsync("get", "name:images/disk.img", "--at", $"http://{at}/", "--to", place.At("newest"), "--bind", "127.0.0.1")).ExitCode);
        Assert.Equal(File.ReadAllBytes(place.At("disk.img")), File.ReadAllBytes(place.At("old", "disk.img")));
        Assert.Equal(File.ReadAllBytes(place.At("new", "disk.img")), File.ReadAllBytes(place.At("newest", "disk.img")));
        var versions = await Command.RunAsync("list", "images/disk.img", "--versions", "--at", at);
        Assert.Equal(["@1", "@2"], versions.Out.Lines.Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]));
    }

    [Fact]
    public async Task What_the_catalogue_does_not_have_is_told_in_one_line()
    {
        using var place = new Workplace();
        await using var tracker = Command.Start("tracker", "0", "--catalogue", place.At("catalogue"), "--bind", "127.0.0.1");
        await using var plain = Command.Start("tracker", "0", "--bind", "127.0.0.1");
        var (at, without) = (await AddressOf(tracker), await AddressOf(plain));
        await Fails($"the catalogue at {at} says: there is no 'a/b' in the catalogue", "get", "a/b", "--at", at);
        await Fails($"the catalogue at {at} says: there is no 'a/b@2' in the catalogue", "get", "a/b@2", "--at", at);
        await Fails($"nothing in the catalogue at {at} is called like 'z*'", "list", "z*", "--at", at);
        await Fails($"there is no catalogue at {without}: its tracker needs --catalogue", "list", "--at", without);
        await Fails("cannot reach the catalogue at 127.0.0.1:1: nobody listens there", "list", "--at", "127.0.0.1:1");
    }

    [Fact]
    public async Task A_token_is_shown_once_and_can_be_revoked()
    {
        using var place = new Workplace();
        await using var tracker = Command.Start("tracker", "0", "--catalogue", place.At("catalogue"), "--bind", "127.0.0.1");
        await tracker.LineAsync(line => line == "Token 'first', all for '**', shown this once:");
        await tracker.LineAsync(line => line.StartsWith("  shoal_", StringComparison.Ordinal));

        var made = await Command.RunAsync("token", "create", "ci", "--rights", "publish,read", "--pattern", "nightly/**", "--catalogue", place.At("catalogue"));
        Assert.Equal("Token 'ci', read, publish for 'nightly/**', shown this once:", made.Out.Lines[0]);
        var listed = await Command.RunAsync("token", "list", "--catalogue", place.At("catalogue"));
        Assert.Equal(["first: all for '**', made ", "ci: read, publish for 'nightly/**', made "], listed.Out.Lines.Select(line => line[..(line.IndexOf("made ", StringComparison.Ordinal) + 5)]));
        Assert.DoesNotContain(made.Out.Lines[1].Trim(), File.ReadAllText(place.At("catalogue", "tokens.json")), StringComparison.Ordinal);
        await Fails("there is a token 'ci' already", "token", "create", "ci", "--catalogue", place.At("catalogue"));
        Assert.Equal(0, (await Command.RunAsync("token", "revoke", "ci", "--catalogue", place.At("catalogue"))).ExitCode);
        await Fails("there is no token 'ci'", "token", "revoke", "ci", "--catalogue", place.At("catalogue"));
    }

    [Fact]
    public async Task A_service_of_systemd_makes_no_token_that_the_journal_would_keep()
    {
        using var place = new Workplace();
        await using var tracker = CommandProcess.Start(place, [("JOURNAL_STREAM", "9:12345")], "tracker", "0", "--catalogue", place.At("catalogue"), "--bind", "127.0.0.1");
        await tracker.ComplaintAsync(line => line.Contains("no token for publishing was made, since the journal would keep it: 'shoal token create NAME --catalogue PLACE' shows you one", StringComparison.Ordinal));
        Assert.Empty((await Command.RunAsync("token", "list", "--catalogue", place.At("catalogue"))).Out.Lines);
    }

    [Fact]
    public async Task One_catalogue_has_one_tracker()
    {
        using var place = new Workplace();
        await using var tracker = Command.Start("tracker", "0", "--catalogue", place.At("catalogue"), "--bind", "127.0.0.1");
        await AddressOf(tracker);
        var second = await Command.RunAsync("tracker", "0", "--catalogue", place.At("catalogue"), "--bind", "127.0.0.1");
        Assert.Equal([$"shoal: the catalogue '{place.At("catalogue", "journal")}' is in use by another tracker"], second.Error.Lines);
        Assert.Equal(3, second.ExitCode);
    }

    // In a process of its own, where JSON knows only what its contexts name, as in the native program.
    [Fact]
    public async Task The_service_describes_itself()
    {
        using var place = new Workplace();
        await using var tracker = CommandProcess.Start(place, [], "tracker", "0", "--catalogue", place.At("catalogue"), "--bind", "127.0.0.1");
        var line = await tracker.LineAsync(line => line.StartsWith("Announce to ", StringComparison.Ordinal));
        using var http = new HttpClient();
        using var document = JsonDocument.Parse(await http.GetStringAsync(new Uri(new Uri(line.Split(' ')[2]), "/openapi.json"), TestContext.Current.CancellationToken));
        Assert.True(document.RootElement.GetProperty("paths").TryGetProperty("/api/v1/events", out _));
    }

    [Fact]
    public async Task Environment_and_config_file_spare_the_typing()
    {
        using var place = new Workplace();
        await using var tracker = Command.Start("tracker", "0", "--catalogue", place.At("catalogue"), "--bind", "127.0.0.1");
        var at = await AddressOf(tracker);
        Directory.CreateDirectory(place.At("config", "shoal"));
        var file = place.At("config", "shoal", "config.json");
        async Task<(int ExitCode, string Out, string Error)> ListAsync(params (string Name, string Value)[] environment)
        {
            await using var run = CommandProcess.Start(place, [("XDG_CONFIG_HOME", place.At("config")), .. environment], "list");
            return await run.EndAsync();
        }

        Assert.Equal((0, "", ""), await ListAsync(("SHOAL_AT", at)));
        File.WriteAllText(file, $$"""{ "at": "{{at}}" } // this lab's""");
        Assert.Equal((0, "", ""), await ListAsync());
        Assert.Equal(
            (1, "", $"shoal: the catalogue at {at} says: the token is unknown or was revoked (SHOAL_TOKEN, or \"token\" in the config file)\n"),
            await ListAsync(("SHOAL_TOKEN", "shoal_no")));

        File.WriteAllText(file, "{\n  \"att\": \"x\"\n}");
        Assert.Equal((2, "", $"shoal: {file}, line 2: \"att\" is no setting; there are \"at\" and \"token\"\n"), await ListAsync());
        File.WriteAllText(file, "{ \"at\": 5 }");
        Assert.Equal((2, "", $"shoal: {file}, line 1: \"at\" is not a text in quotes\n"), await ListAsync());
        File.WriteAllText(file, "{ \"at\": ");
        Assert.Equal((2, "", $"shoal: {file}, line 1: this is no JSON\n"), await ListAsync());
        File.WriteAllText(file, "{ \"at\": \"ftp://x\" }");
        Assert.Equal((2, "", $"shoal: \"at\" in {file}: 'ftp://x' is neither HOST:PORT nor an http or https URL\n"), await ListAsync());
    }

    private static async Task Fails(string said, params string[] args)
    {
        var run = await Command.RunAsync(args);
        Assert.Equal([$"shoal: {said}"], run.Error.Lines);
        Assert.Empty(run.Out.Lines);
        Assert.Equal(1, run.ExitCode);
    }

    private static async Task<string> AddressOf(RunningCommand tracker)
    {
        await tracker.LineAsync(line => line.StartsWith("Announce to ", StringComparison.Ordinal));
        var line = await tracker.LineAsync(line => line.StartsWith("Listening on ", StringComparison.Ordinal));
        return line["Listening on ".Length..line.IndexOf(" (", StringComparison.Ordinal)];
    }

    private static string? Text(JsonDocument document, string name) => document.RootElement.GetProperty(name).GetString();
}
