using System.Text.Json.Nodes;

namespace Shoal.Mpi.Tests;

/// <summary>Jobs of <c>shoal mpi run</c> that end well, under both MPIs.</summary>
public class RunTests
{
    public static TheoryData<string, string> Policies => new(
        from mpi in new[] { Launcher.OpenMpi, Launcher.Mpich }
        from policy in new[] { "random", "least-requested", "least-uploaded", "tracker-polled", "swarm" }
        select (mpi, policy));

    [Theory]
    [MemberData(nameof(Policies))]
    public async Task Every_policy_brings_every_wanted_file(string mpi, string policy)
    {
        using var job = new Job().Owns(1, "a", 37).Owns(1, "b", 1).Owns(2, "c", 25).Owns(3, "a", 37)
            .Wants(1, "c").Wants(2, "a", "b").Wants(3, "b", "c").Wants(4, "a", "b", "c").Wants(5, "a", "c");
        var result = await job.RunAsync(mpi, "--balance", policy, "--report", "--json");
        RequireWell(job, result);
        var report = JsonNode.Parse(result.Output)!.AsObject();
        Assert.Equal("mpi-run", (string?)report["event"]);
        Assert.Equal(policy, (string?)report["balance"]);
        var ranks = report["ranks"]!.AsArray();
        Assert.Equal([1, 2, 3, 4, 5], ranks.Select(rank => (int)rank!["rank"]!));
        Assert.Equal([25, 38, 26, 63, 62], ranks.Select(rank => (int)rank!["downloadedSegments"]!));
        Assert.True(ranks.Sum(rank => (int)rank!["uploadedSegments"]!) >= 214, result.ToString());
        Assert.InRange((double)report["fairness"]!, 0.2, 1);
        var payloads = (int)report["messages"]!["payload"]!["count"]!;
        Assert.True(policy == "swarm" ? payloads >= 214 : payloads == 214, result.ToString());
        Assert.True((int)report["messages"]!["tracker-request"]!["count"]! > 0, result.ToString());
    }

    [Theory]
    [MemberData(nameof(Launcher.Both), MemberType = typeof(Launcher))]
    public async Task The_report_is_a_table_and_the_terminal_is_left_alone(string mpi)
    {
        using var job = new Job().Owns(1, "a", 5).Wants(2, "a");
        var result = await job.RunAsync(mpi, "--report");
        RequireWell(job, result);
        Assert.Contains("rank  owns  wants  got  uploaded  downloaded  requests  NACKs", result.Output);
        Assert.Contains("Jain's index", result.Output);
        Assert.Contains("Messages: control", result.Output);
        Assert.Contains(mpi == Launcher.OpenMpi ? "Open MPI" : "MPICH", result.Output);
        Assert.DoesNotContain('\u001b', result.Output + result.Error);
    }

    [Theory]
    [MemberData(nameof(Launcher.Both), MemberType = typeof(Launcher))]
    public async Task Ranks_may_own_nothing_want_nothing_or_neither(string mpi)
    {
        using var job = new Job().Owns(1, "a", 12).Wants(2, "a").Peer(3).Owns(4, "nobodys", 3);
        RequireWell(job, await job.RunAsync(mpi));
    }

    [Theory]
    [MemberData(nameof(Launcher.Both), MemberType = typeof(Launcher))]
    public async Task A_file_of_its_own_is_given_to_a_rank_that_wants_it(string mpi)
    {
        using var job = new Job().Owns(1, "only", 7).Wants(1, "only").Owns(2, "two", 4).Owns(3, "two", 4).Wants(3, "two").Wants(2, "only");
        RequireWell(job, await job.RunAsync(mpi));
    }

    [Theory]
    [MemberData(nameof(Launcher.Both), MemberType = typeof(Launcher))]
    public async Task A_name_may_look_like_that_of_another_files_half(string mpi)
    {
        using var job = new Job().Owns(1, "a", 3000).Owns(1, "a.part", 1).Wants(2, "a.part", "a");
        RequireWell(job, await job.RunAsync(mpi));
    }

    [Theory]
    [MemberData(nameof(Launcher.Both), MemberType = typeof(Launcher))]
    public async Task A_result_that_cannot_be_written_is_named_and_all_others_come(string mpi)
    {
        using var job = new Job().Owns(1, "a", 5).Owns(1, "b", 5).Wants(2, "a", "b").Wants(3, "a");
        Directory.CreateDirectory(Path.Combine(job.Folder, "client2_a"));
        var result = await job.RunAsync(mpi);
        Assert.True(result.ExitCode == 1, result.ToString());
        Assert.StartsWith($"shoal: rank 2: cannot write '{job.Folder}/client2_a': ", Assert.Single(result.Complaints), StringComparison.Ordinal);
        Assert.Equal([$"{job.Folder}/client2_a is missing"], job.WhatIsWrong());
        Assert.Empty(Directory.GetFiles(job.Folder, ".*"));
    }

    [Theory]
    [MemberData(nameof(Launcher.Both), MemberType = typeof(Launcher))]
    public async Task The_same_hash_may_be_in_two_files_and_twice_in_one(string mpi)
    {
        using var job = new Job().Owns(1, "a", "x", "y", "x", "x").Owns(2, "b", "y", "x").Wants(3, "a", "b").Wants(1, "b").Wants(2, "a");
        RequireWell(job, await job.RunAsync(mpi));
    }

    [Theory]
    [MemberData(nameof(Launcher.Both), MemberType = typeof(Launcher))]
    public async Task Files_may_have_one_segment_or_none(string mpi)
    {
        using var job = new Job().Owns(1, "one", 1).Owns(1, "none", 0).Wants(2, "none", "one").Wants(3, "one", "none").Wants(1, "none");
        RequireWell(job, await job.RunAsync(mpi));
    }

    [Theory]
    [MemberData(nameof(Launcher.Both), MemberType = typeof(Launcher))]
    public async Task Names_and_counts_may_be_far_beyond_those_of_the_original_systems(string mpi)
    {
        using var job = new Job().Owns(1, new string('n', 200), 3000).Wants(2, new string('n', 200));
        for (var i = 0; i < 40; i++)
        {
            job.Owns(1 + (i % 2), $"file{i}", i * 5).Wants(2 - (i % 2), $"file{i}");
        }

        RequireWell(job, await job.RunAsync(mpi));
    }

    [Theory]
    [MemberData(nameof(Launcher.Both), MemberType = typeof(Launcher))]
    public async Task A_job_of_one_rank_has_nothing_to_do(string mpi)
    {
        using var job = new Job();
        RequireWell(job, await job.RunAsItIsAsync(mpi, 1, "--report"));
    }

    [Theory]
    [MemberData(nameof(Launcher.Both), MemberType = typeof(Launcher))]
    public async Task A_job_of_two_ranks_has_one_peer(string mpi)
    {
        using var job = new Job().Owns(1, "a", 3).Wants(1, "a");
        RequireWell(job, await job.RunAsync(mpi));
    }

    [Theory]
    [MemberData(nameof(Launcher.Both), MemberType = typeof(Launcher))]
    public async Task Results_go_where_out_says_and_the_working_directory_is_the_default_input(string mpi)
    {
        using var job = new Job().Owns(1, "a", 3).Wants(2, "a");
        await job.RunAsync(mpi);
        File.Delete(Path.Combine(job.Folder, "client2_a"));
        var output = Path.Combine(job.Folder, "results", "here");
        var result = await Launcher.RunAsync(mpi, 3, ["mpi", "run", "--out", output], job.Folder);
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Empty(job.WhatIsWrong(output));
        Assert.Empty(Directory.GetFiles(job.Folder, "client*"));
    }

    [Theory]
    [MemberData(nameof(Launcher.Both), MemberType = typeof(Launcher))]
    public async Task A_trace_has_every_message_as_a_line(string mpi)
    {
        using var job = new Job().Owns(1, "a", 12).Wants(2, "a").Wants(3, "a");
        var trace = Path.Combine(job.Folder, "trace.jsonl");
        var result = await job.RunAsync(mpi, "--trace", trace, "--report", "--json");
        RequireWell(job, result);
        var lines = File.ReadAllLines(trace).Select(line => JsonNode.Parse(line)!.AsObject()).ToArray();
        Assert.All(lines, line => Assert.Equal(["time", "from", "to", "tag", "kind", "fields"], line.Select(pair => pair.Key)));
        var times = lines.Select(line => (double)line["time"]!).ToArray();
        Assert.Equal(times.Order(), times);
        var messages = JsonNode.Parse(result.Output)!["messages"]!.AsObject();
        Assert.Equal(messages.Sum(pair => (int)pair.Value!["count"]!), lines.Length);
        Assert.Equal(24, lines.Count(line => (string?)line["kind"] == "payload"));
        Assert.Contains(lines, line => (string?)line["kind"] == "request" && (string?)line["fields"]!["file"] == "a");
    }

    internal static void RequireWell(Job job, MpiResult result)
    {
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.True(job.WhatIsWrong().Count == 0, string.Join('\n', job.WhatIsWrong().Append(result.ToString())));
    }
}
