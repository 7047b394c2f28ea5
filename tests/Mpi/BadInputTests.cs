namespace Shoal.Mpi.Tests;

/// <summary>Jobs of <c>shoal mpi run</c> that cannot end well: told clearly, on every rank, without a hang.</summary>
public class BadInputTests
{
    [Theory]
    [MemberData(nameof(Launcher.Both), MemberType = typeof(Launcher))]
    public async Task A_file_that_nobody_has_is_named_and_all_else_comes(string mpi)
    {
        using var job = new Job().Owns(1, "a", 12).Wants(2, "ghost", "a").Wants(3, "a").Wants(1, "ghost");
        var result = await job.RunAsync(mpi);
        Assert.Equal(1, result.ExitCode);
        Assert.Equal(
            ["shoal: rank 1 wants 'ghost', which no rank has", "shoal: rank 2 wants 'ghost', which no rank has"],
            result.Complaints.Where(line => line.Contains("ghost", StringComparison.Ordinal)));
        Assert.Empty(job.WhatIsWrong(null, "ghost"));
    }

    [Theory]
    [MemberData(nameof(Launcher.Both), MemberType = typeof(Launcher))]
    public async Task A_missing_input_ends_the_job_before_it_begins(string mpi)
    {
        using var job = new Job().Owns(1, "a", 2).Wants(2, "a");
        await job.RunAsync(mpi);
        File.Delete(Path.Combine(job.Folder, "client2_a"));
        var result = await job.RunAsItIsAsync(mpi, 4);
        Refused(job, result, $"shoal: {job.InputOf(3)}: there is no such file, and rank 3 needs it");
    }

    [Theory]
    [MemberData(nameof(Launcher.Both), MemberType = typeof(Launcher))]
    public async Task Fewer_lines_than_promised_are_an_error_with_file_and_line(string mpi)
    {
        using var job = new Job();
        File.WriteAllText(job.InputOf(1), "1\na 3\nx\ny\n");
        File.WriteAllText(job.InputOf(2), "0\n1\na\n");
        Refused(job, await job.RunAsItIsAsync(mpi, 3), $"shoal: {job.InputOf(1)}:4: 'a' (line 2) promises 3 hashes, and the file ends after 2");
    }

    [Theory]
    [MemberData(nameof(Launcher.Both), MemberType = typeof(Launcher))]
    public async Task Surplus_lines_are_a_warning_and_ignored(string mpi)
    {
        using var job = new Job();
        File.WriteAllText(job.InputOf(1), "1\na 2\nx\ny\n0\nmore\nand more\n");
        File.WriteAllText(job.InputOf(2), "0\r\n1\r\na\r\n\r\n");
        var result = await job.RunAsItIsAsync(mpi, 3);
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Contains($"shoal: Warning: {job.InputOf(1)}:6: all from here on is more than the counts say, and ignored", result.Complaints);
        Assert.Equal("x\ny\n", File.ReadAllText(Path.Combine(job.Folder, "client2_a")));
    }

    [Theory]
    [MemberData(nameof(Launcher.Both), MemberType = typeof(Launcher))]
    public async Task Two_owners_of_different_files_with_one_name_are_both_named(string mpi)
    {
        using var job = new Job().Owns(1, "a", "x", "y").Owns(2, "a", "x", "z").Owns(3, "a", "x").Wants(3, "b");
        Refused(
            job,
            await job.RunAsync(mpi),
            "shoal: ranks 1 and 2 both own 'a', but with different hashes of segment 2",
            "shoal: ranks 1 and 3 both own 'a', but with 2 and 1 segments");
    }

    private static void Refused(Job job, MpiResult result, params string[] complaints)
    {
        Assert.True(result.ExitCode == 2, result.ToString());
        Assert.Equal(complaints, result.Complaints);
        Assert.Empty(Directory.GetFiles(job.Folder, "client*"));
    }
}
