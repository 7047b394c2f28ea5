namespace Shoal.Cli.Reporting;

/// <summary>Shows what happens. Thread-safe: events come from several tasks.</summary>
internal abstract class Reporter : IAsyncDisposable
{
    /// <summary>How often <see cref="ProgressEvent"/> and its like are worth sending.</summary>
    public abstract TimeSpan ProgressInterval { get; }

    /// <summary>Whether it is worth naming each peer in a <see cref="ProgressEvent"/>: there may be thousands.</summary>
    public virtual bool ShowsPeers => false;

    /// <summary>Shows the event, or leaves it out.</summary>
    public abstract void Report(Event happened);

    /// <summary>Shows a line that another program wrote.</summary>
    public abstract void Pass(string line, bool isError);

    /// <summary>Leaves the terminal as it was.</summary>
    public virtual ValueTask DisposeAsync() => ValueTask.CompletedTask;

    /// <summary>A progress that reports at most every <see cref="ProgressInterval"/>.</summary>
    public IProgress<long> Throttle(long totalBytes, Func<long, Event> toEvent) => new Throttled(this, totalBytes, toEvent);

    private sealed class Throttled(Reporter reporter, long totalBytes, Func<long, Event> toEvent) : IProgress<long>
    {
        private readonly Lock _gate = new();
        private long _next = Environment.TickCount64 + (long)reporter.ProgressInterval.TotalMilliseconds;

        public void Report(long value)
        {
            lock (_gate)
            {
                var now = Environment.TickCount64;
                if (now < _next && value < totalBytes)
                {
                    return;
                }

                _next = now + (long)reporter.ProgressInterval.TotalMilliseconds;
            }

            reporter.Report(toEvent(value));
        }
    }
}

/// <summary>
/// Plain lines: no escape codes, progress only every few seconds and only if it changed; results whenever they are asked for. What is
/// amiss though it goes on is an error's line on stderr.
/// </summary>
internal sealed class PlainReporter(TextWriter output, TextWriter error, bool isQuiet) : Reporter
{
    private readonly Lock _gate = new();
    private string? _lastLine;

    public override TimeSpan ProgressInterval => TimeSpan.FromSeconds(5);

    public override void Report(Event happened)
    {
        lock (_gate)
        {
            if (happened is PausedEvent or WarningEvent or LostEvent or CopyLackEvent or DisconnectedEvent)
            {
                error.WriteLine($"shoal: {Printable.Of(happened.ToLine()!)}");
            }
            else if ((happened.IsResult || !isQuiet) && happened.ToLine() is { } line && (happened.IsResult || line != _lastLine))
            {
                _lastLine = line;
                output.WriteLine(string.Join('\n', line.Split('\n').Select(Printable.Of)));
            }
        }
    }

    public override void Pass(string line, bool isError)
    {
        lock (_gate)
        {
            (isError ? error : output).WriteLine(line);
        }
    }
}
