using System.CommandLine;
using Shoal.Cli.Reporting;
using Shoal.Simulation;
using Shoal.Simulation.Results;
using Shoal.Simulation.Scenarios;

namespace Shoal.Cli.Commands;

/// <summary>Runs one scenario to its end; the function is told how far it is, and breaks it off by returning false.</summary>
internal delegate SimulationResult Simulate(Scenario scenario, Func<SimulationProgress, bool> progress);

/// <summary>`shoal simulate`: a scenario, or a flash crowd of the options, once or in several variants and with several seeds.</summary>
internal static class SimulateCommand
{
    private static readonly Option<bool> Compare = new("--compare") { Description = "Say with confidence intervals which policy or piece length is better (default: over 5 seeds)" };

    private static readonly Option<string?> Plot = new("--plot") { Description = "Draw completion curves and the lower bound as SVG", HelpName = "FILE" };

    private static readonly Option<string?> Csv = new("--csv") { Description = "Write what became of each peer", HelpName = "FILE" };

    private static readonly Option<int?> Jobs = SharedOptions.Count("--jobs", "Runs at once, each on a core of its own (default: all cores)");

    public static Command Create()
    {
        var command = new Command("simulate", "Tell before a rollout how long it will take: the same swarm on a virtual network")
        {
            Compare, Plot, Csv, Jobs,
        };
        SimulatePlan.AddTo(command);
        FuzzCommand.AddTo(command);
        command.WithOutput();
        command.Action = new CommandAction(
            invocation => RunAsync(invocation, Simulator.Run),
            "shoal simulate --peers 1000 --size 10GiB --up 1Gbit --down 1Gbit --seed-up 10Gbit",
            "shoal simulate examples/scenarios/flash-crowd.json --plot crowd.svg --csv crowd.csv",
            "shoal simulate examples/scenarios/cluster-rollout.json --peers 200 --compare --policy swarm,random,least-uploaded",
            "shoal simulate --peers 50 --size 100MiB --compare --piece-length 64KiB,256KiB,1MiB --plot pieces.svg",
            "shoal simulate --fuzz --for 1h");
        return command;
    }

    internal static async Task<int> RunAsync(Invocation invocation, Simulate simulate)
    {
        var parse = invocation.Parse;
        if (parse.GetValue(FuzzCommand.Fuzz))
        {
            return await FuzzCommand.RunAsync(
                invocation, parse.GetValue(SimulatePlan.Seed), parse.GetValue(SimulatePlan.Seeds), parse.GetValue(Jobs) ?? Environment.ProcessorCount);
        }

        var plan = Plan(parse);
        RequireRoom(parse);
        await using var reporter = invocation.CreateReporter();
        var runs = await new SimulationRuns(plan.Runs, simulate, reporter, invocation.Stop).RunAsync(parse.GetValue(Jobs) ?? Environment.ProcessorCount);
        Tell(runs, reporter);
        if (parse.GetValue(Compare) && runs.Any(run => !run.IsBrokenOff))
        {
            var comparison = Comparison.Of([.. plan.Labels.Select(label => new Variant(label, [.. runs.Where(run => run.Label == label && !run.IsBrokenOff).Select(run => run.Summary)]))]);
            reporter.Report(new ComparisonEvent(comparison, ComparisonText.Verdict(comparison)));
        }

        string?[] failures =
        [
            await TryWriteAsync(parse.GetValue(Csv), () => PeerTable.Header + string.Concat(runs.Select(run => PeerTable.Lines(run.Scenario, run.Result)))),
            await TryWriteAsync(parse.GetValue(Plot), () => SimulationPlot.Draw(plan, runs)),
        ];
        if (failures.OfType<string>().Any())
        {
            throw new UserErrorException(string.Join("; ", failures.OfType<string>()), ExitCode.Environment);
        }

        return runs.Count < plan.Runs.Count || runs.Any(run => run.IsBrokenOff) ? ExitCode.Interrupted : ExitCode.Ok;
    }

    private static SimulatePlan Plan(ParseResult parse)
    {
        try
        {
            var plan = SimulatePlan.Of(parse, parse.GetValue(Compare));
            return parse.GetValue(Compare) && plan.Labels.Count < 2
                ? throw new UserErrorException("--compare: there is one variant only; name several, as with --policy swarm,random or --piece-length 256KiB,1MiB")
                : plan;
        }
        catch (ScenarioException error)
        {
            throw new UserErrorException(error.Message, ExitCode.BadInput, error);
        }
    }

    private static void Tell(IReadOnlyList<FinishedRun> runs, Reporter reporter)
    {
        foreach (var run in runs)
        {
            reporter.Report(new SimulationEvent(run.Label, run.IsBrokenOff, run.Summary) { IsAlone = runs.Count == 1 });
        }

        if (runs.Count > 1)
        {
            reporter.Report(new SimulationsEvent(
                runs.Count, runs.Count(run => !run.IsBrokenOff), [.. runs.Select(run => new SimulationEvent(run.Label, run.IsBrokenOff, run.Summary))]));
        }
    }

    // Told before the minutes that a run may take, not after.
    private static void RequireRoom(ParseResult parse)
    {
        var taken = new Dictionary<string, string>(StringComparer.Ordinal);
        if (SimulatePlan.FileOf(parse) is { } scenario)
        {
            taken.Add(Path.GetFullPath(scenario), "it is the scenario");
        }

        foreach (var (file, what) in new[] { (parse.GetValue(Csv), "--csv writes there"), (parse.GetValue(Plot), "--plot writes there") })
        {
            var wrong = file is null ? null
                : file.Length == 0 ? "it has no name"
                : Directory.Exists(file) ? "it is a folder"
                : !Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(file))) ? "there is no such folder"
                : taken.TryAdd(Path.GetFullPath(file), what) ? null : taken[Path.GetFullPath(file)];
            if (wrong is not null)
            {
                throw new UserErrorException($"'{file}' cannot be written: {wrong}");
            }
        }
    }

    /// <summary>One that fails does not take the others with it: returns what went wrong.</summary>
    private static async Task<string?> TryWriteAsync(string? file, Func<string> text)
    {
        if (file is null)
        {
            return null;
        }

        try
        {
            await File.WriteAllTextAsync(file, text(), CancellationToken.None);
            return null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return $"'{file}' cannot be written: {error.Message}";
        }
    }
}
