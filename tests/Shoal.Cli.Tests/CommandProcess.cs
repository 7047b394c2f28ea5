using System.Diagnostics;

namespace Shoal.Cli.Tests;

/// <summary>The command as a process of its own, where the environment or signals matter; in a test's folder, and killed in the end if it still runs.</summary>
internal sealed class CommandProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly LineWriter _said = new();
    private readonly LineWriter _complaints = new();
    private readonly Task _complaining;
    private readonly Task _reading;

    private CommandProcess(Process process)
    {
        _process = process;
        _complaining = ReadAsync(process.StandardError, _complaints);
        _reading = ReadAsync(process.StandardOutput, _said);
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

    /// <summary>The first line of its output that fits, as soon as it is there.</summary>
    public Task<string> LineAsync(Func<string, bool> fits) => LineAsync(_said, _reading, fits);

    /// <summary>The first line of its errors that fits, as soon as it is there.</summary>
    public Task<string> ComplaintAsync(Func<string, bool> fits) => LineAsync(_complaints, _complaining, fits);

    public async Task<(int ExitCode, string Out, string Error)> EndAsync()
    {
        await Task.WhenAll(_process.WaitForExitAsync(), _reading, _complaining).WaitAsync(TimeSpan.FromMinutes(2));
        return (_process.ExitCode, _said.ToString(), _complaints.ToString());
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

    private static async Task<string> LineAsync(LineWriter lines, Task reading, Func<string, bool> fits)
    {
        while (true)
        {
            var change = lines.Change;
            if (lines.Lines.FirstOrDefault(fits) is { } line)
            {
                return line;
            }

            Assert.False(reading.IsCompleted, $"ended before that line came: {lines}");
            await Task.WhenAny(change, reading).WaitAsync(TimeSpan.FromMinutes(2));
        }
    }

    private static async Task ReadAsync(StreamReader reader, LineWriter lines)
    {
        while (await reader.ReadLineAsync() is { } line)
        {
            lines.WriteLine(line);
        }
    }
}
