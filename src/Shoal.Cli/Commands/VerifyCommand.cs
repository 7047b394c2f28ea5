using System.CommandLine;
using Shoal.Cli.Reporting;
using Shoal.Engine.Resume;
using Shoal.Protocol.Metadata;
using Shoal.Runtime.Storage;

namespace Shoal.Cli.Commands;

/// <summary>`shoal verify`: reads all of a torrent's content on disk and tells which files are not as they should be.</summary>
internal static class VerifyCommand
{
    private static readonly Argument<string> Torrent = new("torrent") { Description = "The .torrent file" };

    private static readonly Argument<string> Folder = new("folder") { Description = "The folder that holds the torrent's file or folder" };

    public static Command Create()
    {
        var command = new Command("verify", "Check files against a .torrent; exit code 1 if something is off") { Torrent, Folder }.WithOutput();
        command.Action = new CommandAction(RunAsync, "shoal verify holiday.torrent ~/Downloads");
        return command;
    }

    private static async Task<int> RunAsync(Invocation invocation)
    {
        await using var reporter = invocation.CreateReporter();
        var metainfo = await TorrentSource.ReadFileAsync(invocation.Parse.GetValue(Torrent)!, invocation.Stop);
        var root = TorrentArgument.FindRoot(metainfo, invocation.Parse.GetValue(Folder)!);
        try
        {
            using var store = PieceStore.Open(metainfo.Files, metainfo.Layout, root, readOnly: true);
            var plan = ResumePlan.Make(metainfo.Layout, metainfo.Files, null, store.Survey());
            var progress = reporter.Throttle(metainfo.TotalLength, bytes => new CheckingEvent(metainfo.Name, bytes, metainfo.TotalLength));
            var result = await ContentChecker.CheckAsync(store, metainfo.PieceHashes, plan, progress.Report, invocation.Stop);
            var problems = ContentChecker.FindProblems(store, result.Have);
            foreach (var problem in problems)
            {
                reporter.Report(Describe(metainfo, problem, result));
            }

            var fileCount = metainfo.Files.Count(file => !file.IsPadding);
            reporter.Report(new VerifiedEvent(result.Have.Count, metainfo.Layout.PieceCount, problems.Count, fileCount));
            return problems.Count == 0 && result.Have.IsFull ? ExitCode.Ok : ExitCode.Failed;
        }
        catch (StorageException error)
        {
            throw new UserErrorException(error.Message, ExitCode.Environment, error);
        }
    }

    private static FileEvent Describe(Metainfo metainfo, FileProblem problem, CheckResult result)
    {
        var file = metainfo.Files[problem.File];
        var bad = 0;
        var pieces = metainfo.Layout.PiecesOf(file.Offset, file.Length);
        for (var piece = pieces.First.Value; piece < pieces.End; piece++)
        {
            bad += result.Have[piece] ? 0 : 1;
        }

        var text = problem.Kind switch
        {
            FileProblemKind.Unreadable => problem.Error!.Message,
            FileProblemKind.Missing => "missing",
            FileProblemKind.WrongLength => $"has {problem.LengthOnDisk} bytes instead of {file.Length}",
            _ => $"wrong content in {Units.Count(bad, "piece")}",
        };
        return new FileEvent(metainfo.RelativePathOf(file), file.Length, text, bad);
    }
}
