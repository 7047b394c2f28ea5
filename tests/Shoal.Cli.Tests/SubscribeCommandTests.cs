using System.Text.Json;
using Shoal.Catalogue;
using Shoal.Cli.Commands;
using Shoal.Cli.Reporting;

namespace Shoal.Cli.Tests;

/// <summary>A folder that is as a catalogue has it: what is published appears there, whole, and little of it is fetched twice.</summary>
public class SubscribeCommandTests
{
    private const int Size = 4_000_000;

    [Fact]
    public async Task A_new_version_takes_the_place_of_the_old_one_and_little_of_it_is_fetched()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need rights there");
        using var place = new Workplace();
        Versions(place, 3);
        await using var tracker = Command.Start("tracker", "0", "--catalogue", place.At("catalogue"), "--bind", "127.0.0.1");
        var at = await AddressOf(tracker);
        await using var first = await PublishAsync(place, at, 1);
        string[] args = ["subscribe", "models/**", "other", "--to", place.At("got"), "--at", at, "--bind", "127.0.0.1", "--json"];
        var link = place.At("got", "models", "llm");
        await using (var subscriber = Command.Start(args))
        {
            var fetched = await EventAsync(subscriber, "fetched", 1);
            Assert.Equal((link, 0), (fetched.GetProperty("path").GetString(), fetched.GetProperty("reusedBytes").GetInt64()));
            var content = new FileInfo(link).LinkTarget;
            AssertIs(place, 1, link);

            await using var second = await PublishAsync(place, at, 2);
            fetched = await EventAsync(subscriber, "fetched", 2);
            Assert.NotEqual(content, new FileInfo(link).LinkTarget);
            AssertIs(place, 2, link);
            Assert.InRange(fetched.GetProperty("downloadedBytes").GetInt64(), 1, Size / 10);
            Assert.Equal(0, (await subscriber.StopAsync()).ExitCode);
        }

        // Nobody has version 2 now, and it is there; the subscriber knows where it was.
        await using (var subscriber = Command.Start(args))
        {
            await EventAsync(subscriber, "subscribed");
            await using var third = await PublishAsync(place, at, 3);
            await EventAsync(subscriber, "fetched", 3);
            AssertIs(place, 3, link);
            var all = await subscriber.StopAsync();
            Assert.DoesNotContain(all.Out.Lines, line => line.Contains("\"version\":2", StringComparison.Ordinal) && !line.StartsWith("{\"event\":\"fetching\"", StringComparison.Ordinal));
            Assert.InRange(Last(all).GetProperty("downloadedBytes").GetInt64(), 1, Size / 10);
        }
    }

    [Fact]
    public async Task A_command_is_run_for_each_version_and_old_ones_are_kept_as_long_as_asked_for()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "there is no /bin/sh");
        using var place = new Workplace();
        Versions(place, 3);
        await using var tracker = Command.Start("tracker", "0", "--catalogue", place.At("catalogue"), "--bind", "127.0.0.1");
        var at = await AddressOf(tracker);
        await using var subscriber = Command.Start(
            "subscribe", "**", "--to", place.At("got"), "--at", at, "--bind", "127.0.0.1", "--keep", "2", "--exec", "cat {path}/b.txt; echo \" {name} $SHOAL_VERSION {path}\"");
        for (var version = 1; version <= 3; version++)
        {
            await using var publisher = await PublishAsync(place, at, version);
            await subscriber.LineAsync(line => line == $"version {version} models/llm {version} {place.At("got", "models", "llm")}");
        }

        var start = TimeProvider.System.GetTimestamp();
        while (Directory.GetDirectories(place.At("got", ".shoal")).Length != 3) // two versions, and what is new
        {
            Assert.True(TimeProvider.System.GetElapsedTime(start) < TimeSpan.FromMinutes(1), "an old version stays");
            await Task.Delay(50, TestContext.Current.CancellationToken);
        }

        Assert.Equal("", (await subscriber.StopAsync()).Error.ToString());
    }

    [Fact]
    public async Task A_file_in_the_way_is_left_alone_and_the_others_come()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need rights there");
        using var place = new Workplace();
        Versions(place, 1);
        place.Write("got/models/llm", 5);
        place.Write("other", 1000);
        await using var tracker = Command.Start("tracker", "0", "--catalogue", place.At("catalogue"), "--bind", "127.0.0.1");
        var at = await AddressOf(tracker);
        await using var first = await PublishAsync(place, at, 1);
        await using var other = Command.Start("publish", place.At("other"), "--at", at, "--bind", "127.0.0.1");
        await using var subscriber = Command.Start("subscribe", "**", "--to", place.At("got"), "--at", at, "--bind", "127.0.0.1");
        await subscriber.LineAsync(line => line.StartsWith("Fetched other@1", StringComparison.Ordinal));

        var second = await Command.RunAsync("subscribe", "**", "--to", place.At("got"), "--at", at, "--bind", "127.0.0.1");
        Assert.Equal((3, $"shoal: another subscriber puts its files into '{place.At("got")}'"), (second.ExitCode, Assert.Single(second.Error.Lines)));

        var stopped = await subscriber.StopAsync();
        Assert.Equal(
            $"shoal: Warning: models/llm@1 waits: '{place.At("got", "models", "llm")}' is a file that is none of the subscription's; move it away, or subscribe into another folder",
            Assert.Single(stopped.Error.Lines));
        Assert.Equal(5, new FileInfo(place.At("got", "models", "llm")).Length);
    }

    [Fact]
    public async Task It_outlives_the_tracker()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need rights there");
        using var place = new Workplace();
        Versions(place, 2);
        var at = "";
        await using var subscriber = await StartAsync();
        await using var tracker = Command.Start("tracker", at.Split(':')[1], "--catalogue", place.At("catalogue"), "--bind", "127.0.0.1");
        await subscriber.LineAsync(line => line == $"The catalogue at {at} is heard again");
        await using var second = await PublishAsync(place, at, 2);
        await subscriber.LineAsync(line => line.StartsWith("Fetched models/llm@2", StringComparison.Ordinal));
        AssertIs(place, 2, place.At("got", "models", "llm"));

        async Task<RunningCommand> StartAsync()
        {
            await using var mortal = Command.Start("tracker", "0", "--catalogue", place.At("catalogue"), "--bind", "127.0.0.1");
            at = await AddressOf(mortal);
            await using var first = await PublishAsync(place, at, 1);
            var started = Command.Start("subscribe", "models/*", "--to", place.At("got"), "--at", at, "--bind", "127.0.0.1");
            await started.LineAsync(line => line.StartsWith("Fetched models/llm@1", StringComparison.Ordinal));
            return started;
        }
    }

    [Theory]
    [InlineData("do {path} {name}", "do \"${SHOAL_PATH}\" \"${SHOAL_NAME}\"")]
    [InlineData("do \"to {path}\"{name}", "do \"to ${SHOAL_PATH}\"\"${SHOAL_NAME}\"")]
    [InlineData("do 'to {path}'{name}", "do 'to '\"${SHOAL_PATH}\"''\"${SHOAL_NAME}\"")]
    [InlineData("do \\\"{path} \"\\\"{path}\"", "do \\\"\"${SHOAL_PATH}\" \"\\\"${SHOAL_PATH}\"")]
    [InlineData("true", "true")]
    [InlineData("", "")]
    public void A_placeholder_is_a_variable_in_the_quotes_that_it_needs(string command, string expected) => Assert.Equal(expected, SubscribeHook.Expand(command));

    [Theory]
    [InlineData("printf '%s|' {name} {path}")]
    [InlineData("printf '%s|' \"{name}\" \"{path}\"")]
    [InlineData("printf '%s|' '{name}' '{path}'")]
    public async Task What_a_name_says_is_no_command(string command)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "there is no /bin/sh");
        const string Name = "it's  $(echo x) `echo y` \"* {path}; #";
        await using var output = new LineWriter();
        await using var reporter = new PlainReporter(output, output, isQuiet: false);
        await new SubscribeHook(command, reporter).RunAsync(new VersionInPlace(Name, 1, $"/d/{Name}"), TestContext.Current.CancellationToken);
        Assert.Equal($"{Name}|/d/{Name}|\n", output.ToString());
    }

    // Each version is the one before with one byte changed, and says which it is.
    private static void Versions(Workplace place, int count)
    {
        for (var version = 1; version <= count; version++)
        {
            var path = place.Write($"v{version}/a.bin", Size);
            using (var file = File.OpenHandle(path, FileMode.Open, FileAccess.Write))
            {
                RandomAccess.Write(file, [(byte)version], Size / 2);
            }

            File.WriteAllText(place.At($"v{version}", "b.txt"), $"version {version}");
        }
    }

    private static void AssertIs(Workplace place, int version, string path)
    {
        Assert.Equal(File.ReadAllBytes(place.At($"v{version}", "a.bin")), File.ReadAllBytes(Path.Combine(path, "a.bin")));
        Assert.Equal($"version {version}", File.ReadAllText(Path.Combine(path, "b.txt")));
    }

    private static async Task<RunningCommand> PublishAsync(Workplace place, string at, int version)
    {
        var publisher = Command.Start("publish", place.At($"v{version}"), "--as", "models/llm", "--at", at, "--bind", "127.0.0.1");
        await publisher.LineAsync(line => line.StartsWith($"Published models/llm, version {version}:", StringComparison.Ordinal));
        return publisher;
    }

    private static async Task<string> AddressOf(RunningCommand tracker)
    {
        var line = await tracker.LineAsync(text => text.StartsWith("Listening on 127.0.0.1:", StringComparison.Ordinal));
        return line.Split(' ')[2];
    }

    private static async Task<JsonElement> EventAsync(RunningCommand command, string kind, int? version = null)
    {
        var line = await command.LineAsync(text => text.StartsWith($"{{\"event\":\"{kind}\"", StringComparison.Ordinal) &&
            (version is null || text.Contains($"\"version\":{version},", StringComparison.Ordinal)));
        return JsonDocument.Parse(line).RootElement;
    }

    private static JsonElement Last(Run run) => JsonDocument.Parse(run.Out.Lines[^1]).RootElement;
}
