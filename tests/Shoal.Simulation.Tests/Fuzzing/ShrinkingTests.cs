using System.Text.Json;
using Shoal.Simulation.Fuzzing;
using Shoal.Simulation.Fuzzing.Swarms;
using Shoal.Simulation.Scenarios;
using Shoal.Simulation.Tests.Fuzzing.Swarms;

namespace Shoal.Simulation.Tests.Fuzzing;

/// <summary>What failed is made small, and the small one can be had again.</summary>
public sealed class ShrinkingTests
{
    private static FuzzOutcome RunWithBug(FuzzCase fuzzCase) => SwarmRun.Run((SwarmCase)fuzzCase, (_, swarm) => new TimerThatDoesNothing(swarm));

    [Fact]
    public void A_failure_shrinks_to_next_to_nothing_and_can_be_replayed()
    {
        var failed = RunWithBug(SwarmCases.Of(0));
        var shrunk = Shrinking.Shrink(failed, RunWithBug);
        Assert.NotNull(shrunk.Failure);
        Assert.Equal(2, ((SwarmCase)shrunk.Case).Scenario.Classes.Sum(peers => peers.Count));
        Assert.Empty(((SwarmCase)shrunk.Case).Scenario.Faults);
        var again = RunWithBug(Fuzzer.CaseOf(FuzzWorld.Swarm, 0, shrunk.Case.Shrunk)!);
        Assert.Equal((shrunk.Failure, shrunk.EventHash), (again.Failure, again.EventHash));
    }

    [Fact]
    public void A_report_names_the_one_command_that_replays_it()
    {
        var failed = RunWithBug(SwarmCases.Of(0));
        var report = Fuzzer.Report(failed, Shrinking.Shrink(failed, RunWithBug));
        Assert.Contains("shoal simulate --fuzz --world swarm --seed 0\n", report, StringComparison.Ordinal);
        Assert.Contains("shoal simulate --fuzz --world swarm --seed 0 --shrunk 0", report, StringComparison.Ordinal);
        Assert.Contains("\"classes\": [", report, StringComparison.Ordinal);
    }

    [Fact]
    public void There_is_no_case_at_the_end_of_a_way_that_is_none() => Assert.Null(Fuzzer.CaseOf(FuzzWorld.Swarm, 0, [999]));

    // Every step that shrinking may take, and then a way of some more.
    [Fact]
    public void Every_shrunk_scenario_is_a_scenario_file()
    {
        for (ulong seed = 0; seed < 60; seed++)
        {
            var at = SwarmCases.Of(seed);
            RequireFile(at);
            for (var steps = 0; steps < 6 && SwarmShrinking.Smaller(at).ToArray() is { Length: > 0 } smaller; steps++)
            {
                Array.ForEach(smaller, RequireFile);
                at = smaller[((int)seed + steps) % smaller.Length];
            }
        }
    }

    [Fact]
    public void Shrinking_ends_when_it_is_told_to()
    {
        var failed = RunWithBug(SwarmCases.Of(0));
        Assert.Same(failed, Shrinking.Shrink(failed, RunWithBug, new CancellationToken(canceled: true)));
        var runCount = 0;
        using var stop = new CancellationTokenSource();
        Shrinking.Shrink(
            failed,
            fuzzCase =>
            {
                if (++runCount == 3)
                {
                    stop.Cancel();
                }

                return failed with { Case = fuzzCase };
            },
            stop.Token);
        Assert.Equal(3, runCount);
    }

    private static void RequireFile(SwarmCase fuzzCase)
    {
        using var text = JsonDocument.Parse(SwarmText.Of(fuzzCase));
        var read = ScenarioReader.Read(
            System.Text.Encoding.UTF8.GetBytes(text.RootElement.GetProperty("scenario").GetRawText()), fuzzCase.Arguments);
        Assert.Equal(fuzzCase.Scenario.Faults, read.Faults);
        Assert.Equal(fuzzCase.Scenario.Classes.Select(Plain), read.Classes.Select(Plain));
    }

    // A rate of racks that there are not is not written down.
    private static PeerClass Plain(PeerClass peers) => peers.RackSize > 0 ? peers : peers with { RackBytesPerSecond = 0 };
}
