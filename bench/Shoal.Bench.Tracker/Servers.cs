using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;

namespace Shoal.Bench.Tracker;

/// <summary>A tracker in a process of its own, whose CPU time and memory can be read. Linux.</summary>
internal sealed class ServerProcess : IDisposable
{
    private const double TicksPerSecond = 100; // USER_HZ

    private readonly Process _process;

    private ServerProcess(string name, Process process, int port)
    {
        Name = name;
        _process = process;
        Port = port;
    }

    public string Name { get; }

    public int Port { get; }

    public IPEndPoint EndPoint => new(IPAddress.Loopback, Port);

    /// <summary>CPU seconds so far, user and system.</summary>
    public double CpuSeconds
    {
        get
        {
            var text = File.ReadAllText($"/proc/{_process.Id}/stat");
            var fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
            return (long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture)) / TicksPerSecond;
        }
    }

    /// <summary>Bytes resident that are not files.</summary>
    public long ResidentBytes
    {
        get
        {
            var line = File.ReadLines($"/proc/{_process.Id}/status").First(static l => l.StartsWith("RssAnon:", StringComparison.Ordinal));
            return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1024;
        }
    }

    /// <summary>Ours, as users run it.</summary>
    public static ServerProcess StartOurs()
    {
        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("SHOAL_COMMAND") ?? throw new InvalidOperationException("start it by bench/run tracker"))
        {
            RedirectStandardOutput = true,
            UseShellExecute = false,
        };
        foreach (var argument in new[] { "tracker", "0", "--bind", "127.0.0.1", "--max-swarms", "10000000", "--json" })
        {
            start.ArgumentList.Add(argument);
        }

        var process = Process.Start(start)!;
        using var listening = JsonDocument.Parse(process.StandardOutput.ReadLine() ?? throw new InvalidOperationException("shoal tracker does not start"));
        _ = process.StandardOutput.BaseStream.CopyToAsync(Stream.Null);
        return new ServerProcess("shoal", process, listening.RootElement.GetProperty("port").GetInt32());
    }

    /// <summary>Debian's opentracker, if it is installed; it serves only what a file lists.</summary>
    public static ServerProcess? StartOpentracker(string directory, IEnumerable<byte[]> infoHashes)
    {
        const string Program = "/usr/bin/opentracker";
        if (!File.Exists(Program))
        {
            return null;
        }

        // It gives root up for nobody, who must be able to read the list.
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(directory, (UnixFileMode)0b111_101_101);
        }

        var list = Path.Combine(directory, "whitelist");
        File.WriteAllLines(list, infoHashes.Select(static h => Convert.ToHexStringLower(h)));
        var port = FreePort();
        var start = new ProcessStartInfo(Program) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        foreach (var argument in new[] { "-i", "127.0.0.1", "-p", $"{port}", "-P", $"{port}", "-d", directory, "-w", "whitelist", "-u", Environment.IsPrivilegedProcess ? "nobody" : Environment.UserName })
        {
            start.ArgumentList.Add(argument);
        }

        var process = Process.Start(start)!;
        process.ErrorDataReceived += static (_, _) => { };
        process.OutputDataReceived += static (_, _) => { };
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                using var probe = new TcpClient();
                probe.Connect(IPAddress.Loopback, port);
                return new ServerProcess("opentracker", process, port);
            }
            catch (SocketException) when (attempt < 100 && !process.HasExited)
            {
                Thread.Sleep(50);
            }
        }
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit();
        }

        _process.Dispose();
    }

    private static int FreePort()
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }
}
