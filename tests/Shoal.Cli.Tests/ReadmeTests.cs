using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;

namespace Shoal.Cli.Tests;

/// <summary>What the README tells people to type works, in the order in which it stands there.</summary>
public partial class ReadmeTests
{
    [Fact]
    public async Task The_commands_of_the_README_run()
    {
        if (OperatingSystem.IsWindows() || !Repository.Has("bash"))
        {
            Assert.Skip("there is no bash here");
            return;
        }

        using var place = new Workplace();
        var readme = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "README.md"));
        var script = CommandBlock().Match(readme).Groups["lines"].Value;
        Assert.Contains("shoal get", script);

        // Ports of a README are fit for people; a test takes what is free.
        foreach (var port in new[] { "6969", "51413" })
        {
            script = script.Replace(port, FreePort().ToString());
        }

        Directory.CreateDirectory(place.At("bin"));
        await File.WriteAllTextAsync(place.At("bin", "shoal"), $"#!/bin/sh\nexec dotnet '{typeof(App).Assembly.Location}' \"$@\"\n");
        File.SetUnixFileMode(place.At("bin", "shoal"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        await File.WriteAllTextAsync(
            place.At("readme.sh"), $"set -eu\nPATH=$PWD/bin:$PATH\ntrap 'kill $(jobs -p) 2>/dev/null; wait' EXIT\n{script}");

        var (exitCode, said, complained) = await Repository.RunAsync(place.Root, "timeout", "120", "bash", "readme.sh");

        Assert.True(exitCode == 0, $"exit code {exitCode}\n{said}\n{complained}");
        Assert.Equal(await File.ReadAllBytesAsync(place.At("album", "song.flac")), await File.ReadAllBytesAsync(place.At("got", "album", "song.flac")));
        Assert.Equal("la la\n", await File.ReadAllTextAsync(place.At("only-lyrics", "album", "lyrics.txt")));
        Assert.Equal(await File.ReadAllBytesAsync(place.At("album", "song.flac")), await File.ReadAllBytesAsync(place.At("by-name", "album", "song.flac")));
        Assert.Equal("la la\n", await File.ReadAllTextAsync(place.At("by-prompt", "words")));
        Assert.Contains("All is well", said);
    }

    [Fact]
    public async Task The_simulation_of_the_README_comes_out_as_it_stands_there()
    {
        using var place = new Workplace();
        var block = SimulationBlock().Match(await File.ReadAllTextAsync(Path.Combine(Repository.Root, "README.md")));
        var plot = place.At("crowd.svg");

        var run = await Command.RunAsync([.. block.Groups["arguments"].Value.Split(' '), "--quiet", "--plot", plot]);

        Assert.True(run.ExitCode == 0, string.Join('\n', run.Error.Lines));
        var said = block.Groups["lines"].Value.TrimEnd().Split('\n');
        Assert.True(
            said.SequenceEqual(run.Out.Lines.Take(said.Length)),
            $"the README is out of date: run its command, with --plot docs/images/flash-crowd.svg, and put there what it says:\n{string.Join('\n', run.Out.Lines)}");
        Assert.True(
            (await File.ReadAllTextAsync(Path.Combine(Repository.Root, "docs", "images", "flash-crowd.svg"))) == await File.ReadAllTextAsync(plot),
            "the README's picture is out of date: run its command with --plot docs/images/flash-crowd.svg");
    }

    [Fact]
    public void Every_command_of_the_program_is_in_the_README()
    {
        var readme = File.ReadAllText(Path.Combine(Repository.Root, "README.md"));
        Assert.All(
            ["share", "get", "seed", "create", "info", "magnet", "verify", "tracker", "publish", "list", "remove", "subscribe", "connect", "token", "scrape", "mpi run", "mpi copy", "simulate"],
            command => Assert.Contains($"`shoal {command} ", readme));
    }

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    [GeneratedRegex(@"\$ \./shoal (?<arguments>simulate [^\n]*) --plot crowd\.svg\n(?<lines>.*?)```", RegexOptions.Singleline | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex SimulationBlock();

    [GeneratedRegex(@"ReadmeTests\.cs\. -->\s*```sh\n(?<lines>.*?)```", RegexOptions.Singleline | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex CommandBlock();
}
