using System.Diagnostics;

namespace Shoal.Cli.Tests;

/// <summary>The command as a process of its own, where the environment or signals matter; in a test's folder, and killed in the end if it still runs.</summary>
internal sealed class CommandProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly LineWriter _said = new();
    private readonly Task<string> _complained;
    private readonly Task _reading;

    private CommandProcess(Process process)
    {
        _process = process;
        _complained = process.StandardError.ReadToEndAsync();
        _reading = ReadAsync();
    }

    public int Id => _process.Id;

    public static CommandProcess Start(Workplace place, IEnumerable<(string Name, string Value)> environment, params string[] args)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "Shoal.Cli.dll"), .. args])
        {
            UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = place.Root,
        };
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        return new CommandProcess(Process.Start(start)!);
    }

    /// <summary>The first line that fits, as soon as it is there.</summary>
    public async Task<string> LineAsync(Func<string, bool> fits)
    {
        while (true)
        {
            var change = _said.Change;
            if (_said.Lines.FirstOrDefault(fits) is { } line)
            {
                return line;
            }

            Assert.False(_reading.IsCompleted, $"ended before that line came: {_said}");
            await Task.WhenAny(change, _reading).WaitAsync(TimeSpan.FromMinutes(2));
        }
    }

    public async Task<(int ExitCode, string Out, string Error)> EndAsync()
    {
        await Task.WhenAll(_process.WaitForExitAsync(), _reading, _complained).WaitAsync(TimeSpan.FromMinutes(2));
        return (_process.ExitCode, _said.ToString(), await _complained);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }

        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    private async Task ReadAsync()
    {
        while (await _process.StandardOutput.ReadLineAsync() is { } line)
        {
            _said.WriteLine(line);
        }
    }
}
