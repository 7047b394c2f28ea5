using System.Globalization;
using Microsoft.Extensions.Logging;

namespace Shoal.Cli.Reporting;

/// <summary>
/// Log messages as one plain line each. Ours and not the console logger, since that writes several lines, to the console rather than to where the
/// command writes. Thread-safe if what it writes to is.
/// </summary>
internal sealed class LineLoggers : ILoggerFactory
{
    private readonly LogLevel _ours;
    private readonly LogLevel _others;
    private readonly Action<LogLevel, string, string> _write;

    private LineLoggers(LogLevel ours, LogLevel others, Action<LogLevel, string, string> write) => (_ours, _others, _write) = (ours, others, write);

    /// <summary>What --verbose shows: "time level source: text", from Debug on for Shoal's own and from Warning on for the web server's.</summary>
    public static LineLoggers To(TextWriter output) => new(LogLevel.Debug, LogLevel.Warning, (level, source, text) =>
        output.WriteLine(Printable.Of($"{DateTimeOffset.Now.ToString("HH:mm:ss.fff", CultureInfo.InvariantCulture)} {WordFor(level)} {source}: {text}")));

    /// <summary>What a server's operator must hear without --verbose: Shoal's own warnings and errors, each a warning like any other of the command's.</summary>
    public static LineLoggers WarningsTo(Reporter reporter) => new(LogLevel.Warning, LogLevel.Critical, (_, _, text) => reporter.Report(new WarningEvent(Printable.Of(text))));

    public ILogger CreateLogger(string categoryName) =>
        new LineLogger(this, categoryName.Split('.')[^1], categoryName.StartsWith("Shoal", StringComparison.Ordinal) ? _ours : _others);

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException("it writes lines and nothing else");

    public void Dispose()
    {
        // What it writes to is another's.
    }

    private static string WordFor(LogLevel level) => level switch
    {
        LogLevel.Information => "info",
        LogLevel.Warning => "warning",
        LogLevel.Error => "error",
        LogLevel.Critical => "critical",
        _ => "debug",
    };

    private sealed class LineLogger(LineLoggers lines, string source, LogLevel least) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= least && logLevel != LogLevel.None;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
            {
                lines._write(logLevel, source, formatter(state, exception) + (exception is null ? "" : $": {exception.GetType().Name}: {exception.Message}"));
            }
        }
    }
}
