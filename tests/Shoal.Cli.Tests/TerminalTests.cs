namespace Shoal.Cli.Tests;

/// <summary>The live view, on a real terminal.</summary>
public class TerminalTests
{
    [Fact]
    public async Task Share_shows_a_live_view_and_ends_politely_on_Ctrl_C()
    {
        Assert.SkipUnless(Repository.Has("tmux"), "there is no tmux here to draw a terminal with");
        using var place = new Workplace();
        var name = $"t{Guid.NewGuid():N}";
        place.Write(name, 100_000);
        var socket = $"shoal-{Guid.NewGuid():N}";
        Task<(int ExitCode, string Out, string Error)> Tmux(params string[] args) => Repository.RunAsync(place.Root, "tmux", ["-L", socket, "-f", "/dev/null", .. args]);
        async Task<string> ScreenWith(string text)
        {
            for (var i = 0; i < 600; i++)
            {
                var screen = (await Tmux("capture-pane", "-p", "-J", "-t", "x")).Out;
                if (screen.Contains(text, StringComparison.Ordinal))
                {
                    return screen;
                }

                await Task.Delay(100);
            }

            throw new Xunit.Sdk.XunitException($"'{text}' never came: {(await Tmux("capture-pane", "-p", "-t", "x")).Out}");
        }

        try
        {
            await Tmux("new-session", "-d", "-s", "x", "-x", "120", "-y", "40", "sh");
            await Tmux("send-keys", "-t", "x", $"'{Path.Combine(Repository.Root, "shoal")}' share {name} --bind 127.0.0.1", "Enter");
            var seeding = await ScreenWith($"Seeding {name}");
            // Whole, as it would be copied, though it is wider than the screen.
            Assert.Matches(@"shoal get 'magnet:\?xt=urn:btih:[^'\s]*&x\.pe=127\.0\.0\.1:\d+&x\.dht=off'", seeding);
            Assert.Contains("ratio 0.00", seeding, StringComparison.Ordinal);
            await Tmux("send-keys", "-t", "x", "C-c", "");
            var ended = await ScreenWith("Stopped after ");
            Assert.DoesNotContain("Seeding", ended, StringComparison.Ordinal);
            await Tmux("send-keys", "-t", "x", "echo code $?", "Enter");
            await ScreenWith("code 0");
        }
        finally
        {
            await Tmux("kill-server");
        }
    }
}
