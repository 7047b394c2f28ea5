using System.Runtime.Versioning;
using System.Text.Json.Nodes;

namespace Shoal.Mpi.Tests;

/// <summary>
/// The standard ABI of MPI 5, by a library that has it (standard-abi.c): our constants and the layout of a status are the standard's,
/// and <c>libmpi_abi.so.0</c> is taken before others where it is installed.
/// </summary>
[SupportedOSPlatform("linux")]
public sealed class StandardAbiTests
{
    public static TheoryData<string> Both => Launcher.Both;

    [Theory]
    [MemberData(nameof(Both))]
    public async Task A_copy_runs_over_it(string mpi)
    {
        using var place = new CopyPlace();
        var environment = await InstallAsync(mpi, place.Root);
        place.Write("data", 20_000_000);

        var result = await Launcher.RunAsync(mpi, 3, ["mpi", "copy", "data", place.Destinations], place.Root, environment);

        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.All(Enumerable.Range(0, 3), rank => CopyPlace.AssertSame(place.At("data"), place.To(rank, "data")));
    }

    [Theory]
    [MemberData(nameof(Both))]
    public async Task A_job_runs_over_it(string mpi)
    {
        using var place = new CopyPlace();
        using var job = new Job().Owns(1, "genome", 200).Owns(2, "weights", 30).Wants(2, "genome").Wants(3, "genome", "weights");
        var environment = await InstallAsync(mpi, place.Root);
        job.WriteInputs();

        var result = await Launcher.RunAsync(mpi, 4, ["mpi", "run", job.Folder, "--report", "--json"], place.Root, environment);

        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.StartsWith("Standard ABI over ", (string?)JsonNode.Parse(result.Output)!["library"]);
        Assert.Empty(job.WhatIsWrong());
    }

    /// <summary>Compiles the library into the folder; the variables that make it found there as an installed one is.</summary>
    private static async Task<Dictionary<string, string?>> InstallAsync(string mpi, string folder)
    {
        Launcher.Require(mpi);
        Assert.SkipUnless(Launcher.Find($"mpicc.{mpi}") is not null, $"there is no mpicc.{mpi} here (Debian: apt install lib{mpi}-dev)");
        var made = await Launcher.RunProgramAsync(
            [$"mpicc.{mpi}", "-O1", "-shared", "-fPIC", "-o", "libmpi_abi.so.0", Path.Combine(AppContext.BaseDirectory, "standard-abi.c")], folder);
        Assert.SkipUnless(made.ExitCode == 0, $"the headers of {mpi} are not here, or no compiler (Debian: apt install gcc lib{mpi}-dev)");
        var path = Environment.GetEnvironmentVariable("LD_LIBRARY_PATH");
        return new(StringComparer.Ordinal) { ["LD_LIBRARY_PATH"] = string.IsNullOrEmpty(path) ? folder : $"{folder}:{path}" };
    }
}
