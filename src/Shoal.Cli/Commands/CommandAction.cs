using System.CommandLine;
using System.CommandLine.Invocation;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Shoal.Cli.Reporting;

namespace Shoal.Cli.Commands;

/// <summary>One call of a command: what was asked, where to write, and the token that Ctrl-C cancels.</summary>
internal sealed record Invocation(ParseResult Parse, Surface Surface, CancellationToken Stop)
{
    /// <summary>Where log lines go: to stderr with --verbose, else nowhere.</summary>
    public ILoggerFactory Loggers { get; } = Parse.GetValue(SharedOptions.Verbose) ? LineLoggers.To(Surface.Error) : NullLoggerFactory.Instance;

    /// <summary>Whoever shows what happens, as --json, --quiet and the terminal ask for.</summary>
    public Reporter CreateReporter() =>
        Surface.IsTerminal && !Parse.GetValue(SharedOptions.Json) && !Parse.GetValue(SharedOptions.Quiet) && !Parse.GetValue(SharedOptions.Verbose) ? new LiveReporter(Surface.Out)
        : CreatePlainReporter();

    /// <summary>The same, without a live view.</summary>
    public Reporter CreatePlainReporter() =>
        Parse.GetValue(SharedOptions.Json) ? new JsonReporter(Surface.Out, Surface.Error, Parse.GetValue(SharedOptions.Quiet))
        : new PlainReporter(Surface.Out, Surface.Error, Parse.GetValue(SharedOptions.Quiet));
}

/// <summary>What a command does, with examples for its help. The work is a function from an invocation to an exit code.</summary>
internal sealed class CommandAction(Func<Invocation, Task<int>> run, params string[] examples) : AsynchronousCommandLineAction
{
    public IReadOnlyList<string> Examples { get; } = examples;

    public Task<int> RunAsync(Invocation invocation) => run(invocation);

    public override Task<int> InvokeAsync(ParseResult parseResult, CancellationToken cancellationToken = default) =>
        throw new InvalidOperationException("commands are run by App");
}
