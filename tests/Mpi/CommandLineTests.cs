namespace Shoal.Mpi.Tests;

/// <summary>Command lines of <c>shoal mpi</c> that are wrong: told once, whatever the number of ranks, and all ranks end.</summary>
public sealed class CommandLineTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("shoal-line-").FullName;

    /// <summary>What is asked for, and what is said to it.</summary>
    public static TheoryData<string, string, string> Wrong => new(
        from mpi in new[] { Launcher.OpenMpi, Launcher.Mpich }
        from line in new (string Arguments, string Complaint)[]
        {
            ("run --balance fair", "--balance: 'fair' is none of swarm, random, least-requested, least-uploaded, tracker-polled (see 'shoal mpi run --help')"),
            ("run --frob", "there is no option '--frob' (a path that begins so is './--frob') (see 'shoal mpi run --help')"),
            ("copy --readers none a b", "--readers: 'none' is not a number above 0 (see 'shoal mpi copy --help')"),
            ("copy a ", "a path is empty (a variable that is not set?) (see 'shoal mpi copy --help')"),
            ("run --trace ", "the path of --trace is empty (a variable that is not set?) (see 'shoal mpi run --help')"),
            ("copy a b --frob", "there is no option '--frob' (a path that begins so is './--frob') (see 'shoal mpi copy --help')"),
        }
        select (mpi, line.Arguments, line.Complaint));

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [MemberData(nameof(Wrong))]
    public async Task A_wrong_command_line_is_told_once(string mpi, string arguments, string complaint)
    {
        var result = await Launcher.RunAsync(mpi, 3, ["mpi", .. arguments.Split(' ')], _folder);
        Assert.True(result.ExitCode == 2, result.ToString());
        Assert.Equal([$"shoal: {complaint}"], result.Complaints);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder));
    }

    [Theory]
    [MemberData(nameof(Launcher.Both), MemberType = typeof(Launcher))]
    public async Task It_is_told_once_even_if_only_one_rank_has_it_wrong(string mpi)
    {
        using var job = new Job();
        var result = await Launcher.RunMixedAsync(mpi, _folder, (2, ["mpi", "run", job.Folder]), (1, ["mpi", "run", job.Folder, "--balance", "fair"]));
        Assert.True(result.ExitCode == 2, result.ToString());
        Assert.StartsWith("shoal: --balance: 'fair' is none of", Assert.Single(result.Complaints), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Launcher.OpenMpi, "run", "rank 1 was started with --balance swarm, and rank 0 with --balance swarm --trace")]
    [InlineData(Launcher.Mpich, "run", "rank 1 was started with --balance swarm, and rank 0 with --balance swarm --trace")]
    [InlineData(Launcher.OpenMpi, "copy", "rank 1 was started with 1 SRC --readers 4, and rank 0 with 1 SRC --readers 2")]
    [InlineData(Launcher.Mpich, "copy", "rank 1 was started with 1 SRC --readers 4, and rank 0 with 1 SRC --readers 2")]
    public async Task Ranks_that_were_started_differently_do_not_begin(string mpi, string command, string complaint)
    {
        using var job = new Job().Owns(1, "a", 3).Wants(2, "a");
        await job.RunAsync(mpi);
        string[] line = command == "run" ? ["mpi", "run", job.Folder] : ["mpi", "copy", job.Folder, Path.Combine(_folder, "to-{rank}")];
        string[] first = command == "run" ? [.. line, "--trace", Path.Combine(_folder, "trace")] : [.. line, "--readers", "2"];
        var result = await Launcher.RunMixedAsync(mpi, _folder, (1, first), (2, line));
        Assert.True(result.ExitCode == 2, result.ToString());
        Assert.Equal([$"shoal: {complaint}: they must be the same on all ranks"], result.Complaints);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder));
    }
}
