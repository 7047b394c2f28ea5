using System.Diagnostics;
using System.Text.Json;
using Shoal;

namespace Calibration;

/// <summary>Runs a crowd for real: processes of the command that a user starts, in network namespaces with shaped lines.</summary>
internal static class RealCrowd
{
    // Many times what any of these crowds takes.
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(150);

    /// <summary>Skips the test, saying why, where such a network cannot be made.</summary>
    public static async Task RequireAsync()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && Environment.UserName == "root", "to make a network out of this machine one must be root, on Linux");
        Assert.SkipUnless(Find("ip") && Find("tc") && Find("unshare"), "there is no ip, tc or unshare here (Debian: apt install iproute2)");
        var (code, _, error) = await RunAsync([.. Script("lan"), "probe:1mbit:1mbit", "true"]);
        Assert.SkipUnless(code == 0, $"no network with shaped lines can be made here: {error.Trim()}");
    }

    /// <summary>How long it took, and what each host sent and received, as one line of text.</summary>
    public static async Task<(Times Times, string Bytes)> RunAsync(Crowd crowd)
    {
        using var place = new Workplace();
        place.Write("data", Crowd.ContentLength);
        var launcher = Path.Combine(Root(), "shoal");
        // Is built, if it is not, before the clock runs.
        var (code, output, error) = await RunAsync([launcher, "--version"], TimeSpan.FromMinutes(5));
        Assert.True(code == 0, output + error);

        (code, output, error) = await RunAsync([.. Script("lan"), crowd.ForLan, .. Script("crowd"), launcher, place.Root]);
        Assert.True(code == 0, $"exit code {code}\n{output}\n{error}");
        var lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement).ToArray();
        return (
            Times.Of(lines.Where(line => line.TryGetProperty("event", out _)).Select(line => line.GetProperty("seconds").GetDouble())),
            string.Join(", ", lines.Where(line => line.TryGetProperty("host", out _)).Select(
                line => $"{line.GetProperty("host")} {line.GetProperty("sentBytes").GetInt64() / 1e6:F1}/{line.GetProperty("receivedBytes").GetInt64() / 1e6:F1}")));
    }

    private static string[] Script(string name) => ["sh", Path.Combine(AppContext.BaseDirectory, name)];

    private static bool Find(string program) => (Environment.GetEnvironmentVariable("PATH") + ":/usr/sbin:/sbin").Split(':')
        .Any(folder => File.Exists(Path.Combine(folder, program)));

    private static string Root()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Shoal.slnx")))
        {
            folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("the source tree is not above the build's output");
        }

        return folder;
    }

    private static async Task<(int Code, string Output, string Error)> RunAsync(IReadOnlyList<string> command, TimeSpan? limit = null)
    {
        var start = new ProcessStartInfo(command[0], command.Skip(1))
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        using var tooLong = new CancellationTokenSource(limit ?? Limit);
        try
        {
            await process.WaitForExitAsync(tooLong.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"hung: {string.Join(' ', command)}");
        }

        return (process.ExitCode, await output, await error);
    }
}
