using System.Diagnostics;

namespace Shoal.Tests;

/// <summary>The programs of examples/ do what they say.</summary>
public class ExampleTests
{
    [Fact]
    public async Task One_example_shares_and_the_other_downloads()
    {
        using var place = new Workplace();
        place.Write("pictures/a.jpg", 400_000);
        place.Write("pictures/b.jpg", 10, seed: 2);
        using var share = Start("Share", place.At("pictures"));
        var magnet = await share.StandardOutput.ReadLineAsync();
        Assert.NotNull(magnet);
        using var download = Start("Download", magnet, place.At("out"));
        var said = await download.StandardOutput.ReadToEndAsync();
        await download.WaitForExitAsync();
        Assert.Equal(0, download.ExitCode);
        Assert.EndsWith($"Complete: {place.At("out", "pictures")}\n", said, StringComparison.Ordinal);
        Assert.Equal(await File.ReadAllBytesAsync(place.At("pictures", "a.jpg")), await File.ReadAllBytesAsync(place.At("out", "pictures", "a.jpg")));
        share.StandardInput.WriteLine();
        await share.WaitForExitAsync();
        Assert.Equal(0, share.ExitCode);
    }

    // From its own folder, which has all it needs and nothing else: beside the tests lies what they need.
    private static string PathOf(string example) => Path.GetFullPath(
        Path.Combine(AppContext.BaseDirectory, "..", "..", example, Path.GetFileName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory)), example + ".dll"));

    private static Process Start(string example, params string[] args) => Process.Start(
        new ProcessStartInfo("dotnet", [PathOf(example), .. args])
        {
            UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardInput = true,
        })!;
}
