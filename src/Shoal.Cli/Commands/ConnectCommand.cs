using System.CommandLine;
using Shoal.Catalogue;
using Shoal.Cli.Connect;
using Shoal.Cli.LineEditing;
using Shoal.Cli.Reporting;

namespace Shoal.Cli.Commands;

/// <summary>`shoal connect`: the interactive client of a catalogue; from a pipe, a script of its commands.</summary>
internal static class ConnectCommand
{
    private static readonly TimeSpan UploadGrace = TimeSpan.FromSeconds(2);

    private static readonly Argument<string?> Host = new("host")
    {
        Description = $"The tracker whose catalogue is meant, or its http(s) URL (default: {CatalogueArgument.AtVariable}, else the config file's \"at\")",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private static readonly Argument<int?> TrackerPort = SharedOptions.PortArgument("tracker-port", "Its port (default: 6969)");

    public static Command Create()
    {
        var command = new Command(
            "connect",
            "Speak to a tracker's catalogue: a prompt with upload, download, list, search, subscribe, status, peers, remove, help and exit; from a pipe, " +
            "a command a line (the first that fails is the end, unless its line begins with -)")
        {
            Host, TrackerPort,
        }.WithTransfer().WithOutput();
        command.Action = new CommandAction(
            RunAsync, "shoal connect tracker.lab", "printf 'upload a.bin\\ndownload b.bin\\nexit\\n' | shoal connect 127.0.0.1 6969");
        return command;
    }

    private static async Task<int> RunAsync(Invocation invocation)
    {
        var parse = invocation.Parse;
        var isPlain = parse.GetValue(SharedOptions.Json) || parse.GetValue(SharedOptions.Quiet) || parse.GetValue(SharedOptions.Verbose);
        var isTyped = invocation.Surface is { IsInputTerminal: true };
        using var catalogue = CatalogueArgument.TryOpen(invocation, AddressOf(parse)) ??
            throw new UserErrorException($"no tracker is named: 'shoal connect HOST [PORT]', {CatalogueArgument.AtVariable}, or \"at\" in {ConfigFile.Path}");
        // Before all else: is there a catalogue, and does it let us in?
        await catalogue.ListAsync(limit: 1, cancellationToken: invocation.Stop);
        using var terminal = isTyped && invocation.Surface.IsTerminal && !isPlain ? RawTerminal.TryOpen() : null;
        if (terminal is null)
        {
            await using var reporter = invocation.CreatePlainReporter();
            await using var session = await StartAsync(invocation, catalogue, reporter, waits: !isTyped);
            return await new ScriptFront(session, invocation.Surface, isTyped ? isPlain ? "" : "shoal> " : null).RunAsync(invocation.Stop);
        }

        await using var live = new PromptReporter(terminal.Write, () => RawTerminal.Width);
        await new PromptFront(terminal, live, HistoryFile.Read()).RunAsync(await StartAsync(invocation, catalogue, live, waits: false), invocation.Stop);
        return ExitCode.Ok;
    }

    private static async Task<ConnectSession> StartAsync(Invocation invocation, CatalogueClient catalogue, Reporter reporter, bool waits)
    {
        var parse = invocation.Parse;
        var options = Transfer.OptionsOf(parse, UploadGrace) with { LoggerFactory = invocation.Loggers };
        var client = await ShoalClient.StartAsync(options, invocation.Stop);
        reporter.Report(new ConnectedEvent(catalogue.Address.ToString(), client.EndPoint.Port));
        var session = new ConnectSession(new ConnectContext(
            catalogue,
            client,
            () => ShoalClient.StartAsync(options with { Port = 0 }, CancellationToken.None),
            new AddOptions
            {
                IsPublic = parse.GetValue(SharedOptions.Public) ? true : null,
                Peers = parse.GetValue(SharedOptions.Peers) ?? [],
                AllTrackers = parse.GetValue(SharedOptions.AllTrackers),
                Trackers = parse.GetValue(SharedOptions.Trackers) ?? [],
            },
            reporter,
            waits));
        session.Uploads.Continue();
        return session;
    }

    private static CatalogueAddress? AddressOf(ParseResult parse)
    {
        if (parse.GetValue(Host) is not { } host)
        {
            return null;
        }

        // A port of the host's own and another beside it: neither is meant for certain.
        var text = parse.GetValue(TrackerPort) is { } port ? $"{(host.Contains(':') && !host.StartsWith('[') ? $"[{host}]" : host)}:{port}" : host;
        return CatalogueAddress.TryParse(text, out var address) ? address
            : throw new UserErrorException($"'{Printable.Of(parse.GetValue(TrackerPort) is null ? host : $"{host} {parse.GetValue(TrackerPort)}")}' is neither HOST [PORT] nor an http or https URL");
    }
}
