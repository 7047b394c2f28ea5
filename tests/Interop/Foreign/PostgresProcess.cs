using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Shoal.Interop.Foreign;

/// <summary>
/// Debian's PostgreSQL on 127.0.0.1, with data of its own in a temporary folder; it can be stopped and started again. It does not run for root: for
/// root it is nobody's.
/// </summary>
internal sealed class PostgresProcess : IAsyncDisposable
{
    public const string User = "shoal";
    public const string Password = "a secret; with 'quotes'";

    private const int SignalInterrupt = 2;
    private const int SignalQuit = 3;

    private static readonly string? Programs = Directory.Exists("/usr/lib/postgresql")
        ? Directory.GetDirectories("/usr/lib/postgresql").Select(folder => Path.Combine(folder, "bin")).Where(bin => File.Exists(Path.Combine(bin, "initdb"))).Order(StringComparer.Ordinal).LastOrDefault()
        : null;

    private readonly ScratchFolder _folder = new();
    private readonly int _port = FreePort.Next();
    private ChildProcess? _process;

    private PostgresProcess()
    {
    }

    /// <summary>Null if it can be started here.</summary>
    public static string? WhyNot { get; } =
        Programs is null ? "PostgreSQL is not installed (apt-get install postgresql)"
        : Environment.IsPrivilegedProcess && !File.Exists("/usr/bin/setpriv") ? "PostgreSQL does not run for root, and there is no setpriv (apt-get install util-linux)"
        : null;

    /// <summary>Starts a server with no databases but its own.</summary>
    public static async Task<PostgresProcess> StartAsync(CancellationToken cancellation)
    {
        var server = new PostgresProcess();
        try
        {
            server.Prepare();
            await server.RunAsync("initdb", "-D", server.Data, "-U", User, "-E", "UTF8", "--locale=C", "-A", "scram-sha-256", "--pwfile", server._folder.File("password"), "--no-sync", "--no-instructions");
            await server.StartAgainAsync(cancellation);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    private string Data => _folder.File("data");

    /// <summary>What names one of its databases; patient, for tests run on busy machines.</summary>
    public string ConnectionString(string database, string? password = null) =>
        $"Host=127.0.0.1;Port={_port};Database={database};Username={User};Password=\"{password ?? Password}\";Timeout=30;Command Timeout=30";

    /// <summary>Runs SQL, as an administrator would; the lines of its answer.</summary>
    public async Task<string[]> SqlAsync(string database, string sql)
    {
        var output = await RunAsync("psql", "-h", "127.0.0.1", "-p", $"{_port}", "-U", User, "-d", database, "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-c", sql);
        return output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    /// <summary>Starts the server after <see cref="StopAsync"/>, at the same port, with what it had.</summary>
    public async Task StartAgainAsync(CancellationToken cancellation)
    {
        var (file, arguments) = Unprivileged("postgres", "-D", Data, "-p", $"{_port}", "-h", "127.0.0.1", "-k", _folder.Path, "-c", "max_connections=60", "-c", "shared_buffers=16MB");
        _process = ChildProcess.Start("postgres", file, arguments);
        await _process.UntilReadyAsync(ListensAsync, cancellation);
    }

    /// <summary>Ends it as its administrator would, or as if the machine had failed.</summary>
    public async Task StopAsync(bool atOnce = false)
    {
        if (_process is { HasExited: false })
        {
            Kill(_process.Id, atOnce ? SignalQuit : SignalInterrupt);
            await _process.WaitForExitAsync(CancellationToken.None);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
        {
            await StopAsync(atOnce: true);
            await _process.DisposeAsync();
        }

        _folder.Dispose();
    }

    private void Prepare()
    {
        File.WriteAllText(_folder.File("password"), Password + "\n");
        Directory.CreateDirectory(Data);
        if (Environment.IsPrivilegedProcess)
        {
            using var chown = Process.Start("chown", ["-R", "nobody", _folder.Path]);
            chown.WaitForExit();
        }
    }

    private async Task<bool> ListensAsync(CancellationToken cancellation)
    {
        using var start = new Process { StartInfo = StartInfo("pg_isready", "-q", "-h", "127.0.0.1", "-p", $"{_port}") };
        start.Start();
        await start.WaitForExitAsync(cancellation);
        return start.ExitCode == 0;
    }

    private async Task<string> RunAsync(string program, params string[] arguments)
    {
        using var process = new Process { StartInfo = StartInfo(program, arguments) };
        process.Start();
        var errors = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return process.ExitCode == 0 ? output : throw new InvalidOperationException($"{program} ended with {process.ExitCode}: {await errors}");
    }

    private ProcessStartInfo StartInfo(string program, params string[] arguments)
    {
        var (file, all) = Unprivileged(program, arguments);
        return new ProcessStartInfo(file, all)
        {
            UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true, StandardOutputEncoding = Encoding.UTF8,
            WorkingDirectory = _folder.Path, Environment = { ["PGPASSWORD"] = Password },
        };
    }

    private static (string File, string[] Arguments) Unprivileged(string program, params string[] arguments) => Environment.IsPrivilegedProcess
        ? ("/usr/bin/setpriv", ["--reuid", "nobody", "--clear-groups", Path.Combine(Programs!, program), .. arguments])
        : (Path.Combine(Programs!, program), arguments);

    private static void Kill(int process, int signal)
    {
        using var kill = Process.Start("kill", [$"-{signal}", $"{process}"]);
        kill.WaitForExit();
    }
}
