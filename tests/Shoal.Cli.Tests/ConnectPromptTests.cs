using System.Text.Json;

namespace Shoal.Cli.Tests;

/// <summary>The interactive client on a real terminal, with somebody who types.</summary>
public sealed class ConnectPromptTests : IAsyncDisposable
{
    private readonly Workplace _place = new();
    private readonly string _socket = $"shoal-{Guid.NewGuid():N}";

    [Fact]
    public async Task Names_and_files_are_completed_and_transfers_run_behind_the_prompt()
    {
        await using var tracker = await StartAsync();
        await TypeAsync("up", "Tab", "my", "Tab", "x", "Tab", "as mod", "Tab", "els/", "Enter");
        await ScreenAsync(screen => screen.Contains("shoal> upload my\\ files/x.bin as models/", StringComparison.Ordinal) &&
            screen.Contains("Published models/x.bin, version 1: 195.3 KiB", StringComparison.Ordinal) &&
            screen.Contains("Seeding 1: 0 peers, up 0 B/s\nshoal>", StringComparison.Ordinal));
        // Level by level, from the catalogue, and what there is to choose from.
        await TypeAsync("upload 'my files/y.bin' as models/y.bin", "Enter");
        await ScreenAsync(screen => screen.Contains("Published models/y.bin", StringComparison.Ordinal) && screen.Contains("Seeding 2", StringComparison.Ordinal));
        await TypeAsync("download m", "Tab", "Tab", "Tab");
        await ScreenAsync(screen => screen.Contains("\nx.bin  y.bin\n", StringComparison.Ordinal) && screen.EndsWith("shoal> download models/", StringComparison.Ordinal));
        await TypeAsync("y", "Tab", "to got", "Enter");
        await ScreenAsync(screen => screen.Contains($"Fetched models/y.bin@1: {_place.At("got", "y.bin")} (got 195.3 KiB", StringComparison.Ordinal));
        Assert.Equal(File.ReadAllBytes(_place.At("my files", "y.bin")), File.ReadAllBytes(_place.At("got", "y.bin")));
        await TypeAsync("exit", "Enter");
        await EndsWellAsync();
    }

    [Fact]
    public async Task Lines_come_back_Ctrl_C_clears_and_leaves_and_a_paste_waits_for_Enter()
    {
        await using var tracker = await StartAsync();
        await TypeAsync("help exit", "Enter", "peers 日本語", "C-c");
        await ScreenAsync(screen => screen.Contains("shoal> help exit\nexit\n  Leave", StringComparison.Ordinal) && screen.EndsWith("shoal> peers 日本語^C\n(Ctrl-C once more leaves)\nshoal>", StringComparison.Ordinal));
        await TypeAsync("half", "Up");
        await ScreenAsync(screen => screen.EndsWith("\nshoal> help exit", StringComparison.Ordinal));
        await TypeAsync("Down", "Left", "X");
        await ScreenAsync(screen => screen.EndsWith("\nshoal> halXf", StringComparison.Ordinal));
        await TypeAsync("C-u", "C-k");
        await Tmux("set-buffer", "search no\nhelp status\n");
        await Tmux("paste-buffer", "-p", "-t", "x");
        await ScreenAsync(screen => screen.EndsWith("\nshoal> search no⏎help status⏎", StringComparison.Ordinal));
        await TypeAsync("Enter");
        await ScreenAsync(screen => screen.Contains("shoal> search no\nno name in the catalogue holds 'no'\nshoal> help status\nstatus\n  Show what", StringComparison.Ordinal));

        // A narrower terminal breaks the line anew, and nothing of the old one stays.
        await TypeAsync("download aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd");
        await ScreenAsync(screen => screen.EndsWith("dddddddddd", StringComparison.Ordinal));
        await Tmux("resize-window", "-t", "x", "-x", "40", "-y", "30");
        await TypeAsync("e");
        var narrow = await ScreenAsync(screen => screen.EndsWith("\nshoal> download aaaaaaaaaabbbbbbbbbbcccc\nccccccdddddddddde", StringComparison.Ordinal));
        Assert.Equal(1, narrow.Split('\n').Count(line => line.StartsWith("shoal> download", StringComparison.Ordinal)));
        await TypeAsync("C-c", "C-c");
        await EndsWellAsync();

        // What was entered is known to the next session.
        await TypeAsync(CommandLine(tracker.At), "Enter");
        await ScreenAsync(screen => screen.EndsWith("\nshoal>", StringComparison.Ordinal));
        await TypeAsync("Up");
        await ScreenAsync(screen => screen.EndsWith("\nshoal> help status", StringComparison.Ordinal));
        await TypeAsync("C-u", "C-d");
        await EndsWellAsync();
    }

    [Fact]
    public async Task Leaving_waits_for_a_tracker_that_does_not_answer_but_Ctrl_C_does_not()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "there are no signals here");
        await using var tracker = CommandProcess.Start(_place, [], "tracker", "0", "--catalogue", _place.At("catalogue"), "--bind", "127.0.0.1");
        await OpenAsync("", (await tracker.LineAsync(line => line.StartsWith("Listening on 127.0.0.1:", StringComparison.Ordinal))).Split(' ')[2]);
        await TypeAsync("upload 'my files/x.bin'", "Enter");
        await ScreenAsync(screen => screen.Contains("Seeding 1:", StringComparison.Ordinal));
        await Repository.RunAsync(_place.Root, "kill", "-STOP", $"{tracker.Id}");
        await TypeAsync("exit", "Enter");
        await ScreenAsync(screen => screen.EndsWith("shoal> exit\nLeaving: transfers end, the tracker is told (Ctrl-C: now)", StringComparison.Ordinal));
        await TypeAsync("C-c");
        await ScreenAsync(screen => screen.EndsWith("shoal> exit\n$", StringComparison.Ordinal));
        await TypeAsync("echo code $?", "Enter");
        await ScreenAsync(screen => screen.Contains("\ncode 130", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_terminal_that_is_closed_ends_it_politely()
    {
        await using var tracker = await StartAsync();
        await TypeAsync("upload 'my files/x.bin'", "Enter");
        await ScreenAsync(screen => screen.Contains("Seeding 1:", StringComparison.Ordinal));
        Assert.Equal(1, await SeedersAsync());
        await Tmux("kill-server");
        var left = 600;
        while (await SeedersAsync() > 0)
        {
            Assert.True(left-- > 0, "the tracker was never told");
            await Task.Delay(100);
        }

        async Task<int> SeedersAsync()
        {
            using var listed = JsonDocument.Parse((await Command.RunAsync("list", "--at", tracker.At, "--json")).Out.Lines[0]);
            return listed.RootElement.GetProperty("seeders").GetInt32();
        }
    }

    [Fact]
    public async Task A_terminal_that_can_do_nothing_gets_plain_lines()
    {
        await using var tracker = await StartAsync("TERM=dumb ");
        await TypeAsync("lis", "Enter", "upload 'my files/x.bin'", "Enter");
        await ScreenAsync(screen => screen.Contains("shoal: there is no command 'lis'; 'help' lists them", StringComparison.Ordinal) && screen.Contains("Published x.bin, version 1", StringComparison.Ordinal));
        await TypeAsync("C-d");
        await EndsWellAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await Tmux("kill-server");
        _place.Dispose();
    }

    private async Task<Tracker> StartAsync(string environment = "")
    {
        var tracker = new Tracker(Command.Start("tracker", "0", "--catalogue", _place.At("catalogue"), "--bind", "127.0.0.1"));
        await tracker.FindAsync();
        await OpenAsync(environment, tracker.At);
        return tracker;
    }

    private async Task OpenAsync(string environment, string at)
    {
        Assert.SkipUnless(Repository.Has("tmux"), "there is no tmux here to draw a terminal with");
        _place.Write("my files/x.bin", 200_000);
        _place.Write("my files/y.bin", 200_000, seed: 2);
        await Tmux("new-session", "-d", "-s", "x", "-x", "120", "-y", "50", $"env PS1='$ ' XDG_STATE_HOME='{_place.At("state")}' sh");
        await TypeAsync(environment + CommandLine(at), "Enter");
        await ScreenAsync(screen => screen.EndsWith("\nshoal>", StringComparison.Ordinal));
    }

    // The shell has the terminal again, as it was.
    private async Task EndsWellAsync()
    {
        await ScreenAsync(screen => screen.Contains("\nStopped after ", StringComparison.Ordinal) && screen.EndsWith("\n$", StringComparison.Ordinal));
        await TypeAsync("c=$?; clear; echo code $c", "Enter");
        await ScreenAsync(screen => screen.StartsWith("code 0\n", StringComparison.Ordinal));
    }

    private static string CommandLine(string at) => $"dotnet '{typeof(App).Assembly.Location}' connect {at.Replace(':', ' ')} --bind 127.0.0.1";

    private Task<(int ExitCode, string Out, string Error)> Tmux(params string[] args) => Repository.RunAsync(_place.Root, "tmux", ["-u", "-L", _socket, "-f", "/dev/null", .. args]);

    private async Task TypeAsync(params string[] keys)
    {
        foreach (var key in keys)
        {
            await (key is "Tab" or "Enter" or "Up" or "Down" or "Left" || key.StartsWith("C-", StringComparison.Ordinal)
                ? Tmux("send-keys", "-t", "x", key) : Tmux("send-keys", "-t", "x", "-l", key));
        }
    }

    private async Task<string> ScreenAsync(Predicate<string> fits)
    {
        var screen = "";
        for (var i = 0; i < 600; i++)
        {
            screen = string.Join('\n', (await Tmux("capture-pane", "-p", "-t", "x")).Out.Split('\n').Select(line => line.TrimEnd())).TrimEnd();
            if (fits(screen))
            {
                return screen;
            }

            await Task.Delay(100);
        }

        throw new Xunit.Sdk.XunitException($"it never came: {screen}");
    }

    private sealed class Tracker(RunningCommand command) : IAsyncDisposable
    {
        public string At { get; private set; } = "";

        public async Task FindAsync() =>
            At = (await command.LineAsync(line => line.StartsWith("Listening on 127.0.0.1:", StringComparison.Ordinal))).Split(' ')[2];

        public ValueTask DisposeAsync() => command.DisposeAsync();
    }
}
