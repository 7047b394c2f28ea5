using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using Shoal.Cli.Commands;
using Shoal.Cli.Reporting;
using Shoal.Mpi;
using Shoal.Protocol.Secrets;
using Shoal.Protocol.Trackers;

namespace Shoal.Cli;

/// <summary>
/// The command line as a whole: parses, calls the command, and turns whatever goes wrong into one line on stderr and an
/// exit code. A stack trace is shown only where SHOAL_DEBUG is 1.
/// </summary>
internal static class App
{
    private const string ExitCodes = """

        Exit codes:
          0    done
          1    what was asked for did not come about (verify found something off, a tracker refused)
          2    the command line, or a file or link it names, is wrong
          3    the machine stands in the way (port in use, folder not writable, disk full)
          130  stopped by Ctrl-C or SIGTERM before it was done
        """;

    /// <summary>Runs one command to its end and returns its exit code. Never throws.</summary>
    public static async Task<int> RunAsync(string[] args, Surface surface, CancellationToken stop)
    {
        var root = BuildRoot();
        var parse = root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        var isJson = Array.IndexOf(args, "--json") >= 0;
        try
        {
            if (parse.Errors.Count > 0 && parse.Action is not (ExampleHelp or VersionAction))
            {
                var text = $"{OneLine(Complaint(parse))} (see 'shoal {PathOf(parse.CommandResult.Command)}--help')";
                MpiCommand.RefuseIfLaunched(parse.CommandResult.Command, text);
                throw new UserErrorException(text);
            }

            return parse.Action switch
            {
                CommandAction action => await action.RunAsync(new Invocation(parse, surface, stop)),
                _ => await parse.InvokeAsync(
                    new InvocationConfiguration
                    {
                        Output = surface.Out,
                        Error = surface.Error,
                        EnableDefaultExceptionHandler = false,
                        ProcessTerminationTimeout = null,
                    },
                    CancellationToken.None),
            };
        }
        catch (Exception exception)
        {
            return Report(exception, surface, isJson, stop);
        }
    }

    private static int Report(Exception exception, Surface surface, bool isJson, CancellationToken stop)
    {
        if (exception is UserErrorException { IsToldElsewhere: true } told)
        {
            return told.ExitCode;
        }

        var (text, code) = Describe(exception, stop);
        if (isJson)
        {
            Tell(() => JsonReporter.Write(surface.Out, new ErrorEvent(text, code)));
        }

        Tell(() => surface.Error.WriteLine($"shoal: {text}"));
        if (Environment.GetEnvironmentVariable("SHOAL_DEBUG") == "1")
        {
            Tell(() => surface.Error.WriteLine(Passkey.Redact(SecretLink.Redact(exception.ToString()))));
        }

        (exception as UserErrorException)?.AfterTelling?.Invoke(code);
        return code;
    }

    /// <summary>What went wrong, as one line, and the exit code for it.</summary>
    internal static (string Text, int ExitCode) Describe(Exception exception, CancellationToken stop)
    {
        var (text, code) = exception switch
        {
            UserErrorException error => (error.Message, error.ExitCode),
            ShoalException error => (error.Message, error.Kind switch
            {
                ShoalErrorKind.BadInput => ExitCode.BadInput,
                ShoalErrorKind.Environment => ExitCode.Environment,
                _ => ExitCode.Failed,
            }),
            OperationCanceledException when stop.IsCancellationRequested => ("stopped before it was done", ExitCode.Interrupted),
            IOException or UnauthorizedAccessException or MpiException => (exception.Message, ExitCode.Environment),
            _ => ($"unexpected: {exception.GetType().Name}: {exception.Message} (SHOAL_DEBUG=1 shows where)", ExitCode.Environment),
        };
        // Whatever it quotes: the key of a secret share gets into no log, nor does a passkey.
        return (Passkey.Redact(SecretLink.Redact(OneLine(text))), code);
    }

    // What cannot be told, since its disk is full or its reader is gone, is still an exit code.
    private static void Tell(Action write)
    {
        try
        {
            write();
        }
        catch (IOException)
        {
            // There is nowhere else to say it.
        }
    }

    private static Command BuildRoot()
    {
        var root = new Command("shoal", "Shares big files: every receiver helps to send.")
        {
            ShareCommand.Create(),
            GetCommand.Create(),
            SeedCommand.Create(),
            CreateCommand.Create(),
            InfoCommand.Create(),
            MagnetCommand.Create(),
            VerifyCommand.Create(),
            TrackerCommand.Create(),
            ConnectCommand.Create(),
            PublishCommand.Create(),
            SubscribeCommand.Create(),
            ListCommand.Create(),
            RemoveCommand.Create(),
            TokenCommand.Create(),
            ScrapeCommand.Create(),
            DhtCommand.Create(),
            MpiCommand.Create(),
            SimulateCommand.Create(),
        };
        root.Options.Add(new HelpOption { Action = new ExampleHelp() });
        root.Options.Add(new Option<bool>("--version") { Description = "Show the version", Action = new VersionAction() });
        return root;
    }

    // Where a command is missing the parser does not say which word is none.
    private static string Complaint(ParseResult parse) =>
        parse.CommandResult.Command is not { Action: null, Subcommands.Count: > 0 } ? Misspelt(parse) ?? Telling(parse.Errors).Message
        : parse.UnmatchedTokens is [var first, ..] ? $"there is no command or option '{first}'"
        : "no command is given";

    // Rather what is wrong with a value than that a word is too many: that may follow from it.
    private static ParseError Telling(IReadOnlyList<ParseError> errors) =>
        errors.FirstOrDefault(error => !error.Message.StartsWith("Unrecognized ", StringComparison.Ordinal)) ?? errors[0];

    // An option that there is not the parser takes for an argument, and may find fault only with what follows.
    private static string? Misspelt(ParseResult parse)
    {
        if (parse.Errors.FirstOrDefault(error => error.Message.StartsWith("there is no option ", StringComparison.Ordinal)) is { } said)
        {
            return said.Message;
        }

        var arguments = parse.CommandResult.Children.OfType<ArgumentResult>().SelectMany(argument => argument.Tokens.Select(token => token.Value));
        var misspelt = arguments.Concat(parse.UnmatchedTokens).FirstOrDefault(word => word.StartsWith("--", StringComparison.Ordinal));
        return misspelt is null || parse.Tokens.Any(token => token.Type == TokenType.DoubleDash) ? null : $"there is no option '{misspelt}'";
    }

    private static string PathOf(Command command) => command.Name == "shoal" ? ""
        : command.Parents.OfType<Command>().Select(PathOf).FirstOrDefault() + command.Name + " ";

    private static string OneLine(string text) =>
        string.Concat(text.TrimEnd('.', '\n', '\r', ' ').Select(character => Printable.IsControl(character) ? ' ' : character));

    private sealed class VersionAction : SynchronousCommandLineAction
    {
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            parseResult.InvocationConfiguration.Output.WriteLine($"shoal {Program.Version}");
            return ExitCode.Ok;
        }
    }

    /// <summary>The usual help, and what people really read: examples.</summary>
    private sealed class ExampleHelp : SynchronousCommandLineAction
    {
        private readonly HelpAction _help = new();

        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            var result = _help.Invoke(parseResult);
            var output = parseResult.InvocationConfiguration.Output;
            var command = parseResult.CommandResult.Command;
            var isWhole = command.Name == "shoal";
            output.WriteLine("Examples:");
            foreach (var example in isWhole ? ["shoal share ~/holiday", "shoal get 'magnet:?xt=urn:btih:…' --to ~/Downloads"] : ExamplesOf(command))
            {
                output.WriteLine($"  {example}");
            }

            if (isWhole)
            {
                output.WriteLine(ExitCodes);
            }

            return result;
        }

        // Of a group, those of its commands.
        private static IEnumerable<string> ExamplesOf(Command command) =>
            command.Action is CommandAction action ? action.Examples : command.Subcommands.SelectMany(ExamplesOf);
    }
}
