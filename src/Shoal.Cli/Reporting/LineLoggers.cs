using System.Globalization;
using Microsoft.Extensions.Logging;

namespace Shoal.Cli.Reporting;

/// <summary>
/// What --verbose shows: each message as one plain line, "time level source: text", from Debug on for Shoal's own and
/// from Warning on for the web server's. Ours and not the console logger, since that writes several lines, to the
/// console rather than to where the command writes. Thread-safe if the writer is.
/// </summary>
internal sealed class LineLoggers(TextWriter output) : ILoggerFactory
{
    public ILogger CreateLogger(string categoryName) => new LineLogger(
        output, categoryName.Split('.')[^1], categoryName.StartsWith("Shoal", StringComparison.Ordinal) ? LogLevel.Debug : LogLevel.Warning);

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException("it writes lines and nothing else");

    public void Dispose()
    {
        // The writer is another's.
    }

    private sealed class LineLogger(TextWriter output, string source, LogLevel least) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= least && logLevel != LogLevel.None;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
            {
                var time = DateTimeOffset.Now.ToString("HH:mm:ss.fff", CultureInfo.InvariantCulture);
                var reason = exception is null ? "" : $": {exception.GetType().Name}: {exception.Message}";
                output.WriteLine(Printable.Of($"{time} {WordFor(logLevel)} {source}: {formatter(state, exception)}{reason}"));
            }
        }

        private static string WordFor(LogLevel level) => level switch
        {
            LogLevel.Information => "info",
            LogLevel.Warning => "warning",
            LogLevel.Error => "error",
            LogLevel.Critical => "critical",
            _ => "debug",
        };
    }
}
