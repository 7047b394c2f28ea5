using System.CommandLine;
using Shoal.Cli.Reporting;
using Shoal.Engine.Swarms;
using Shoal.Mpi;
using Shoal.Mpi.Jobs.Files;
using Shoal.Mpi.Jobs.Run;

namespace Shoal.Cli.Commands;

/// <summary>
/// `shoal mpi run`: one job of in&lt;R&gt;.txt files, rank 0 the tracker and all others peers. Runs on the thread that it
/// is called on, which makes all calls of MPI; only rank 0 says anything.
/// </summary>
internal static class MpiRunCommand
{
    private static readonly Argument<string> Folder = new Argument<string>("dir")
    {
        Description = "The folder that has in1.txt, in2.txt, … (default: the working directory)",
        DefaultValueFactory = _ => ".",
    }.RefusingOptions();

    private static readonly Option<string?> Output = new Option<string?>("--out") { Description = "Where results are written (default: the same folder)", HelpName = "DIR" }.RefusingEmpty();

    private static readonly Option<bool> Data = new("--data") { Description = "Real files: owned ones lie in DIR/RANK, wanted ones arrive there" };

    private static readonly Option<int?> Segment = SharedOptions.Parsed<int?>(
        "--segment", "SIZE", "Bytes in a segment of a real file (default: 1MiB; at most 16MiB)", text =>
            !Units.TryParseSize(text, out var bytes, out var error) ? (null, error)
            : bytes is < 1 or > DataFolder.MaximumSegmentLength ? (null, $"'{text}' is not from 1 byte to 16MiB")
            : ((int)bytes, null));

    private static readonly Option<BalancePolicy?> Balance = SharedOptions.Parsed<BalancePolicy?>(
        "--balance", "POLICY", $"How load is balanced: {string.Join(", ", BalancePolicies.Names)} (default: {BalancePolicies.Names[0]})", text =>
            BalancePolicies.TryParse(text, out var policy) ? (policy, null) : (null, $"'{text}' is none of {string.Join(", ", BalancePolicies.Names)}"));

    private static readonly Option<bool> Report = new("--report") { Description = "Print what each rank did, how even the load was, and messages by tag" };

    private static readonly Option<string?> Trace = new Option<string?>("--trace") { Description = "Write every message as a JSON line", HelpName = "FILE" }.RefusingEmpty();

    public static Command Create()
    {
        var command = new Command("run", "Run a job of in1.txt, in2.txt, …: rank 0 is the tracker, every other rank a peer")
        {
            Folder, Output, Data, Segment, Balance, Report, Trace,
        }.WithOutput();
        command.Action = new CommandAction(
            invocation => Task.FromResult(Run(invocation)),
            "mpirun -np 4 shoal mpi run job --report",
            "srun -n 64 shoal mpi run job --data --segment 4MiB --balance least-uploaded");
        return command;
    }

    private static int Run(Invocation invocation)
    {
        var world = MpiCommand.Start();
        try
        {
            var result = new JobRun(world, Options(invocation)).Run(invocation.Stop);
            var code = Tell(world, invocation, result);
            world.End(code);
            return code;
        }
#pragma warning disable CA1031 // a rank that fails alone would leave the others waiting for ever
        catch (Exception error)
#pragma warning restore CA1031
        {
            var isStopped = error is OperationCanceledException && invocation.Stop.IsCancellationRequested;
            var text = isStopped ? "stopped before it was done" : error.Message;
            if (!isStopped || world.Rank == 0)
            {
                invocation.Surface.Error.WriteLine($"shoal: rank {world.Rank}: {text}");
            }

            world.Abort(isStopped ? ExitCode.Interrupted : ExitCode.Environment);
            return isStopped ? ExitCode.Interrupted : ExitCode.Environment;
        }
    }

    private static RunOptions Options(Invocation invocation)
    {
        var parse = invocation.Parse;
        var isQuiet = parse.GetValue(SharedOptions.Quiet);
        var error = invocation.Surface.Error;
        return new RunOptions
        {
            Folder = parse.GetValue(Folder)!,
            Output = parse.GetValue(Output),
            IsData = parse.GetValue(Data),
            SegmentLength = parse.GetValue(Segment) ?? 1 << 20,
            Balance = parse.GetValue(Balance) ?? BalancePolicy.Swarm,
            TraceFile = parse.GetValue(Trace),
            OnProgress = isQuiet ? null : line => error.WriteLine($"shoal: {line}"),
            OnWarning = line => error.WriteLine($"shoal: {new WarningEvent(line).ToLine()}"),
        };
    }

    private static int Tell(MpiWorld world, Invocation invocation, RunResult result)
    {
        var (parse, surface) = (invocation.Parse, invocation.Surface);
        var code = result.Failure switch
        {
            JobFailure.None => ExitCode.Ok,
            JobFailure.Partial => ExitCode.Failed,
            JobFailure.Input => ExitCode.BadInput,
            _ => ExitCode.Environment,
        };
        if (world.Rank != 0)
        {
            return code;
        }

        var isJson = parse.GetValue(SharedOptions.Json);
        if (result.Report is { } report && parse.GetValue(Report))
        {
            var happened = MpiRunEvent.Of(report);
            if (isJson)
            {
                JsonReporter.Write(surface.Out, happened);
            }
            else
            {
                surface.Out.WriteLine(happened.ToLine());
            }
        }

        foreach (var problem in result.Problems)
        {
            if (isJson)
            {
                JsonReporter.Write(surface.Out, new ErrorEvent(problem, code));
            }

            surface.Error.WriteLine($"shoal: {Printable.Of(problem)}");
        }

        return code;
    }
}
