using Shoal.Simulation.Fuzzing;

namespace Shoal.Simulation.Tests.Fuzzing;

/// <summary>What failed is made small, and the small one can be had again.</summary>
public sealed class ShrinkingTests
{
    private static FuzzOutcome RunWithBug(FuzzCase fuzzCase) => FuzzRun.Run(fuzzCase, (_, swarm) => new TimerThatDoesNothing(swarm));

    [Fact]
    public void A_failure_shrinks_to_next_to_nothing_and_can_be_replayed()
    {
        var failed = RunWithBug(FuzzCases.Of(0));
        var shrunk = Shrinking.Shrink(failed, RunWithBug);
        Assert.NotNull(shrunk.Failure);
        Assert.Equal(2, shrunk.Case.Scenario.Classes.Sum(peers => peers.Count));
        Assert.Empty(shrunk.Case.Scenario.Faults);
        var again = RunWithBug(Fuzzer.CaseOf(0, shrunk.Case.Shrunk)!);
        Assert.Equal((shrunk.Failure, shrunk.EventHash), (again.Failure, again.EventHash));
    }

    [Fact]
    public void A_report_names_the_one_command_that_replays_it()
    {
        var failed = RunWithBug(FuzzCases.Of(0));
        var report = Fuzzer.Report(failed, Shrinking.Shrink(failed, RunWithBug));
        Assert.Contains("shoal simulate --fuzz --seed 0\n", report, StringComparison.Ordinal);
        Assert.Contains("shoal simulate --fuzz --seed 0 --shrunk 0", report, StringComparison.Ordinal);
        Assert.Contains("\"classes\": [", report, StringComparison.Ordinal);
    }

    [Fact]
    public void There_is_no_case_at_the_end_of_a_way_that_is_none() => Assert.Null(Fuzzer.CaseOf(0, [999]));
}
