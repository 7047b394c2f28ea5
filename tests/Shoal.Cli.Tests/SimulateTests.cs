using System.Text.Json;
using System.Xml.Linq;
using Shoal.Cli.Commands;
using Shoal.Engine.Swarms;
using Shoal.Simulation;
using Shoal.Simulation.Scenarios;

namespace Shoal.Cli.Tests;

/// <summary>`shoal simulate`: from options and files to runs, and from results to lines, files and exit codes.</summary>
public class SimulateTests
{
    private static readonly string Examples = Path.Combine(Repository.Root, "examples", "scenarios");

    [Fact]
    public void Without_a_file_it_is_a_flash_crowd_of_the_options()
    {
        var run = Assert.Single(Plan("--peers 70 --size 10GiB --up 1Gbit --down 2Gbit --seed-up 10Gbit --latency 3ms --seed 9 --limit 2h --trusted").Runs);
        Assert.Equal(("flash crowd", 9UL, 10L << 30, TimeSpan.FromHours(2)), (run.Scenario.Name, run.Scenario.Seed, run.Scenario.ContentLength, run.Scenario.Limit));
        Assert.True(run.Scenario.Swarm.IsTrusted);
        var (seeder, leechers) = (run.Scenario.Classes[0], run.Scenario.Classes[1]);
        Assert.Equal((1, 1_250_000_000L, 70, 125_000_000L, 250_000_000L), (seeder.Count, seeder.UpBytesPerSecond, leechers.Count, leechers.UpBytesPerSecond, leechers.DownBytesPerSecond));
        Assert.All(run.Scenario.Classes, one => Assert.Equal(TimeSpan.FromMilliseconds(3), one.Latency));
    }

    [Fact]
    public void Options_override_the_file_and_leave_the_rest()
    {
        var file = Path.Combine(Examples, "home-uplinks.json");
        var before = ScenarioReader.Read(File.ReadAllBytes(file), "x").Classes;
        var scenario = Assert.Single(Plan($"{file} --peers 20 --up 1Mbit").Runs).Scenario;
        Assert.Equal(["seeder", "dsl", "cable", "fibre"], scenario.Classes.Select(one => one.Name));
        Assert.Equal([1, 6, 10, 4], scenario.Classes.Select(one => one.Count));
        Assert.Equal([before[0].UpBytesPerSecond, 125_000, 125_000, 125_000], scenario.Classes.Select(one => one.UpBytesPerSecond));
        Assert.Equal(before.Select(one => one.DownBytesPerSecond), scenario.Classes.Select(one => one.DownBytesPerSecond));
    }

    [Fact]
    public void Every_policy_and_piece_length_runs_with_every_seed()
    {
        var plan = Plan("--policy swarm,least-uploaded --piece-length 1MiB,4MiB --seeds 3 --seed 5");
        Assert.Equal(["swarm, 1.0 MiB", "swarm, 4.0 MiB", "least-uploaded, 1.0 MiB", "least-uploaded, 4.0 MiB"], plan.Labels);
        Assert.Equal(12, plan.Runs.Count);
        Assert.Equal([5UL, 6UL, 7UL], plan.Runs.Where(run => run.Label == "least-uploaded, 4.0 MiB").Select(run => run.Scenario.Seed));
        Assert.All(plan.Runs, run => Assert.Equal(run.Label.StartsWith("swarm", StringComparison.Ordinal), run.Scenario.Swarm.Policy == BalancePolicy.Swarm));
        Assert.Equal(10, Plan("--compare --policy swarm,random").Runs.Count);
        Assert.Equal(["1,000,000 B", "1,000,001 B"], Plan("--piece-length 1000000,1000001").Labels);
    }

    [Fact]
    public void Swarm_is_a_torrent_alone_and_a_job_beside_the_policies_of_jobs()
    {
        Assert.All(Plan("--policy swarm --seeds 2").Runs, run => Assert.False(run.Scenario.Swarm.IsJob));
        Assert.All(Plan("--policy swarm,random").Runs, run => Assert.True(run.Scenario.Swarm.IsJob));
        Assert.All(Plan("--policy random").Runs, run => Assert.True(run.Scenario.Swarm.IsJob));
    }

    [Fact]
    public async Task One_run_is_told_in_full()
    {
        var run = await RunAsync("--peers 40");
        Assert.Equal(0, run.ExitCode);
        Assert.Equal("flash crowd: 40 leechers, 1.0 GiB in 1,024 pieces of 1.0 MiB, policy swarm, seed 1", run.Out.Lines[0]);
        Assert.Equal("All complete after 11.1 s", run.Out.Lines[1]);
        Assert.Contains(run.Out.Lines, line => line.StartsWith("Lower bound   89.8 s (slowest downlink); the result is 0.12 times it", StringComparison.Ordinal));
        Assert.Contains("Events        123,456, hash 0000000000000001", run.Out.Lines);
        Assert.All(run.Out.Lines, line => Assert.Equal(line.TrimEnd(), line));
    }

    [Fact]
    public async Task Runs_in_parallel_are_told_in_their_order_whoever_ends_first()
    {
        using var later = new ManualResetEventSlim();
        var run = await RunAsync("--peers 10 --policy random,swarm --seeds 4 --jobs 8", (scenario, progress) =>
        {
            if (scenario.Seed == 1)
            {
                Assert.True(later.Wait(TimeSpan.FromMinutes(1)), "no later run ended");
            }

            var result = FluidSimulator.Run(scenario, progress);
            later.Set();
            return result;
        });
        Assert.Equal(["random", "random", "random", "random", "swarm", "swarm", "swarm", "swarm"], run.Out.Lines[1..].Select(line => line.Split(' ')[0]));
    }

    [Fact]
    public async Task A_comparison_says_which_is_better_with_its_interval()
    {
        var run = await RunAsync("--peers 10 --compare --policy random,swarm --seeds 6");
        Assert.Equal("swarm is better than random (whose last leecher is done 5.00 ± 0.00 s later), with 95 % confidence.", run.Out.Lines[^1]);
        var alike = await RunAsync("--peers 10 --compare --piece-length 1MiB,2MiB");
        Assert.Equal("Whether 1.0 MiB is better than 2.0 MiB (last leecher 0.00 ± 0.00 s later) cannot be told from 5 seeds.", alike.Out.Lines[^1]);
        var one = await RunAsync("--peers 10 --compare --policy random,swarm --seeds 1");
        Assert.Equal("swarm came first, but one seed cannot tell whether it is better than random; give --seeds 5.", one.Out.Lines[^1]);
    }

    [Fact]
    public async Task For_programs_each_run_and_the_comparison_is_an_object()
    {
        var run = await RunAsync("--peers 10 --compare --policy random,swarm --seeds 2 --json");
        var events = run.Out.Lines.Select(line => JsonDocument.Parse(line).RootElement).ToList();
        string[] Names() => [.. events.Select(one => one.GetProperty("event").GetString()!)];
        Assert.Equal(["simulation", "simulation", "simulation", "simulation", "simulations", "comparison"], Names());
        Assert.Equal("random", events[0].GetProperty("label").GetString());
        var first = events[0].GetProperty("run");
        Assert.Equal(16.0, first.GetProperty("lastCompletedSeconds").GetDouble());
        Assert.Equal(10, first.GetProperty("curve").GetArrayLength());
        Assert.Equal("swarm", events[^1].GetProperty("comparison").GetProperty("best").GetString());
    }

    [Fact]
    public async Task The_plot_and_the_table_are_written()
    {
        using var place = new Workplace();
        var (svg, csv) = (Path.Combine(place.Root, "a.svg"), Path.Combine(place.Root, "a.csv"));
        var run = await RunAsync($"--peers 10 --policy swarm,random --seeds 2 --quiet --plot {svg} --csv {csv}");
        Assert.Equal(0, run.ExitCode);
        Assert.Equal(4, XDocument.Load(svg).Descendants().Count(element => element.Attribute("class")?.Value.StartsWith("curve many", StringComparison.Ordinal) == true));
        var lines = await File.ReadAllLinesAsync(csv);
        Assert.Equal(1 + (2 * 2 * 11), lines.Length);
        Assert.All(lines, line => Assert.Equal(14, line.Split(',').Length));
    }

    [Fact]
    public async Task A_file_that_cannot_be_written_takes_nothing_else_with_it()
    {
        if (!File.Exists("/dev/full"))
        {
            Assert.Skip("there is no /dev/full here");
        }

        using var place = new Workplace();
        var svg = place.At("a.svg");
        var run = await Command.RunAsync("simulate", "--peers", "2", "--size", "1MiB", "--csv", "/dev/full", "--plot", svg);
        Assert.Equal(3, run.ExitCode);
        Assert.StartsWith("shoal: '/dev/full' cannot be written: ", Assert.Single(run.Error.Lines), StringComparison.Ordinal);
        Assert.NotEmpty(XDocument.Load(svg).Descendants());
        Assert.Contains("All complete", string.Join(Environment.NewLine, run.Out.Lines));
    }

    [Fact]
    public async Task Where_nothing_can_be_told_there_is_still_an_exit_code()
    {
        if (!File.Exists("/dev/full") || !Repository.Has("sh"))
        {
            Assert.Skip("there is no /dev/full or sh here");
        }

        var (exitCode, said, _) = await Repository.RunAsync(
            Path.GetTempPath(), "sh", "-c", $"dotnet '{typeof(App).Assembly.Location}' simulate --peers 2 --size 1MiB --json >/dev/full 2>/dev/full; echo $?");
        Assert.Equal((0, "3"), (exitCode, said.Trim()));
    }

    [Theory]
    [InlineData("flash-crowd.json", "swarm,random,least-uploaded")]
    [InlineData("cluster-rollout.json", "swarm,random,least-uploaded")]
    [InlineData("home-uplinks.json", "swarm,random,least-uploaded")]
    [InlineData("churn.json", "swarm")]
    [InlineData("free-riders.json", "swarm")]
    [InlineData("two-data-centres.json", "swarm")]
    public async Task Each_example_runs_in_small(string example, string policies)
    {
        var run = await Command.RunAsync(
            "simulate", Path.Combine(Examples, example), "--peers", "12", "--size", "64MiB", "--piece-length", "1MiB", "--block-length", "256KiB", "--policy", policies);
        Assert.True(run.ExitCode == 0, string.Join(Environment.NewLine, run.Error.Lines));
        Assert.DoesNotContain("NOT COMPLETE", string.Join(Environment.NewLine, run.Out.Lines));
    }

    [Fact]
    public async Task Ctrl_C_prints_what_there_is()
    {
        using var stop = new CancellationTokenSource();
        var run = await RunAsync(
            "--peers 10 --seeds 5 --jobs 1",
            (scenario, progress) =>
            {
                if (scenario.Seed == 3)
                {
                    stop.Cancel();
                }

                return FluidSimulator.Run(scenario, progress);
            },
            stop.Token);
        Assert.Equal(130, run.ExitCode);
        Assert.Equal(4, run.Out.Lines.Length);
        Assert.StartsWith("flash crowd (broken off)", run.Out.Lines[3], StringComparison.Ordinal);
        Assert.Contains("5/10", run.Out.Lines[3], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_run_that_fails_ends_the_others()
    {
        var began = 0;
        var run = RunAsync("--peers 10 --seeds 100 --jobs 2", (scenario, progress) =>
            Interlocked.Increment(ref began) == 5 ? throw new InvalidOperationException("a slot has two owners") : FluidSimulator.Run(scenario, progress));
        Assert.Equal("a slot has two owners", (await Assert.ThrowsAsync<InvalidOperationException>(() => run)).Message);
        Assert.InRange(began, 5, 99);
    }

    public static TheoryData<string, string> Wrong => new()
    {
        { "simulate /nonexistent.json", "there is no file '/nonexistent.json'" },
        { "simulate /tmp", "'/tmp' is a folder, not a scenario" },
        { "simulate --peers 0", "--peers: '0' is not a number above 0 (see 'shoal simulate --help')" },
        { "simulate --up fast", """--up: 'fast' is not a rate such as "100Mbit", "1Gbit" or "500MB/s" (see 'shoal simulate --help')""" },
        { "simulate --size 5Mb", """--size: '5Mb' is not a size such as "256KiB", "10GiB" or "3GB" (see 'shoal simulate --help')""" },
        { "simulate --latency 5", """--latency: '5' is not a time such as "5ms", "10s", "2min" or "1h" (see 'shoal simulate --help')""" },
        { "simulate --policy swarm,fair", "--policy: 'fair' is none of swarm, random, least-requested, least-uploaded, tracker-polled (see 'shoal simulate --help')" },
        { "simulate --policy swarm,swarm", "--policy: 'swarm,swarm' has one of them twice (see 'shoal simulate --help')" },
        { "simulate --piece-length 1GiB", "--piece-length: '1GiB' is not from 1 byte to 256MiB (see 'shoal simulate --help')" },
        { "simulate --size 10GiB --piece-length 16KiB", "the options' flash crowd: pieceLength: 16,384 bytes cut 10,737,418,240 into 655,360 pieces; at most 65,536 are simulated" },
        { "simulate --peers 300000 --size 1MiB", "the options' flash crowd: classes[1].count: 300,000 is above 200,000, the most there may be" },
        { "simulate --seeds 10001", "that would be 10001 runs; at most 10000 are made" },
        { "simulate --compare", "--compare: there is one variant only; name several, as with --policy swarm,random or --piece-length 256KiB,1MiB" },
        { "simulate --csv /tmp/one --plot /tmp/../tmp/one", "'/tmp/../tmp/one' cannot be written: --csv writes there" },
        { $"simulate {Path.Combine(Examples, "churn.json")} --plot {Path.Combine(Examples, "churn.json")}", $"'{Path.Combine(Examples, "churn.json")}' cannot be written: it is the scenario" },
        { "simulate --plot /nonexistent/x.svg", "'/nonexistent/x.svg' cannot be written: there is no such folder" },
        { "simulate --csv /tmp", "'/tmp' cannot be written: it is a folder" },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public async Task What_is_wrong_is_one_line_before_anything_runs(string commandLine, string said)
    {
        var run = await Command.RunAsync(commandLine.Split(' '));
        Assert.Equal([$"shoal: {said}"], run.Error.Lines);
        Assert.Empty(run.Out.Lines);
        Assert.Equal(2, run.ExitCode);
    }

    [Fact]
    public async Task A_wrong_scenario_is_told_with_its_file_and_place()
    {
        using var place = new Workplace();
        var file = Path.Combine(place.Root, "crowd.json");
        await File.WriteAllTextAsync(file, """{ "size": "1GiB", "classes": [{ "name": "s", "seeder": true, "up": "fast" }] }""");
        var run = await Command.RunAsync("simulate", file);
        Assert.Equal(["""shoal: crowd.json: classes[0].up: 'fast' is not a rate such as "100Mbit", "1Gbit" or "500MB/s" """.TrimEnd()], run.Error.Lines);
        Assert.Equal(2, run.ExitCode);
    }

    private static SimulatePlan Plan(string options)
    {
        var parse = SimulateCommand.Create().Parse(options.Split(' '));
        Assert.Empty(parse.Errors);
        return SimulatePlan.Of(parse, options.Contains("--compare", StringComparison.Ordinal));
    }

    private static async Task<Run> RunAsync(string options, Simulate? simulate = null, CancellationToken stop = default)
    {
        var run = new Run();
        var parse = SimulateCommand.Create().Parse(options.Split(' '));
        Assert.Empty(parse.Errors);
        var invocation = new Invocation(parse, new Surface(run.Out, run.Error, IsTerminal: false), stop);
        run.ExitCode = await SimulateCommand.RunAsync(invocation, simulate ?? FluidSimulator.Run);
        return run;
    }
}
