using System.Buffers;
using System.Text.Json;
using Shoal.Cli.Connect;

namespace Shoal.Cli.Tests;

/// <summary>The interactive client, driven by scripts: from one end to the other, with exit codes.</summary>
public class ConnectCommandTests
{
    [Fact]
    public async Task A_script_uploads_and_another_downloads_the_same_bytes()
    {
        using var place = new Workplace();
        place.Write("a file.bin", 700_000);
        place.Write("model/w/1.bin", 300_000, seed: 2);
        place.Write("model/2.bin", 1, seed: 3);
        await using var tracker = Command.Start("tracker", "0", "--catalogue", place.At("catalogue"), "--bind", "127.0.0.1");
        var at = await AddressOf(tracker);
        await using var first = Connect(at);
        first.Type($"upload \"{place.At("a file.bin")}\"\n# a comment\n\nupload '{place.At("model")}' as models/llm\n");
        await first.Client.LineAsync(line => line == $"Published models/llm, version 1: 293.0 KiB, 2 files, at {at}");

        var second = await Command.RunWithInputAsync(
            $"download 'a file.bin' to {place.At("got")}\ndownload models/llm@1 to {place.At("got")}\npeers models/llm\nlist 'models/*'\nsearch LLM\nstatus\nexit\nlist\n",
            "connect", at.Split(':')[0], at.Split(':')[1], "--bind", "127.0.0.1");

        Assert.Equal(("", 0), (second.Error.ToString(), second.ExitCode));
        AssertSame(place.At("a file.bin"), place.At("got", "a file.bin"));
        AssertSame(place.At("model", "w", "1.bin"), place.At("got", "llm", "w", "1.bin"));
        AssertSame(place.At("model", "2.bin"), place.At("got", "llm", "2.bin"));
        Assert.Contains($"Fetched models/llm@1: {place.At("got", "llm")} (got 293.0 KiB, 0 B were here)", second.Out.Lines);
        Assert.Equal(2, second.Out.Lines.Count(line => line.StartsWith("models/llm  @1 ", StringComparison.Ordinal)));
        Assert.Contains(second.Out.Lines, line => line.StartsWith("models/llm@1  seeding  293.0 KiB", StringComparison.Ordinal) && line.EndsWith(place.At("got", "llm"), StringComparison.Ordinal));
        // Nothing came behind exit.
        Assert.StartsWith("Stopped after ", second.Out.Lines[^1], StringComparison.Ordinal);
        first.End();
        Assert.Equal(0, (await first.Client.EndAsync()).ExitCode);
    }

    [Fact]
    public async Task What_was_uploaded_is_seeded_again_by_the_next_session_unless_it_changed()
    {
        using var place = new Workplace();
        string[] files = [place.Write("kept.bin", 200_000), place.Write("changed.bin", 200_000, seed: 2), place.Write("gone.bin", 200_000, seed: 3), place.Write("removed.bin", 1000, seed: 4)];
        await using var tracker = Command.Start("tracker", "0", "--catalogue", place.At("catalogue"), "--bind", "127.0.0.1");
        var at = await AddressOf(tracker);
        var uploads = await Command.RunWithInputAsync(string.Concat(files.Select(file => $"upload '{file}' as x/\n")) + $"upload '{files[0]}' as other/name\n", "connect", at, "--bind", "127.0.0.1");
        Assert.Equal(("", 0), (uploads.Error.ToString(), uploads.ExitCode));
        place.Write("changed.bin", 200_000, seed: 5);
        File.Delete(files[2]);
        Assert.Equal(
            ["Removed from the catalogue: x/removed.bin; who has the files keeps them"],
            (await Command.RunAsync("remove", "x/removed.bin", "--at", at)).Out.Lines);

        await using var again = Connect(at);
        Assert.Equal("Seeding again: x/kept.bin@1, other/name@1", await again.Client.LineAsync(line => line.StartsWith("Seeding again", StringComparison.Ordinal)));
        var got = await Command.RunAsync("get", "other/name", "--at", at, "--to", place.At("got"), "--bind", "127.0.0.1");
        Assert.Equal(("", 0), (got.Error.ToString(), got.ExitCode));
        AssertSame(files[0], place.At("got", "name"));
        again.End();
        Assert.Equal(
            [
                $"shoal: Warning: x/changed.bin@1 is not seeded again: '{files[1]}' has changed; 'upload' publishes it as it is now",
                $"shoal: Warning: x/gone.bin@1 is not seeded again: '{files[2]}' is gone",
                "shoal: Warning: x/removed.bin@1 is not seeded again: it was removed from the catalogue",
            ],
            (await again.Client.EndAsync()).Error.Lines);

        // Told once.
        await using var third = Connect(at);
        await third.Client.LineAsync(line => line == "Seeding again: x/kept.bin@1, other/name@1");
        third.End();
        Assert.Equal("", (await third.Client.EndAsync()).Error.ToString());
    }

    [Theory]
    [InlineData("list\nlist z*\nexit\n", 1, "line 2: nothing in the catalogue is called like 'z*'")]
    [InlineData("frobnicate\nlist\n", 2, "line 1: there is no command 'frobnicate'; 'help' lists them")]
    [InlineData("# first\nupload\n", 2, "line 2: it is 'upload PATH [as NAME]'")]
    [InlineData("upload my file\n", 2, "line 1: it is 'upload PATH [as NAME]'; put what holds blanks into quotes")]
    [InlineData("upload /nonexistent/x\n", 2, "line 1: there is no file or folder '/nonexistent/x'")]
    [InlineData("upload /tmp as a//b\n", 2, "line 1: 'a//b': part 2 is empty")]
    [InlineData("download 'it\n", 2, "line 1: the quote ' is not closed")]
    [InlineData("download a/b\n", 1, "line 1: the catalogue at {at} says: there is no 'a/b' in the catalogue")]
    [InlineData("download a@0\n", 2, "line 1: 'a@0': the version is 0, but versions begin at 1")]
    [InlineData("remove a/b\n", 1, "line 1: the catalogue at {at} says: there is no 'a/b' in the catalogue")]
    [InlineData("subscribe a[\n", 2, "line 1: 'a[': the '[' at character 2 is not closed")]
    [InlineData("search nothing\n", 1, "line 1: no name in the catalogue holds 'nothing'")]
    [InlineData("peers a\n", 1, "line 1: the catalogue at {at} says: there is no 'a' in the catalogue")]
    [InlineData("help frob\n", 2, "line 1: there is no command 'frob'; 'help' lists them")]
    [InlineData("list\n  -download a/b\n-frob\nhelp\n", 0, "line 2: the catalogue at {at} says: there is no 'a/b' in the catalogue", "line 3: there is no command 'frob'; 'help' lists them")]
    public async Task The_first_command_that_fails_ends_the_script_unless_it_may(string script, int exitCode, params string[] said)
    {
        using var place = new Workplace();
        await using var tracker = Command.Start("tracker", "0", "--catalogue", place.At("catalogue"), "--bind", "127.0.0.1");
        var at = await AddressOf(tracker);
        await using var seeder = Connect(at);
        seeder.Type($"upload {place.Write("there.bin", 10)}\n");
        await seeder.Client.LineAsync(line => line.StartsWith("Published", StringComparison.Ordinal));

        var run = await Command.RunWithInputAsync(script, "connect", at, "--bind", "127.0.0.1");

        Assert.Equal(said.Select(line => $"shoal: {line.Replace("{at}", at, StringComparison.Ordinal)}"), run.Error.Lines.Where(line => !line.Contains("Warning", StringComparison.Ordinal)));
        Assert.Equal(exitCode, run.ExitCode);
        Assert.Equal(exitCode == 0, run.Out.Lines.Any(line => line.StartsWith("exit ", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Who_cannot_be_connected_to_is_told_of_at_once()
    {
        using var place = new Workplace();
        await using var plain = Command.Start("tracker", "0", "--bind", "127.0.0.1");
        await using var closed = Command.Start("tracker", "0", "--catalogue", place.At("catalogue"), "--private", "--bind", "127.0.0.1");
        var (without, at) = (await AddressOf(plain), await AddressOf(closed));
        async Task FailsAsync(int exitCode, string said, params string[] args)
        {
            var run = await Command.RunWithInputAsync("list\n", ["connect", .. args]);
            Assert.Equal([$"shoal: {said}"], run.Error.Lines);
            Assert.Equal(exitCode, run.ExitCode);
        }

        await FailsAsync(1, $"there is no catalogue at {without}: its tracker needs --catalogue", without);
        await FailsAsync(1, "cannot reach the catalogue at 127.0.0.1:1: nobody listens there", "127.0.0.1", "1");
        await FailsAsync(2, "'ftp://x' is neither HOST [PORT] nor an http or https URL", "ftp://x");
        await FailsAsync(2, "'127.0.0.1:1 2' is neither HOST [PORT] nor an http or https URL", "127.0.0.1:1", "2");
        await FailsAsync(2, $"no tracker is named: 'shoal connect HOST [PORT]', SHOAL_AT, or \"at\" in {ConfigFile.Path}");
        Assert.Equal(0, (await Command.RunWithInputAsync("help\n", "connect", at, "--bind", "127.0.0.1")).ExitCode);
    }

    [Fact]
    public async Task Transfers_go_on_while_the_tracker_is_away_and_commands_say_so()
    {
        using var place = new Workplace();
        var file = place.Write("a.bin", 3_000_000);
        var (at, infoHash) = ("", "");
        await using var first = await StartAsync();
        var got = await Command.RunAsync("get", infoHash, "--to", place.At("got"), "--peer", $"127.0.0.1:{await PortOf(first)}", "--bind", "127.0.0.1");
        Assert.Equal(("", 0), (got.Error.ToString(), got.ExitCode));
        AssertSame(file, place.At("got", "a.bin"));
        first.Type("-list\nstatus\n");
        await first.Client.LineAsync(line => line.StartsWith("a.bin@1  seeding", StringComparison.Ordinal));
        first.End();
        var run = await first.Client.EndAsync();
        Assert.Equal([$"shoal: line 2: cannot reach the catalogue at {at}: nobody listens there"], run.Error.Lines);
        Assert.Equal(0, run.ExitCode);

        async Task<Typing> StartAsync()
        {
            await using var mortal = Command.Start("tracker", "0", "--catalogue", place.At("catalogue"), "--bind", "127.0.0.1");
            at = await AddressOf(mortal);
            var started = Connect(at);
            started.Type($"upload {file}\n");
            await started.Client.LineAsync(line => line.StartsWith("Published", StringComparison.Ordinal));
            using var listed = JsonDocument.Parse((await Command.RunAsync("list", "--at", at, "--json")).Out.Lines[0]);
            infoHash = listed.RootElement.GetProperty("infoHash").GetString()!;
            return started;
        }
    }

    [Fact]
    public async Task A_subscription_gets_what_is_there_before_the_next_command()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need rights there");
        using var place = new Workplace();
        var file = place.Write("a.bin", 300_000);
        await using var tracker = Command.Start("tracker", "0", "--catalogue", place.At("catalogue"), "--bind", "127.0.0.1");
        var at = await AddressOf(tracker);
        // What it has itself, too: in another place.
        var run = await Command.RunWithInputAsync(
            $"upload {file} as m/a.bin\nsubscribe m/** to {place.At("sub")}\ndownload m/a.bin to {place.At("copy")}\nstatus\n", "connect", at, "--bind", "127.0.0.1");
        Assert.Equal(("", 0), (run.Error.ToString(), run.ExitCode));
        AssertSame(file, place.At("sub", "m", "a.bin"));
        AssertSame(file, place.At("copy", "a.bin"));
        Assert.Contains($"Subscribed to m/** into {place.At("sub")}", run.Out.Lines);
    }

    [Fact]
    public async Task Machines_get_an_event_for_each_command()
    {
        using var place = new Workplace();
        await using var tracker = Command.Start("tracker", "0", "--catalogue", place.At("catalogue"), "--bind", "127.0.0.1");
        var at = await AddressOf(tracker);
        var run = await Command.RunWithInputAsync($"upload {place.Write("a.bin", 1000)}\n\n-list z\nlist z\n", "connect", at, "--bind", "127.0.0.1", "--json", "--quiet");
        var events = run.Out.Lines.Select(line => JsonDocument.Parse(line).RootElement).ToList();
        Assert.Equal(["published", "done", "error", "done", "error", "done"], events.Select(one => one.GetProperty("event").GetString()));
        Assert.Equal([(1, 0), (3, 1), (4, 1)], events.Where(one => one.GetProperty("event").GetString() == "done").Select(one => (one.GetProperty("line").GetInt32(), one.GetProperty("exitCode").GetInt32())));
        Assert.Equal(1, run.ExitCode);
    }

    [Theory]
    [InlineData("", "")]
    [InlineData("  # all of it", "")]
    [InlineData("a b\tc", "a|b|c")]
    [InlineData("a 'b c' \"d \\\" e\" f\\ g", "a|b c|d \" e|f g")]
    [InlineData("a''\"\" '' b#c", "a||b#c")]
    [InlineData("'it'\\''s' \"$x\\y\"", "it's|$x\\y")]
    public void Words_are_taken_apart_as_a_shell_does(string line, string expected)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "a backslash is a character there");
        Assert.Equal(expected, string.Join('|', Words.Split(line)));
        foreach (var word in Words.Split(line))
        {
            foreach (var quote in "\0'\"")
            {
                Assert.Equal(word.Length > 0 || quote != '\0' ? [word] : [], Words.Split(Words.Quote(word, quote, isWhole: true)));
            }
        }
    }

    private static void AssertSame(string expected, string actual) => Assert.Equal(File.ReadAllBytes(expected), File.ReadAllBytes(actual));

    private static async Task<string> AddressOf(RunningCommand tracker)
    {
        var line = await tracker.LineAsync(text => text.StartsWith("Listening on 127.0.0.1:", StringComparison.Ordinal));
        return line.Split(' ')[2];
    }

    private static async Task<string> PortOf(Typing client) =>
        (await client.Client.LineAsync(line => line.StartsWith("Connected to ", StringComparison.Ordinal))).Split(' ')[^1];

    private static Typing Connect(string at, params string[] options) => new(["connect", at, "--bind", "127.0.0.1", .. options]);

    /// <summary>A client whose commands come as somebody writes them.</summary>
    private sealed class Typing : IAsyncDisposable
    {
        private readonly System.IO.Pipelines.Pipe _pipe = new();

        public Typing(string[] args) => Client = Command.StartWithInput(new StreamReader(_pipe.Reader.AsStream()), args);

        public RunningCommand Client { get; }

        public void Type(string text)
        {
            _pipe.Writer.Write(System.Text.Encoding.UTF8.GetBytes(text));
            _ = _pipe.Writer.FlushAsync().AsTask();
        }

        public void End() => _pipe.Writer.Complete();

        public async ValueTask DisposeAsync()
        {
            End();
            await Client.DisposeAsync();
        }
    }
}
