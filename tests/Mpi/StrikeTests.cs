using System.Globalization;
using System.Runtime.Versioning;
using System.Text.Json.Nodes;

namespace Shoal.Mpi.Tests;

/// <summary>
/// Jobs that are interrupted, or lose a rank, in the midst of it: every process ends, nothing half done has a final name, and the
/// next run goes on from what there is. That all processes ended is known by their stdout and stderr, which the launcher reads to the end.
/// </summary>
[SupportedOSPlatform("linux")]
public sealed class StrikeTests
{
    private const int MiB = 1 << 20;
    private const int Ranks = 4;

    // A signal to mpirun, or the death of a rank: each is tried with each MPI, but not with each command.
    public static TheoryData<string, string> OfData => Of("interrupt", "kill 2");

    public static TheoryData<string, string> OfTexts => Of("terminate", "kill 0");

    public static TheoryData<string, string> OfCopies => Of("interrupt", "terminate", "kill 1");

    [Theory]
    [MemberData(nameof(OfData))]
    public async Task A_run_of_real_files_goes_on_where_it_was(string mpi, string strike)
    {
        using var place = new CopyPlace();
        place.Write("1/data", 80 * MiB);
        File.WriteAllText(place.At("in1.txt"), "1\ndata auto\n0\n");
        File.WriteAllText(place.At("in2.txt"), "0\n1\ndata\n");
        File.WriteAllText(place.At("in3.txt"), "0\n1\ndata\n");
        string[] command = ["mpi", "run", place.Root, "--data", "--segment", "4KiB", "--report", "--json"];

        var struck = await Launcher.StrikeAsync(
            mpi, Ranks, command, place.Root,
            () => CopyPlace.BytesIn(place.At("2/.data.shoal-part")) > 10 * MiB && CopyPlace.BytesIn(place.At("3/.data.shoal-part")) > 10 * MiB,
            Striker(place, strike));
        Assert.NotEqual(0, struck.ExitCode);
        AssertWholeOrNotThere(place.At("1/data"), [2, 3], rank => place.At($"{rank}/data"));

        var result = await Launcher.RunAsync(mpi, Ranks, command);
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.All([2, 3], rank => CopyPlace.AssertSame(place.At("1/data"), place.At($"{rank}/data")));
        Assert.All([1, 2], peer => Assert.InRange((int)JsonNode.Parse(result.Output)!["ranks"]![peer]!["downloadedSegments"]!, 0, 20480 - 1000));
    }

    [Theory]
    [MemberData(nameof(OfTexts))]
    public async Task A_run_of_hash_texts_leaves_whole_results_or_none(string mpi, string strike)
    {
        using var job = new Job();
        for (var i = 0; i < 32; i++)
        {
            job.Owns(1, $"file{i}", 2000).Wants(2, $"file{i}").Wants(3, $"file{i}");
        }

        job.WriteInputs();
        using var place = new CopyPlace();
        string[] Results() => Directory.GetFiles(job.Folder, "client*");

        var struck = await Launcher.StrikeAsync(mpi, Ranks, ["mpi", "run", job.Folder], place.Root, () => Results().Length > 0, Striker(place, strike));

        Assert.NotEqual(0, struck.ExitCode);
        Assert.All(Results(), path => Assert.DoesNotContain($"{path} is wrong", job.WhatIsWrong()));
        RunTests.RequireWell(job, await job.RunAsync(mpi));
    }

    [Theory]
    [MemberData(nameof(OfCopies))]
    public async Task A_copy_goes_on_where_it_was(string mpi, string strike)
    {
        using var place = new CopyPlace();
        string[] command = ["mpi", "copy", "data", place.Destinations, "--readers", "1", "--json"];

        // What is over before it could be struck is begun again with twice as much.
        var length = 200 * MiB;
        place.Write("data", length);
        MpiResult? struck;
        while ((struck = await Launcher.TryStrikeAsync(
            mpi, 3, command, place.Root,
            () => Enumerable.Range(0, 3).All(rank => CopyPlace.BytesIn(place.To(rank, ".shoal-part")) > 25 * MiB),
            Striker(place, strike))) is null || (struck.ExitCode == 0 && DoneCopies(struck) == 3))
        {
            Assert.InRange(length *= 2, 0, 2000 * MiB);
            Array.ForEach([0, 1, 2], rank => Directory.Delete(place.To(rank, "."), recursive: true));
            place.Write("data", length);
        }

        // After a signal the launcher of MPICH may end with 0 whatever its ranks end with (docs/mpi-copy.md): what they say counts.
        Assert.True(struck.ExitCode != 0 || mpi == Launcher.Mpich, struck.ToString());
        AssertWholeOrNotThere(place.At("data"), [0, 1, 2], rank => place.To(rank, "data"));

        var result = await place.CopyAsync(mpi, 3, command[2..]);
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.All(Enumerable.Range(0, 3), rank => CopyPlace.AssertSame(place.At("data"), place.To(rank, "data")));
        Assert.All(CopyPlace.Each(result, "fetchedBytes"), bytes => Assert.InRange(bytes, 0, length - (20 * MiB)));
    }

    private static TheoryData<string, string> Of(params string[] strikes) =>
        new(from mpi in new[] { Launcher.OpenMpi, Launcher.Mpich } from strike in strikes select (mpi, strike));

    private static int DoneCopies(MpiResult result) => CopyPlace.Last(result).GetProperty("doneCopies").GetInt32();

    // It may have been faster than the strike.
    private static void AssertWholeOrNotThere(string expected, int[] ranks, Func<int, string> pathOf)
    {
        foreach (var rank in ranks.Where(rank => File.Exists(pathOf(rank))))
        {
            CopyPlace.AssertSame(expected, pathOf(rank));
        }
    }

    private static Action<int> Striker(CopyPlace place, string strike) => mpirun =>
    {
        if (strike == "interrupt")
        {
            Launcher.Signal(mpirun, Launcher.InterruptSignal);
        }
        else if (strike == "terminate")
        {
            Launcher.Signal(mpirun, Launcher.TerminateSignal);
        }
        else
        {
            var rank = File.ReadAllText(place.At($"pid-{strike.Split(' ')[1]}"));
            Launcher.Signal(int.Parse(rank, CultureInfo.InvariantCulture), Launcher.KillSignal);
        }
    };
}
