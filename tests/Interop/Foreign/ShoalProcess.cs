using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Shoal.Interop.Foreign;

/// <summary>
/// The <c>shoal</c> command under test, asked for JSON lines. Everything that depends on the wording of its
/// command line and of its events stands in this file.
/// </summary>
internal sealed class ShoalProcess : IAsyncDisposable
{
    private readonly List<JsonObject> _events = [];
    private readonly Lock _gate = new();
    private TaskCompletionSource _changed = NewSignal();
    private ChildProcess? _process;

    private ShoalProcess()
    {
    }

    public int ProcessId => Process.Id;

    public ChildProcess Process => _process ?? throw new InvalidOperationException("not started");

    /// <summary>Where it takes peer connections, or announces for a tracker.</summary>
    public int Port { get; private init; }

    /// <summary>A tracker's announce addresses.</summary>
    public string HttpUrl => $"http://127.0.0.1:{Port}/announce";

    public string UdpUrl => $"udp://127.0.0.1:{Port}/announce";

    /// <summary>The root of the source tree.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>Why the launcher cannot be used; null when it can.</summary>
    public static string? WhyNoLauncher =>
        File.Exists(Launcher) || OtherCommand is not null ? null : "there is no ./shoal at the root";

    private static string Launcher => Path.Combine(Root, "shoal");

    /// <summary>Starts <c>shoal</c> with the given arguments.</summary>
    public static ShoalProcess Start(params string[] arguments) => Start(0, arguments);

    /// <summary>Serves what lies in <paramref name="folder"/>; ready when this returns.</summary>
    public static Task<ShoalProcess> SeedAsync(
        string torrent, string folder, CancellationToken cancellation, params int[] peers) =>
        SeedAsync(torrent, folder, [.. Peers(peers)], cancellation);

    /// <summary>The same with more options.</summary>
    public static async Task<ShoalProcess> SeedAsync(
        string torrent, string folder, IReadOnlyList<string> more, CancellationToken cancellation)
    {
        var port = FreePort.Next();
        var shoal = Start(port, ["seed", torrent, folder, "--port", port.ToString(), .. Common, .. more]);
        await shoal.ReadyAsync("progress", cancellation, IsSeeding);
        return shoal;
    }

    /// <summary>Shares a file or folder with a tracker of its own; the answer names the magnet link that was printed.</summary>
    public static async Task<(ShoalProcess Process, string Magnet)> ShareAsync(
        string path, string torrentFolder, CancellationToken cancellation, params string[] more)
    {
        var port = FreePort.Next();
        var shoal = Start(port, ["share", path, "--port", port.ToString(), .. Common, .. more], torrentFolder);
        await shoal.ReadyAsync("progress", cancellation, IsSeeding);
        var torrent = await shoal.EventAsync("torrent", cancellation);
        return (shoal, torrent["magnet"]!.GetValue<string>());
    }

    /// <summary>The same as a secret share, with the link that opens it.</summary>
    public static async Task<(ShoalProcess Process, string Magnet, string Link)> ShareSecretAsync(
        string path, string torrentFolder, CancellationToken cancellation, params string[] more)
    {
        var (shoal, magnet) = await ShareAsync(path, torrentFolder, cancellation, ["--secret", .. more]);
        var torrent = await shoal.EventAsync("torrent", cancellation);
        return (shoal, magnet, torrent["link"]!.GetValue<string>());
    }

    /// <summary>Gets a torrent, magnet link or URL into <paramref name="folder"/> and ends.</summary>
    public static ShoalProcess Get(string source, string folder, IEnumerable<int> peers, params string[] more)
    {
        var port = FreePort.Next();
        return Start(port, ["get", source, "--to", folder, "--port", port.ToString(), .. Common, .. Peers(peers), .. more]);
    }

    /// <summary>
    /// Starts <c>shoal</c> on a host of a network of its own, where it finds peers as it does for a user; what it keeps between runs lies in
    /// the working directory.
    /// </summary>
    public static Task<ShoalProcess> OnAsync(LanHost host, string workingDirectory, params string[] arguments) => host.Thread.RunAsync(() =>
        Task.FromResult(Start(0, [.. arguments, "--json"], workingDirectory, discovery: "on", stateHome: Path.Combine(workingDirectory, ".state"))));

    /// <summary>The same in another network; the command that runs others there stands before it.</summary>
    public static ShoalProcess In(IReadOnlyList<string> network, string workingDirectory, params string[] arguments) => Start(
        0, [.. arguments, "--json"], workingDirectory, "on", Path.Combine(workingDirectory, ".state"), [.. network, "env", "-C", workingDirectory]);

    /// <summary>Waits until it serves all.</summary>
    public Task SeedingAsync(CancellationToken cancellation) => EventAsync("progress", cancellation, IsSeeding);

    /// <summary>Makes a <c>.torrent</c> and ends.</summary>
    public static ShoalProcess Create(string path, string output, string pieceLength, params string[] trackers) =>
        Start(["create", path, "-o", output, "--piece-length", pieceLength, "--json",
            .. trackers.SelectMany(static tracker => new[] { "--tracker", tracker })]);

    /// <summary>A tracker for everybody, HTTP and UDP on one port; ready when this returns.</summary>
    public static async Task<ShoalProcess> TrackerAsync(CancellationToken cancellation, params string[] more)
    {
        var port = FreePort.Next();
        var shoal = Start(port, ["tracker", port.ToString(), .. Common, .. more]);
        await shoal.ReadyAsync("listening", cancellation);
        return shoal;
    }

    /// <summary>Waits until a <c>get</c> has everything verified; the answer is a stopwatch's timestamp.</summary>
    public async Task<long> CompleteAsync(CancellationToken cancellation)
    {
        await EventAsync("complete", cancellation);
        return Stopwatch.GetTimestamp();
    }

    /// <summary>The first event of that name, past or to come, that satisfies <paramref name="wanted"/>.</summary>
    public async Task<JsonObject> EventAsync(
        string name, CancellationToken cancellation, Func<JsonObject, bool>? wanted = null)
    {
        var exited = Process.WaitForExitAsync(cancellation);
        while (true)
        {
            Task changed;
            lock (_gate)
            {
                if (_events.Find(one => NameOf(one) == name && wanted?.Invoke(one) != false) is { } found)
                {
                    return found;
                }

                changed = _changed.Task;
            }

            if (exited.IsCompletedSuccessfully)
            {
                throw new InvalidOperationException($"shoal ended without the event \"{name}\":\n{Describe()}");
            }

            await Task.WhenAny(changed, exited).WaitAsync(cancellation);
        }
    }

    /// <summary>Waits for the end and fails unless the exit code is 0.</summary>
    public async Task SucceedAsync(CancellationToken cancellation)
    {
        await Process.WaitForExitAsync(cancellation);
        if (Process.ExitCode != 0)
        {
            throw new InvalidOperationException($"shoal exited with {Process.ExitCode}");
        }
    }

    /// <summary>Ends it at once, in the midst of a case.</summary>
    public Task KillAsync(CancellationToken cancellation)
    {
        Process.Kill();
        return Process.WaitForExitAsync(cancellation);
    }

    public string Describe() => Process.Describe();

    public ValueTask DisposeAsync() => _process?.DisposeAsync() ?? ValueTask.CompletedTask;

    private static bool IsSeeding(JsonObject progress) => progress["state"]?.GetValue<string>() == "seeding";

    private static string? NameOf(JsonObject one) => one["event"]?.GetValue<string>();

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private static string[] Common => ["--bind", "127.0.0.1", "--json"];
    // Names another program than the one at hand: the launcher for the tests, or a build to compare with.
    private static string? OtherCommand =>
        Environment.GetEnvironmentVariable("SHOAL_COMMAND") is { Length: > 0 } command ? command : null;

    private static string FindRoot()
    {
        for (var folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (File.Exists(Path.Combine(folder, "Shoal.slnx")))
            {
                return folder;
            }
        }

        throw new InvalidOperationException("the source tree is not above the build's output");
    }

    private static IEnumerable<string> Peers(IEnumerable<int> ports) =>
        ports.SelectMany(static port => new[] { "--peer", $"127.0.0.1:{port}" });

    private static ShoalProcess Start(
        int port, string[] arguments, string? workingDirectory = null, string discovery = "off", string? stateHome = null, string[]? within = null)
    {
        var shoal = new ShoalProcess { Port = port };
        var environment = new Dictionary<string, string>(StringComparer.Ordinal) { ["SHOAL_DISCOVERY"] = discovery };
        if (stateHome is not null)
        {
            environment["XDG_STATE_HOME"] = stateHome;
        }

        string[] command = [.. within ?? [], OtherCommand ?? Launcher, .. arguments];
        shoal._process = ChildProcess.Start(
            "shoal " + arguments.FirstOrDefault(), command[0], command[1..], workingDirectory, shoal.Accept, environment);
        return shoal;
    }

    private async Task ReadyAsync(string name, CancellationToken cancellation, Func<JsonObject, bool>? wanted = null)
    {
        try
        {
            await EventAsync(name, cancellation, wanted);
        }
        catch (Exception problem) when (problem is InvalidOperationException or OperationCanceledException)
        {
            var words = Describe();
            await DisposeAsync();
            throw new InvalidOperationException($"{problem.Message}\n{words}", problem);
        }
    }

    private void Accept(string line)
    {
        JsonObject message;
        try
        {
            message = JsonNode.Parse(line)!.AsObject();
        }
        catch (Exception problem) when (problem is JsonException or InvalidOperationException)
        {
            return; // kept in the output for the failure message
        }

        TaskCompletionSource changed;
        lock (_gate)
        {
            _events.Add(message);
            changed = _changed;
            _changed = NewSignal();
        }

        changed.TrySetResult();
    }
}
