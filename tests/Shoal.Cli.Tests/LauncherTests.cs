namespace Shoal.Cli.Tests;

/// <summary>`./shoal`, as a user finds it in a clone.</summary>
public class LauncherTests
{
    [Fact]
    public async Task It_starts_from_anywhere_and_through_a_link()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "the launcher is a shell script");
        using var place = new Workplace();
        var launcher = Path.Combine(Repository.Root, "shoal");
        File.CreateSymbolicLink(place.At("linked"), launcher);
        foreach (var program in (string[])[launcher, place.At("linked")])
        {
            var (exitCode, said, _) = await Repository.RunAsync(place.Root, program, "--version");
            Assert.Equal(0, exitCode);
            Assert.Matches(@"^shoal \d+\.\d+\.\d+\n$", said);
        }
    }

    [Fact]
    public async Task It_passes_arguments_and_the_exit_code_through()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "the launcher is a shell script");
        var (exitCode, said, complained) = await Repository.RunAsync("/", Path.Combine(Repository.Root, "shoal"), "info", "no such file");
        Assert.Equal(2, exitCode);
        Assert.Equal("", said);
        Assert.EndsWith("shoal: there is no file 'no such file'\n", complained, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_a_home_folder_nothing_is_kept_in_the_current_one()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "the launcher is a shell script");
        using var place = new Workplace();
        place.Write("here/x", 100_000);
        Assert.Equal(0, (await Command.RunAsync("create", place.At("here", "x"), "-o", place.At("x.torrent"))).ExitCode);
        var (exitCode, said, complained) = await Repository.RunAsync(
            place.At("here"), "env", "-u", "XDG_STATE_HOME", $"HOME={place.At("gone")}", Path.Combine(Repository.Root, "shoal"),
            "get", place.At("x.torrent"), "--bind", "127.0.0.1");
        Assert.True(exitCode == 0, said + complained);
        Assert.Equal([place.At("here", "x")], Directory.GetFileSystemEntries(place.At("here")));
    }

    [Fact]
    public async Task A_clone_builds_once_however_many_start_it_and_again_when_a_source_changed()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "the launcher is a shell script");
        using var place = new Workplace();
        foreach (var part in (string[])["shoal", "global.json", "Directory.Build.props", "Directory.Packages.props", ".editorconfig", "src"])
        {
            await Repository.RunAsync(Repository.Root, "cp", "-a", part, place.Root);
        }

        // With no linker it must do without native code; the build that the other tests run has shown the native one.
        string[] launcher = ["CC=no-linker", place.At("shoal"), "--version"];
        var starts = await Task.WhenAll(Repository.RunAsync("/", "env", launcher), Repository.RunAsync("/", "env", launcher));
        Assert.All(starts, start => Assert.Equal((0, true), (start.ExitCode, start.Out.StartsWith("shoal ", StringComparison.Ordinal))));
        var complaint = Assert.Single(starts, start => start.Error.Contains("building", StringComparison.Ordinal)).Error;
        Assert.Contains("will start more slowly", complaint, StringComparison.Ordinal);

        var source = place.At("src", "Shoal.Cli", "Program.cs");
        File.AppendAllText(source, "\nbroken\n");
        var (exitCode, said, complained) = await Repository.RunAsync("/", "env", launcher);
        Assert.NotEqual(0, exitCode);
        Assert.Equal("", said);
        Assert.Contains("Program.cs(", complained, StringComparison.Ordinal);
        Assert.Contains("error CS", complained, StringComparison.Ordinal);
        Assert.Contains(place.At("artifacts", "builds", "build.log"), complained, StringComparison.Ordinal);
    }
}
