using System.Text;

namespace Shoal.Cli.Tests;

/// <summary>The command, run inside of this process and without a terminal.</summary>
internal static class Command
{
    /// <summary>Runs a command to its end.</summary>
    public static Task<Run> RunAsync(params string[] args) => RunWithInputAsync("", args);

    /// <summary>The same, with something to read.</summary>
    public static async Task<Run> RunWithInputAsync(string input, params string[] args)
    {
        var run = new Run();
        var surface = new Surface(run.Out, run.Error, IsTerminal: false) { OpenInput = () => new StringReader(input) };
        run.ExitCode = await App.RunAsync(args, surface, CancellationToken.None);
        return run;
    }

    /// <summary>Starts a command that goes on until it is stopped.</summary>
    public static RunningCommand Start(params string[] args) => new(args, TextReader.Null);

    /// <summary>The same, with something to read, as it comes.</summary>
    public static RunningCommand StartWithInput(TextReader input, params string[] args) => new(args, input);
}

/// <summary>What a command said.</summary>
internal sealed class Run
{
    public LineWriter Out { get; } = new();

    public LineWriter Error { get; } = new();

    public int ExitCode { get; set; } = -1;
}

/// <summary>A command that runs; <see cref="StopAsync"/> is Ctrl-C.</summary>
internal sealed class RunningCommand : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Run _run = new();
    private readonly Task<int> _task;

    public RunningCommand(string[] args, TextReader input) =>
        _task = Task.Run(() => App.RunAsync(args, new Surface(_run.Out, _run.Error, IsTerminal: false) { OpenInput = () => input }, _stop.Token));

    /// <summary>What it said, line by line.</summary>
    public string[] Lines => _run.Out.Lines;

    /// <summary>Ends when it says something more, or ends.</summary>
    public Task Change => Task.WhenAny(_run.Out.Change, _task);

    /// <summary>The first line that fits, as soon as it is there; fails if the command ends without it.</summary>
    public async Task<string> LineAsync(Func<string, bool> fits)
    {
        while (true)
        {
            var change = _run.Out.Change;
            if (_run.Out.Lines.FirstOrDefault(fits) is { } line)
            {
                return line;
            }

            if (await Task.WhenAny(change, _task).WaitAsync(TimeSpan.FromMinutes(2)) == _task)
            {
                Assert.Fail($"ended with {await _task} before that line came: {_run.Out}{_run.Error}");
            }
        }
    }

    public async Task<Run> StopAsync()
    {
        await _stop.CancelAsync();
        return await EndAsync();
    }

    public async Task<Run> EndAsync()
    {
        _run.ExitCode = await _task.WaitAsync(TimeSpan.FromMinutes(2));
        return _run;
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _stop.Dispose();
    }
}

/// <summary>Keeps lines, and tells when one came. Thread-safe.</summary>
internal sealed class LineWriter : TextWriter
{
    private readonly Lock _gate = new();
    private readonly StringBuilder _text = new();
    private TaskCompletionSource _change = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public override Encoding Encoding => Encoding.UTF8;

    /// <summary>Ends when something more was written.</summary>
    public Task Change
    {
        get
        {
            lock (_gate)
            {
                return _change.Task;
            }
        }
    }

    /// <summary>The whole lines.</summary>
    public string[] Lines
    {
        get
        {
            lock (_gate)
            {
                return _text.ToString().Split('\n')[..^1];
            }
        }
    }

    public override void Write(char value) => Write(value.ToString());

    public override void Write(string? value)
    {
        lock (_gate)
        {
            _text.Append(value);
            _change.TrySetResult();
            _change = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    public override void WriteLine(string? value) => Write(value + "\n");

    public override string ToString()
    {
        lock (_gate)
        {
            return _text.ToString();
        }
    }
}
