using Microsoft.Extensions.Logging;

namespace Shoal.Cli.Reporting;

/// <summary>
/// What a server says of itself that its operator must hear without --verbose: Shoal's own warnings and errors, each a warning like any other of the
/// command's. Thread-safe.
/// </summary>
internal sealed class WarningLoggers(Reporter reporter) : ILoggerFactory
{
    public ILogger CreateLogger(string categoryName) =>
        new WarningLogger(reporter, categoryName.StartsWith("Shoal", StringComparison.Ordinal) ? LogLevel.Warning : LogLevel.Critical);

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException("it reports warnings and nothing else");

    public void Dispose()
    {
        // The reporter is another's.
    }

    private sealed class WarningLogger(Reporter reporter, LogLevel least) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= least && logLevel != LogLevel.None;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
            {
                reporter.Report(new WarningEvent(Printable.Of(exception is null ? formatter(state, exception) : $"{formatter(state, exception)}: {exception.Message}")));
            }
        }
    }
}
