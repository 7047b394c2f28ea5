using System.Net;
using System.Net.Sockets;

namespace Shoal.Interop.Foreign;

/// <summary>nginx on 127.0.0.1 with a configuration of the test's; whatever it writes lies in a folder of its own.</summary>
internal sealed class NginxProcess : IAsyncDisposable
{
    private readonly ScratchFolder _folder = new();
    private readonly ChildProcess _process;

    private NginxProcess(string configuration)
    {
        string[] kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        var places = string.Concat(kinds.Select(kind => $"    {kind}_temp_path {_folder.File(kind)};\n"));
        File.WriteAllText(_folder.File("nginx.conf"), configuration.Replace("http {\n", $"http {{\n{places}", StringComparison.Ordinal));
        var global = $"daemon off; master_process off; error_log stderr; pid {_folder.File("pid")};";
        var program = File.Exists("/usr/sbin/nginx") ? "/usr/sbin/nginx" : "nginx";
        _process = ChildProcess.Start("nginx", program, ["-c", _folder.File("nginx.conf"), "-g", global]);
    }

    /// <summary>Starts it and waits until it listens at the port.</summary>
    public static async Task<NginxProcess> StartAsync(string configuration, int port, CancellationToken cancellation)
    {
        var nginx = new NginxProcess(configuration);
        return await nginx.OnceReadyAsync(() => nginx._process.UntilReadyAsync(cancel => ListensAsync(port, cancel), cancellation));
    }

    private static async Task<bool> ListensAsync(int port, CancellationToken cancellation)
    {
        using var probe = new TcpClient();
        try
        {
            await probe.ConnectAsync(IPAddress.Loopback, port, cancellation);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        _folder.Dispose();
    }
}
