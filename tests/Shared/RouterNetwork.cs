using System.Diagnostics;

namespace Shoal;

/// <summary>A client, a router that runs miniupnpd, and the internet: three namespaces that the script <c>router</c> makes, gone with this.</summary>
internal sealed class RouterNetwork : IAsyncDisposable
{
    private readonly Process _script;
    private readonly string _first; // the first process in there, by which others enter

    private RouterNetwork(Process script, string first) => (_script, _first) = (script, first);

    /// <summary>
    /// Makes it, or skips the test and says why that cannot be done here. The router lets in at <paramref name="lowestPort"/> and above; to who asks for
    /// another it gives the next.
    /// </summary>
    public static async Task<RouterNetwork> StartAsync(bool upnp, bool pcp, int igdVersion = 2, int lowestPort = 1024)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && Environment.UserName == "root", "to make a network out of this machine one must be root, on Linux");
        foreach (var (program, package) in new[] { ("ip", "iproute2"), ("nft", "nftables"), ("miniupnpd", "miniupnpd-nftables"), ("unshare", "util-linux"), ("nsenter", "util-linux") })
        {
            Assert.SkipUnless(IsHere(program), $"there is no {program} here (Debian: apt install {package})");
        }

        static string Word(bool yes) => yes ? "yes" : "no";
        var script = Start("sh", [Path.Combine(AppContext.BaseDirectory, "router"), Word(upnp), Word(pcp), Word(igdVersion == 1), $"{lowestPort}"]);
        while (await script.StandardOutput.ReadLineAsync() is { } line)
        {
            if (line == "ready")
            {
                var children = await File.ReadAllTextAsync($"/proc/{script.Id}/task/{script.Id}/children");
                return new RouterNetwork(script, children.Trim());
            }
        }

        var problem = await script.StandardError.ReadToEndAsync();
        script.Dispose();
        Assert.Skip($"no network with a router can be made here: {problem.Trim()}");
        throw new InvalidOperationException();
    }

    /// <summary>The command line that runs another one on a host: "client", "router" or "internet".</summary>
    public IReadOnlyList<string> Enter(string host) => ["nsenter", "-t", _first, "-n", "-m", "-p", "ip", "netns", "exec", host];

    /// <summary>Starts a program on a host.</summary>
    public Process Run(string host, params string[] command) => Start("nsenter", [.. Enter(host).Skip(1), .. command]);

    /// <summary>What a program on a host prints.</summary>
    public async Task<string> ReadAsync(string host, params string[] command)
    {
        using var process = Run(host, command);
        return await process.StandardOutput.ReadToEndAsync() + await process.StandardError.ReadToEndAsync();
    }

    /// <summary>Kills the router's daemon, which forgets all that it mapped, and starts another.</summary>
    public Task RestartRouterAsync() => _script.StandardInput.WriteLineAsync("again");

    public async ValueTask DisposeAsync()
    {
        _script.Kill();
        await _script.WaitForExitAsync();
        _script.Dispose();
    }

    private static bool IsHere(string program) => new[] { "/usr/sbin", "/sbin", "/usr/bin", "/bin" }.Any(folder => File.Exists(Path.Combine(folder, program)));

    private static Process Start(string program, IEnumerable<string> arguments) => Process.Start(new ProcessStartInfo(program, arguments)
    {
        UseShellExecute = false,
        RedirectStandardInput = true,
        RedirectStandardOutput = true,
        RedirectStandardError = true,
        Environment = { ["PATH"] = $"{Environment.GetEnvironmentVariable("PATH")}:/usr/sbin:/sbin" },
    })!;
}
