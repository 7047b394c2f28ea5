using System.CommandLine;
using Shoal.Cli.Reporting;

namespace Shoal.Cli.Commands;

/// <summary>`shoal info`: shows what a .torrent says.</summary>
internal static class InfoCommand
{
    private static readonly Argument<string> Torrent = new("torrent") { Description = "A .torrent file, or an http(s) URL of one" };

    public static Command Create()
    {
        var command = new Command("info", "Show what a .torrent says") { Torrent }.WithOutput();
        command.Action = new CommandAction(RunAsync, "shoal info holiday.torrent", "shoal info holiday.torrent --json");
        return command;
    }

    private static async Task<int> RunAsync(Invocation invocation)
    {
        await using var reporter = invocation.CreateReporter();
        var text = invocation.Parse.GetValue(Torrent)!;
        var source = TorrentArgument.IsUrl(text) ? TorrentSource.Parse(text) : TorrentSource.FromFile(text);
        var (_, metainfo, _) = await source.ReadAsync(invocation.Stop);
        reporter.Report(InfoEvent.Of(metainfo!));
        return ExitCode.Ok;
    }
}
