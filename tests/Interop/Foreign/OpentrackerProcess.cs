namespace Shoal.Interop.Foreign;

/// <summary>opentracker on 127.0.0.1, HTTP and UDP on one port. Debian's build answers only for a list of info-hashes.</summary>
internal sealed class OpentrackerProcess : IAsyncDisposable
{
    private readonly ScratchFolder _folder = new();
    private readonly ChildProcess _process;
    private readonly string _firstInfoHash;

    private OpentrackerProcess(int port, IReadOnlyList<string> infoHashes)
    {
        Port = port;
        _firstInfoHash = infoHashes[0];
        File.WriteAllLines(_folder.File("whitelist"), infoHashes);
        if (!OperatingSystem.IsWindows())
        {
            // It gives up root's rights before it reads the list.
            File.SetUnixFileMode(
                _folder.Path,
                UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
                | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);
        }

        var text = port.ToString();
        _process = ChildProcess.Start(
            "opentracker",
            "opentracker",
            ["-i", "127.0.0.1", "-p", text, "-P", text, "-d", _folder.Path, "-w", "whitelist", "-u", Environment.IsPrivilegedProcess ? "nobody" : Environment.UserName],
            _folder.Path);
    }

    public int ProcessId => _process.Id;

    public int Port { get; }

    public string HttpUrl => $"http://127.0.0.1:{Port}/announce";

    public string UdpUrl => $"udp://127.0.0.1:{Port}/announce";

    public static async Task<OpentrackerProcess> StartAsync(IReadOnlyList<string> infoHashes, CancellationToken cancellation)
    {
        var tracker = new OpentrackerProcess(FreePort.Next(), infoHashes);
        return await tracker.OnceReadyAsync(() => tracker._process.UntilReadyAsync(tracker.KnowsItsListAsync, cancellation));
    }

    public string Describe() => _process.Describe();

    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        _folder.Dispose();
    }

    // It takes connections before it has read its list, and until then refuses who announces; but not who takes leave. Who has left counts as nobody.
    private async Task<bool> KnowsItsListAsync(CancellationToken cancellation)
    {
        using var http = NetworkThread.NewHttpClient();
        var announce = $"{HttpUrl}?info_hash={TrackerProbe.Escape(_firstInfoHash)}&peer_id=-XX0000-000000000000&port=1&uploaded=0&downloaded=0&left=1&compact=1";
        try
        {
            var isRefused = (await http.GetStringAsync(new Uri(announce), cancellation)).Contains("failure", StringComparison.Ordinal);
            await http.GetStringAsync(new Uri($"{announce}&event=stopped"), cancellation);
            return !isRefused;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }
}
