using System.Collections.Concurrent;
using System.Diagnostics;
using Shoal.Simulation.Fuzzing;

namespace Shoal.Simulation.Tests.Fuzzing;

/// <summary>
/// Random worlds in which everything goes wrong: nothing unsafe happens, and whoever should comes to an end in time. The seeds follow from
/// the tree of sources, so that a green tree stays green; their number, not a clock, ends the test.
/// </summary>
public sealed class FuzzTests(ITestOutputHelper output)
{
    private const int FixedSeedCount = 60;

    [Fact]
    public void Seeds_that_failed_once_fail_no_more() => Run(Seeds.Noted());

    [Theory]
    [InlineData(FuzzWorld.Swarm)]
    [InlineData(FuzzWorld.Dht)]
    [InlineData(FuzzWorld.Router)]
    [InlineData(FuzzWorld.Secret)]
    public void The_first_seeds_hold(FuzzWorld world) => Run([.. Enumerable.Range(0, FixedSeedCount).Select(seed => Fuzzer.CaseOf(world, (ulong)seed)!)]);

    // Swarms take about a minute on two cores, the others some seconds.
    [Theory]
    [InlineData(FuzzWorld.Swarm, 1800)]
    [InlineData(FuzzWorld.Dht, 60)]
    [InlineData(FuzzWorld.Router, 300)]
    [InlineData(FuzzWorld.Secret, 150)]
    public void Seeds_of_this_tree_hold(FuzzWorld world, int count)
    {
        var first = Seeds.OfTree() >> 1; // those that follow are numbers too
        output.WriteLine(
            $"seeds {first} to {first + (ulong)count - 1}; again: ./shoal simulate --fuzz --world {FuzzWorlds.NameOf(world)} --seed {first} --seeds {count}");
        Run([.. Enumerable.Range(0, count).Select(index => Fuzzer.CaseOf(world, first + (ulong)index)!)]);
    }

    [Fact]
    public void Another_process_does_the_same_bit_for_bit()
    {
        ulong[] seeds = [3, 7, 19, 31, 55];
        var here = seeds.SelectMany(seed => FuzzWorlds.All.Select(world => Fuzzer.Run(Fuzzer.CaseOf(world, seed)!))).Select(outcome =>
            FormattableString.Invariant($"{outcome.Case.World} {outcome.Case.Seed} {outcome.EventHash:x16} {outcome.EventCount} {outcome.Failure ?? "-"}"));
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
