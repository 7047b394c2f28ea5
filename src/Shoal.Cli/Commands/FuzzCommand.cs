using System.CommandLine;
using System.CommandLine.Parsing;
using System.Diagnostics;
using Shoal.Cli.Reporting;
using Shoal.Simulation.Fuzzing;

namespace Shoal.Cli.Commands;

/// <summary>
/// `shoal simulate --fuzz`: random worlds in which everything goes wrong, one seed after the other, on all cores, until one fails or
/// time or seeds run out.
/// </summary>
internal static class FuzzCommand
{
    private static readonly TimeSpan DefaultTime = TimeSpan.FromMinutes(1);

    /// <summary>Whether this is what is wanted.</summary>
    public static Option<bool> Fuzz { get; } = new("--fuzz")
    {
        Description = "For developers: look for faults of the engine in random small worlds in which everything goes wrong",
    };

    private static readonly Option<TimeSpan?> For = SharedOptions.Parsed<TimeSpan?>(
        "--for", "TIME", "With --fuzz: how long to look, unless --seed or --seeds says what to run (default: 1min)",
        text => Units.TryParseTime(text, out var time, out var error) ? (time, null) : (null, error));

    private static readonly Option<FuzzWorld?> World = SharedOptions.Parsed<FuzzWorld?>(
        "--world", "WORLD", $"With --fuzz: {string.Join(", ", FuzzWorlds.All.Select(FuzzWorlds.NameOf))} alone (default: each seed in all of them)", ParseWorld);

    private static readonly Option<int[]?> Shrunk = SharedOptions.Parsed<int[]?>(
        "--shrunk", "STEPS", "With --fuzz --world --seed: the smaller case that a failure's report names", ParseSteps);

    /// <summary>Adds the options.</summary>
    public static void AddTo(Command command)
    {
        command.Options.Add(Fuzz);
        command.Options.Add(For);
        command.Options.Add(World);
        command.Options.Add(Shrunk);
        command.Validators.Add(Check);
    }

    // Of the options of a simulation only these mean something to the fuzzer, and its own mean nothing without it.
    private static void Check(CommandResult command)
    {
        var isFuzzing = command.GetValue(Fuzz);
        string[] fuzzing = [Fuzz.Name, For.Name, World.Name, Shrunk.Name];
        string[] both = [SimulatePlan.Seed.Name, SimulatePlan.Seeds.Name, "--jobs", SharedOptions.Json.Name, SharedOptions.Quiet.Name];
        var named = command.Children.OfType<OptionResult>().Where(option => !option.Implicit).Select(option => option.Option.Name).ToArray();
        var wrong = isFuzzing ? named.Except(fuzzing).Except(both).FirstOrDefault() : named.Intersect(fuzzing).FirstOrDefault();
        if (wrong is not null)
        {
            command.AddError(isFuzzing ? $"{wrong} has no place beside --fuzz, which makes its own scenarios" : $"{wrong} goes with --fuzz");
        }
        else if (isFuzzing && command.Children.OfType<ArgumentResult>().Any(argument => argument.Tokens.Count > 0))
        {
            command.AddError("--fuzz takes no scenario: it makes its own");
        }
    }

    /// <summary>Looks for faults: <paramref name="count"/> seeds from <paramref name="seed"/> on; as long as --for says without a count; from anywhere without a seed.</summary>
    public static async Task<int> RunAsync(Invocation invocation, ulong? seed, int? count, int atOnce)
    {
        await using var reporter = invocation.CreateReporter();
        var time = invocation.Parse.GetValue(For);
        var shrunk = invocation.Parse.GetValue(Shrunk) is { Length: > 0 } steps ? steps : null; // empty where it is not named
        var world = invocation.Parse.GetValue(World);
        if (shrunk is not null && (seed is null || world is null || count is > 1 || time is not null))
        {
            throw new UserErrorException("--shrunk goes with one --world and one --seed alone");
        }

        count ??= seed is not null && time is null ? 1 : null;
        var first = seed ?? (ulong)Random.Shared.NextInt64();
        var fuzzing = new Fuzzing(first, world is { } one ? [one] : FuzzWorlds.All, shrunk ?? [], count, count is null ? time ?? DefaultTime : time, reporter, invocation.Stop);
        var failed = await fuzzing.RunAsync(atOnce);
        if (failed is not null)
        {
            var smallest = failed.Case.Shrunk.Count > 0 ? failed : await Task.Run(() => Fuzzer.Shrink(failed, invocation.Stop), CancellationToken.None);
            reporter.Report(new FuzzFailureEvent(
                failed.Case.Seed, failed.Failure!, $"shoal simulate --fuzz {failed.Case.Arguments}",
                $"shoal simulate --fuzz {smallest.Case.Arguments}", Fuzzer.Report(failed, smallest)));
            return ExitCode.Failed;
        }

        reporter.Report(new FuzzedEvent(first, fuzzing.DoneCount, fuzzing.Elapsed.TotalSeconds));
        return invocation.Stop.IsCancellationRequested ? ExitCode.Interrupted : ExitCode.Ok;
    }

    private static (FuzzWorld?, string?) ParseWorld(string text) => FuzzWorlds.All.Where(world => FuzzWorlds.NameOf(world) == text).ToArray() is [var world]
        ? (world, null)
        : (null, $"'{text}' is none of {string.Join(", ", FuzzWorlds.All.Select(FuzzWorlds.NameOf))}");

    private static (int[]?, string?) ParseSteps(string text)
    {
        var steps = text.Split('.').Select(step => int.TryParse(step, out var number) && number >= 0 ? number : -1).ToArray();
        return steps.Contains(-1) ? (null, $"'{text}' is not a way such as 0.3.1") : (steps, null);
    }

    /// <summary>Runs seeds, several at once. A seed's run is one thread's own, so the others change nothing about it.</summary>
    private sealed class Fuzzing(
        ulong first, IReadOnlyList<FuzzWorld> worlds, int[] shrunk, int? count, TimeSpan? time, Reporter reporter, CancellationToken stop)
    {
        private readonly Lock _gate = new();
        private readonly Stopwatch _clock = Stopwatch.StartNew();
        private TimeSpan _nextReport = TimeSpan.FromMilliseconds(500);
        private long _next = -1;
        private FuzzOutcome? _failed; // of several the one of the lowest seed

        public long DoneCount { get; private set; }

        public TimeSpan Elapsed => _clock.Elapsed;

        private bool IsOver => stop.IsCancellationRequested || Volatile.Read(ref _failed) is not null || (time is { } most && Elapsed >= most);

        public async Task<FuzzOutcome?> RunAsync(int atOnce)
        {
            await Task.WhenAll(Enumerable.Range(0, Math.Min(atOnce, count ?? atOnce)).Select(_ => Task.Factory.StartNew(
                RunSome, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)));
            return _failed;
        }

        private void RunSome()
        {
            long index;
            while (!IsOver && ((index = Interlocked.Increment(ref _next)) < count || count is null))
            {
                var seed = unchecked(first + (ulong)index);
                var outcomes = worlds.Select(world => Fuzzer.Run(CaseOf(world, seed)));
                Done(outcomes.FirstOrDefault(outcome => outcome.Failure is not null));
            }
        }

        private FuzzCase CaseOf(FuzzWorld world, ulong seed) => Fuzzer.CaseOf(world, seed, shrunk) ??
            throw new UserErrorException($"--shrunk: seed {seed} has nothing smaller at the end of that way");

        // Null: the seed holds.
        private void Done(FuzzOutcome? failed)
        {
            lock (_gate)
            {
                if (failed is not null)
                {
                    _failed = _failed is null || failed.Case.Seed < _failed.Case.Seed ? failed : _failed;
                    return;
                }

                DoneCount++;
                if (Elapsed < _nextReport)
                {
                    return;
                }

                _nextReport = Elapsed + reporter.ProgressInterval;
                var fraction = time is { } most ? Math.Min(1, Elapsed / most) : (double)DoneCount / count!.Value;
                reporter.Report(new FuzzProgressEvent(
                    DoneCount, DoneCount / Elapsed.TotalSeconds, fraction, fraction == 0 ? null : (Elapsed / fraction).TotalSeconds * (1 - fraction)));
            }
        }
    }
}
