using System.Collections.Concurrent;
using System.Diagnostics;
using Shoal.Simulation.Fuzzing;

namespace Shoal.Simulation.Tests.Fuzzing;

/// <summary>
/// Random swarms in which everything goes wrong: nothing unsafe happens, and whoever should is complete in time. The seeds follow from
/// the tree of sources, so that a green tree stays green; their number, not a clock, ends the test.
/// </summary>
public sealed class FuzzTests(ITestOutputHelper output)
{
    private const int FixedSeedCount = 60;

    // About a minute on two cores.
    private const int TreeSeedCount = 1800;

    [Fact]
    public void Seeds_that_failed_once_fail_no_more() => Run(Seeds.Noted());

    [Fact]
    public void The_first_seeds_hold() => Run([.. Enumerable.Range(0, FixedSeedCount).Select(seed => Fuzzer.CaseOf((ulong)seed)!)]);

    [Fact]
    public void Seeds_of_this_tree_hold()
    {
        var first = Seeds.OfTree() >> 1; // those that follow are numbers too
        output.WriteLine($"seeds {first} to {first + TreeSeedCount - 1}; again: ./shoal simulate --fuzz --seed {first} --seeds {TreeSeedCount}");
        Run([.. Enumerable.Range(0, TreeSeedCount).Select(index => Fuzzer.CaseOf(first + (ulong)index)!)]);
    }

    [Fact]
    public void Another_process_does_the_same_bit_for_bit()
    {
        ulong[] seeds = [3, 7, 19, 31, 55];
        var here = seeds.Select(Fuzzer.Run).Select(outcome =>
            FormattableString.Invariant($"{outcome.Case.Seed} {outcome.EventHash:x16} {outcome.EventCount} {outcome.Failure ?? "-"}"));
        Assert.Equal(here, InAnotherProcess(seeds));
        Assert.Equal(InAnotherProcess(seeds), InAnotherProcess(seeds));
    }

    private static string[] InAnotherProcess(ulong[] seeds)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "FuzzSeeds.dll"), .. seeds.Select(seed => $"{seed}")])
        {
            RedirectStandardOutput = true, UseShellExecute = false,
        };
        using var process = Process.Start(start)!;
        var said = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
        return said.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
    }

    private static void Run(IReadOnlyList<FuzzCase> cases)
    {
        var failures = new ConcurrentBag<FuzzOutcome>();
        Parallel.ForEach(Partitioner.Create(cases, EnumerablePartitionerOptions.NoBuffering), fuzzCase =>
        {
            if (failures.IsEmpty && Fuzzer.Run(fuzzCase) is { Failure: not null } failed)
            {
                failures.Add(failed);
            }
        });
        if (failures.OrderBy(failure => failure.Case.Seed).FirstOrDefault() is { } first)
        {
            Assert.Fail(Fuzzer.Report(first, Fuzzer.Shrink(first)));
        }
    }
}
