using System.Diagnostics;

namespace Shoal.Tracker.Tests.Catalogue;

/// <summary>Reads files that a tracker has open, as a person would: .NET keeps itself out.</summary>
internal static class Unlocked
{
    public static async Task<byte[]> ReadAsync(string path)
    {
        using var process = Process.Start(new ProcessStartInfo("cat", [path]) { RedirectStandardOutput = true, UseShellExecute = false })!;
        using var content = new MemoryStream();
        await process.StandardOutput.BaseStream.CopyToAsync(content);
        await process.WaitForExitAsync();
        Assert.Equal(0, process.ExitCode);
        return content.ToArray();
    }
}
