using System.CommandLine;
using Shoal.Cli.Reporting;

namespace Shoal.Cli.Commands;

/// <summary>`shoal create`: makes a .torrent of a file or folder.</summary>
internal static class CreateCommand
{
    private static readonly Argument<string> Path = new("path") { Description = "The file or folder" };

    private static readonly Option<string?> Output = new("--output", "-o") { Description = "The .torrent to write (default: NAME.torrent here)", HelpName = "FILE" };

    private static readonly Option<int?> PieceLength = SharedOptions.Parsed<int?>(
        "--piece-length", "SIZE", "Bytes in a piece: a power of two from 16KiB to 256MiB (default: by size)", text =>
            !Units.TryParseSize(text, out var bytes, out var error) ? (null, error)
            : bytes is < 16 << 10 or > 256 << 20 || !long.IsPow2(bytes) ? (null, $"'{text}' is not a power of two from 16KiB to 256MiB")
            : ((int)bytes, null));

    private static readonly Option<bool> Private = new("--private") { Description = "Peers may be had from the trackers only" };

    private static readonly Option<string?> Comment = new("--comment") { Description = "A comment", HelpName = "TEXT" };

    private static readonly Option<string[]> WebSeeds = SharedOptions.Repeated(
        "--web-seed", "URL", "A web server that has the content; may be repeated", text =>
            Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https" ? null : $"'{text}' is not an http or https URL");

    private static readonly Option<bool> Force = new("--force") { Description = "Overwrite a file that is there" };

    public static Command Create()
    {
        var command = new Command("create", "Make a .torrent of a file or folder")
        {
            Path, Output, SharedOptions.Trackers, PieceLength, Private, Comment, WebSeeds, Force,
        }.WithOutput();
        command.Action = new CommandAction(
            RunAsync,
            "shoal create ~/holiday -o holiday.torrent --tracker http://tracker.example:6969/announce",
            "shoal create disk.img --piece-length 4MiB --comment 'as of today'");
        return command;
    }

    private static async Task<int> RunAsync(Invocation invocation)
    {
        var parse = invocation.Parse;
        await using var reporter = invocation.CreateReporter();
        if (parse.GetValue(Output) is { } wanted)
        {
            TorrentFile.RequireRoom(wanted, parse.GetValue(Force));
        }

        using var torrent = await Hashing.RunAsync(parse.GetValue(Path)!, Options(parse), reporter, invocation.Stop);
        var metainfo = torrent.Metainfo;
        var target = parse.GetValue(Output) ?? metainfo.Name + ".torrent";
        TorrentFile.Write(metainfo, target, parse.GetValue(Force));
        reporter.Report(Hashing.Describe(torrent, System.IO.Path.GetFullPath(target), null, null));
        return ExitCode.Ok;
    }

    private static NewTorrentOptions Options(ParseResult parse) => new()
    {
        Trackers = parse.GetValue(SharedOptions.Trackers) ?? [],
        WebSeeds = parse.GetValue(WebSeeds) ?? [],
        PieceLength = parse.GetValue(PieceLength),
        IsPrivate = parse.GetValue(Private),
        Comment = parse.GetValue(Comment),
        CreatedBy = $"Shoal {Program.Version}",
    };
}
