using System.Net.Sockets;

namespace Shoal.Interop.Foreign;

/// <summary>opentracker on 127.0.0.1, HTTP and UDP on one port. Debian's build answers only for a list of info-hashes.</summary>
internal sealed class OpentrackerProcess : IAsyncDisposable
{
    private readonly ScratchFolder _folder = new();
    private readonly ChildProcess _process;

    private OpentrackerProcess(int port, IEnumerable<string> infoHashes)
    {
        Port = port;
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

    public static async Task<OpentrackerProcess> StartAsync(IEnumerable<string> infoHashes, CancellationToken cancellation)
    {
        var tracker = new OpentrackerProcess(FreePort.Next(), infoHashes);
        try
        {
            await tracker._process.UntilReadyAsync(tracker.IsAcceptingAsync, cancellation);
            return tracker;
        }
        catch
        {
            await tracker.DisposeAsync();
            throw;
        }
    }

    public string Describe() => _process.Describe();

    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        _folder.Dispose();
    }

    private async Task<bool> IsAcceptingAsync(CancellationToken cancellation)
    {
        using var socket = new TcpClient();
        try
        {
            await socket.ConnectAsync("127.0.0.1", Port, cancellation);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
