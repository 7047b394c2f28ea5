using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Shoal.Interop.Foreign;

/// <summary>
/// A program started by a test or a benchmark: its lines are handed to a listener as they come, the last of them
/// are kept for failure messages, and it is ended by its own process id when disposed.
/// </summary>
internal sealed class ChildProcess : IAsyncDisposable
{
    private const int KeptLines = 120;
    private const int SignalInterrupt = 2;

    private readonly Process _process;
    private readonly Queue<string> _lines = new();
    private readonly Lock _gate = new();
    private readonly Action<string>? _onLine;

    private ChildProcess(Process process, string name, Action<string>? onLine)
    {
        _process = process;
        Name = name;
        _onLine = onLine;
    }

    public string Name { get; }

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    public int ExitCode => _process.ExitCode;

    /// <summary>When the process was started, as a <see cref="Stopwatch"/> timestamp.</summary>
    public long StartedAt { get; private init; }

    /// <summary>The command line, for failure messages.</summary>
    public string CommandLine { get; private init; } = "";

    /// <summary>The last lines of both output streams, in the order of arrival.</summary>
    public string Output
    {
        get
        {
            lock (_gate)
            {
                return string.Join('\n', _lines);
            }
        }
    }

    /// <summary>Starts <paramref name="file"/>; <paramref name="onLine"/> sees each line of standard output.</summary>
    public static ChildProcess Start(
        string name,
        string file,
        IEnumerable<string> arguments,
        string? workingDirectory = null,
        Action<string>? onLine = null,
        IReadOnlyDictionary<string, string>? environment = null)
    {
        var info = new ProcessStartInfo(file, arguments)
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = workingDirectory ?? "",
        };
        foreach (var (key, value) in environment ?? new Dictionary<string, string>(StringComparer.Ordinal))
        {
            info.Environment[key] = value;
        }

        var process = new Process { StartInfo = info };
        var child = new ChildProcess(process, name, onLine)
        {
            StartedAt = Stopwatch.GetTimestamp(),
            CommandLine = string.Join(' ', info.ArgumentList.Prepend(file)),
        };
        process.OutputDataReceived += (_, line) => child.Accept(line.Data, isError: false);
        process.ErrorDataReceived += (_, line) => child.Accept(line.Data, isError: true);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return child;
    }

    public void WriteLine(string line)
    {
        _process.StandardInput.WriteLine(line);
        _process.StandardInput.Flush();
    }

    public Task WaitForExitAsync(CancellationToken cancellation) => _process.WaitForExitAsync(cancellation);

    /// <summary>What the program is awaited to say; fails with the output when it ends first.</summary>
    public async Task<T> FirstAsync<T>(Task<T> said, CancellationToken cancellation)
    {
        if (await Task.WhenAny(said, _process.WaitForExitAsync(cancellation)) != said)
        {
            cancellation.ThrowIfCancellationRequested();
            throw new InvalidOperationException("ended too early:\n" + Describe());
        }

        return await said;
    }

    /// <summary>For a program that says nothing when it is ready: asks <paramref name="isReady"/> until it says yes; fails with the output when the process ends first.</summary>
    public async Task UntilReadyAsync(Func<CancellationToken, Task<bool>> isReady, CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(TimeSpan.FromSeconds(30));
        while (!await isReady(limit.Token))
        {
            if (HasExited || limit.IsCancellationRequested)
            {
                throw new InvalidOperationException("not ready:\n" + Describe());
            }

            await Task.Delay(20, CancellationToken.None);
        }
    }

    /// <summary>Ctrl-C, as a user would press it.</summary>
    public void Interrupt() => Signal(SignalInterrupt);

    /// <summary>Ends the process at once, without a chance to say goodbye.</summary>
    public void Kill()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
        }
    }

    public async ValueTask DisposeAsync()
    {
        Kill();
        await _process.WaitForExitAsync().ConfigureAwait(false);
        _process.Dispose();
    }

    /// <summary>One paragraph for a failure message: what ran, whether it lives, and its last words.</summary>
    public string Describe()
    {
        var state = _process.HasExited ? $"exited with {_process.ExitCode}" : "running";
        return $"--- {Name} ({state}): {CommandLine}\n{Output}\n";
    }

    private void Signal(int signal)
    {
        if (!_process.HasExited)
        {
            _ = kill(_process.Id, signal);
        }
    }

    private void Accept(string? line, bool isError)
    {
        if (line is null)
        {
            return;
        }

        lock (_gate)
        {
            _lines.Enqueue(line);
            while (_lines.Count > KeptLines)
            {
                _lines.Dequeue();
            }
        }

        if (!isError)
        {
            _onLine?.Invoke(line);
        }
    }

#pragma warning disable SYSLIB1054 // a source-generated import would ask for unsafe code in a test project
    [DllImport("libc", EntryPoint = "kill")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int kill(int processId, int signal);
#pragma warning restore SYSLIB1054
}
