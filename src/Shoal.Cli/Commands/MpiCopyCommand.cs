using System.CommandLine;
using Shoal.Cli.Reporting;
using Shoal.Mpi;
using Shoal.Mpi.Copying;

namespace Shoal.Cli.Commands;

/// <summary>`shoal mpi copy`: files and folders to every node of a job.</summary>
internal static class MpiCopyCommand
{
    private static readonly Argument<string[]> Paths = new Argument<string[]>("SRC… DEST")
    {
        Description = "Files and folders, and the folder on every node to copy them into, which is made; {rank} in it stands for the rank's number",
        Arity = new ArgumentArity(2, 100_000),
    }.RefusingOptions();

    private static readonly Option<int?> Readers = SharedOptions.Count(
        "--readers", "The most ranks that read SRC; the others fetch from their fellows (default: 4)");

    private static readonly Option<int?> PieceLength = SharedOptions.Parsed<int?>(
        "--piece-length", "SIZE", "Bytes in a piece: a power of two from 64KiB to 64MiB (default: by size)", text =>
            !Units.TryParseSize(text, out var bytes, out var error) ? (null, error)
            : bytes is < 64 << 10 or > 64 << 20 || !long.IsPow2(bytes) ? (null, $"'{text}' is not a power of two from 64KiB to 64MiB")
            : ((int)bytes, null));

    private static readonly Option<bool> Check = new("--check")
    {
        Description = "Hash what is in DEST already; without it a file of the same length and time is taken as right",
    };

    public static Command Create()
    {
        var command = new Command("copy", "Copy files and folders to every node, fast and verified") { Paths, Readers, PieceLength, Check }.WithOutput();
        command.Action = new CommandAction(
            RunAsync,
            "mpirun -np 64 shoal mpi copy /shared/model /local/",
            "srun --ntasks-per-node=1 shoal mpi copy /shared/model /shared/data.bin /local/",
            "mpirun -np 8 shoal mpi copy model.bin '/dev/shm/copy-{rank}'");
        return command;
    }

    // All calls of MPI are made by one thread, and this is it: nothing here may be awaited before the end.
    private static Task<int> RunAsync(Invocation invocation)
    {
        MpiWorld world;
        try
        {
            world = MpiCommand.Start();
        }
        catch (MpiException error)
        {
            throw new UserErrorException(error.Message, ExitCode.Environment, error);
        }

        int code;
        try
        {
            code = Copy(world, invocation);
        }
        catch (CopyException error)
        {
            throw MpiCommand.Refusal(world, error.Message);
        }
#pragma warning disable CA1031 // one rank that goes alone would leave the others waiting for ever
        catch (Exception error)
#pragma warning restore CA1031
        {
            invocation.Surface.Error.WriteLine($"shoal: rank {world.Rank}: {error.Message}");
            world.Abort(ExitCode.Environment);
            return Task.FromResult(ExitCode.Environment);
        }

        world.End(code);
        return Task.FromResult(code);
    }

    private static int Copy(MpiWorld world, Invocation invocation)
    {
        var reporter = CreateReporter(invocation, world.Rank);
        var paths = invocation.Parse.GetValue(Paths)!;
        var options = new CopyOptions
        {
            Sources = paths[..^1],
            Destination = paths[^1],
            ReaderCount = invocation.Parse.GetValue(Readers) ?? 4,
            PieceLength = invocation.Parse.GetValue(PieceLength),
            ChecksAll = invocation.Parse.GetValue(Check),
        };
        try
        {
            var next = Environment.TickCount64 + 500; // what is done by then needs no bar
            var report = CopyJob.Run(
                world, options,
                progress =>
                {
                    if (Environment.TickCount64 >= next)
                    {
                        next = Environment.TickCount64 + (long)reporter.ProgressInterval.TotalMilliseconds;
                        reporter.Report(CopyProgressEvent.Of(progress));
                    }
                },
                invocation.Stop);
            return world.Rank == 0 ? Tell(report, reporter) : CodeOf(report);
        }
        finally
        {
            reporter.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
    }

    // stdout may be a log of many ranks: what people watch goes to stderr.
    private static Reporter CreateReporter(Invocation invocation, int rank)
    {
        var isQuiet = invocation.Parse.GetValue(SharedOptions.Quiet);
        var error = invocation.Surface.Error;
        if (invocation.Parse.GetValue(SharedOptions.Json))
        {
            return new JsonReporter(invocation.Surface.Out, invocation.Surface.Error, isQuiet);
        }

        var canDraw = rank == 0 && !isQuiet && Environment.GetEnvironmentVariable("TERM") is not (null or "" or "dumb");
        return canDraw && !Console.IsErrorRedirected ? new LiveReporter(error)
            : canDraw && LauncherTerminal.Find() is { } terminal ? new LiveReporter(error, () => LauncherTerminal.WidthOf(terminal))
            : new PlainReporter(error, error, isQuiet);
    }

    private static int Tell(CopyReport report, Reporter reporter)
    {
        foreach (var warning in report.Warnings)
        {
            reporter.Report(new WarningEvent(warning));
        }

        foreach (var rank in report.Ranks.Where(rank => rank.State != RankState.Done))
        {
            reporter.Report(new CopyLackEvent(rank.Rank, rank.Node, rank.Reason, rank.MissingCount, rank.MissingFiles));
        }

        reporter.Report(CopiedEvent.Of(report));
        return CodeOf(report);
    }

    private static int CodeOf(CopyReport report) =>
        report.IsComplete ? ExitCode.Ok : report.IsInterrupted ? ExitCode.Interrupted : ExitCode.Failed;
}
