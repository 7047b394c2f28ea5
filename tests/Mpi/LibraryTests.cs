using System.Text.Json.Nodes;

namespace Shoal.Mpi.Tests;

/// <summary>
/// Which MPI library is loaded. Each case is a process of its own, since two MPI libraries in one would answer for each other.
/// </summary>
public class LibraryTests
{
    [Theory]
    [MemberData(nameof(Launcher.Both), MemberType = typeof(Launcher))]
    public async Task The_launchers_variable_tells_which(string mpi)
    {
        using var job = new Job().Peer(1);
        var result = await job.RunAsync(mpi, "--report", "--json");
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Contains(NameOf(mpi), (string?)JsonNode.Parse(result.Output)!["library"]);
    }

    [Theory]
    [InlineData(Launcher.OpenMpi, "openmpi")]
    [InlineData(Launcher.Mpich, "mpich")]
    [InlineData(Launcher.OpenMpi, "libmpi.so.40")]
    [InlineData(Launcher.Mpich, "libmpich.so.12")]
    public async Task SHOAL_MPI_tells_which_even_without_a_launcher(string mpi, string wish)
    {
        Launcher.Require(mpi);
        using var job = new Job();
        var result = await AloneAsync(job, wish);
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Contains(NameOf(mpi), (string?)JsonNode.Parse(result.Output)!["library"]);
    }

    [Theory]
    [InlineData("nonsense")]
    [InlineData("/nowhere/libmpi.so")]
    public async Task A_wish_that_is_no_library_is_a_clear_error(string wish)
    {
        using var job = new Job();
        var result = await AloneAsync(job, wish);
        Assert.Equal(3, result.ExitCode);
        Assert.StartsWith($"shoal: SHOAL_MPI={wish} is neither 'openmpi' nor 'mpich' nor a library that can be loaded: {wish}: cannot open shared object file", Assert.Single(result.Complaints));
    }

    [Fact]
    public async Task Where_both_are_installed_and_nothing_tells_which_the_error_names_the_choices()
    {
        Launcher.Require(Launcher.OpenMpi);
        Launcher.Require(Launcher.Mpich);
        using var job = new Job();
        var result = await AloneAsync(job, null);
        Assert.Equal(3, result.ExitCode);
        Assert.Equal(
            ["shoal: both Open MPI and MPICH are installed, and nothing tells which one started this job: set SHOAL_MPI=openmpi or SHOAL_MPI=mpich"],
            result.Complaints);
    }

    [Theory]
    [InlineData(Launcher.OpenMpi, Launcher.Mpich)]
    [InlineData(Launcher.Mpich, Launcher.OpenMpi)]
    public async Task A_library_that_is_not_the_launchers_is_an_error_and_not_many_jobs_of_one_rank(string launcher, string wish)
    {
        Launcher.Require(wish);
        using var job = new Job().Owns(1, "data", 3);
        var result = await Launcher.RunAsync(
            launcher, 2, ["mpi", "run", job.Folder], environment: new Dictionary<string, string?>(StringComparer.Ordinal) { ["SHOAL_MPI"] = wish });
        Assert.Equal(3, result.ExitCode);
        Assert.All(result.Complaints, line => Assert.StartsWith("shoal: 2 processes were started, but the MPI library that was loaded knows nothing of it", line));
        Assert.NotEmpty(result.Complaints);
    }

    private static Task<MpiResult> AloneAsync(Job job, string? wish)
    {
        var environment = new Dictionary<string, string?>(StringComparer.Ordinal);
        if (wish is not null)
        {
            environment.Add("SHOAL_MPI", wish);
        }

        return Launcher.RunProgramAsync([Launcher.Program, "mpi", "run", job.Folder, "--report", "--json"], job.Folder, environment);
    }

    private static string NameOf(string mpi) => mpi == Launcher.OpenMpi ? "Open MPI" : "MPICH";
}
