using System.Diagnostics;
using System.Runtime.Versioning;

namespace Shoal.Mpi.Tests;

/// <summary>`shoal mpi copy` under a real mpirun: what arrives, how often it is read, and that nothing is moved twice.</summary>
[SupportedOSPlatform("linux")]
public sealed class CopyTests
{
    private const int MiB = 1 << 20;

    public static TheoryData<string> Both => Launcher.Both;

    [Theory]
    [MemberData(nameof(Both))]
    public async Task Files_and_folders_arrive_whole_with_their_times_and_modes(string mpi)
    {
        using var place = new CopyPlace();
        place.Write("tree/a/big", 5 * MiB + 17, seed: 1);
        place.Write("tree/a/b/small", 3, seed: 2);
        place.Write("tree/empty-file", 0);
        place.Write("lone.bin", 2 * MiB, seed: 3);
        Directory.CreateDirectory(place.At("tree/empty"));
        File.CreateSymbolicLink(place.At("tree/link"), "a/b/small");
        File.SetUnixFileMode(place.At("tree/a/b/small"), UnixFileMode.UserRead | UnixFileMode.UserExecute);
        File.SetUnixFileMode(place.At("tree/a/b"), UnixFileMode.UserRead | UnixFileMode.UserExecute);
        foreach (var path in (string[])["tree/a/b/small", "tree/a/b", "tree/empty", "tree/empty-file", "tree"])
        {
            Touch(place.At(path), "2003-04-05 06:07:08.123456789");
        }

        var result = await place.CopyAsync(mpi, 3, "tree", "lone.bin", place.Destinations);

        Assert.True(result.ExitCode == 0, result.ToString());
        for (var rank = 0; rank < 3; rank++)
        {
            Assert.Equal(List(place.At("tree")), List(place.To(rank, "tree")));
            CopyPlace.AssertSame(place.At("tree/a/big"), place.To(rank, "tree/a/big"));
            CopyPlace.AssertSame(place.At("lone.bin"), place.To(rank, "lone.bin"));
            Assert.Equal(["lone.bin", "tree"], Directory.EnumerateFileSystemEntries(place.To(rank, "")).Select(Path.GetFileName).Order());
        }
    }

    [Theory]
    [MemberData(nameof(Both))]
    public async Task Each_byte_is_read_once_by_no_more_ranks_than_asked_for(string mpi)
    {
        using var place = new CopyPlace();
        place.Write("data", 20 * MiB);

        var result = await place.CopyAsync(mpi, 5, "data", place.Destinations, "--readers", "2", "--json");

        Assert.True(result.ExitCode == 0, result.ToString());
        var read = CopyPlace.Each(result, "readBytes");
        Assert.Equal((2, 20L * MiB), (read.Count(bytes => bytes > 0), read.Sum()));
        Assert.Equal(4 * 20L * MiB, CopyPlace.Each(result, "fetchedBytes").Sum());
    }

    [Theory]
    [MemberData(nameof(Both))]
    public async Task Ranks_that_share_the_destination_make_one_copy(string mpi)
    {
        using var place = new CopyPlace();
        place.Write("data", 3 * MiB);

        var result = await place.CopyAsync(mpi, 4, "data", place.At("shared"), "--json");

        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Equal(1, CopyPlace.Last(result).GetProperty("copies").GetInt32());
        CopyPlace.AssertSame(place.At("data"), place.At("shared/data"));
    }

    [Theory]
    [MemberData(nameof(Both))]
    public async Task What_is_there_and_right_is_not_moved_again(string mpi)
    {
        using var place = new CopyPlace();
        place.Write("data", 10 * MiB);
        Assert.Equal(0, (await place.CopyAsync(mpi, 2, "data", place.Destinations)).ExitCode);

        var second = await place.CopyAsync(mpi, 3, "data", place.Destinations, "--json");
        Assert.True(second.ExitCode == 0, second.ToString());
        Assert.Equal([0, 0], CopyPlace.Each(second, "fetchedBytes")[..2]);

        var third = await place.CopyAsync(mpi, 3, "data", place.Destinations, "--json");
        Assert.Equal(0, CopyPlace.Last(third).GetProperty("movedBytes").GetInt64());

        using (var file = File.OpenWrite(place.To(2, "data")))
        {
            file.Position = 4 * MiB + 5;
            file.Write("other"u8);
        }

        var fourth = await place.CopyAsync(mpi, 3, "data", place.Destinations, "--readers", "1", "--json");
        Assert.True(fourth.ExitCode == 0, fourth.ToString());
        Assert.Equal([0, 0, MiB], CopyPlace.Each(fourth, "fetchedBytes"));
        CopyPlace.AssertSame(place.At("data"), place.To(2, "data"));
    }

    [Theory]
    [MemberData(nameof(Both))]
    public async Task A_file_that_was_changed_under_its_old_time_is_found_with_check(string mpi)
    {
        using var place = new CopyPlace();
        place.Write("data", 3 * MiB);
        Assert.Equal(0, (await place.CopyAsync(mpi, 2, "data", place.Destinations)).ExitCode);
        var time = File.GetLastWriteTimeUtc(place.At("data"));
        var bytes = File.ReadAllBytes(place.To(1, "data"));
        bytes[MiB]++;
        File.WriteAllBytes(place.To(1, "data"), bytes);
        File.SetLastWriteTimeUtc(place.To(1, "data"), time);

        var result = await place.CopyAsync(mpi, 2, "data", place.Destinations, "--check", "--json");

        Assert.True(result.ExitCode == 0, result.ToString());
        CopyPlace.AssertSame(place.At("data"), place.To(1, "data"));
    }

    [Theory]
    [MemberData(nameof(Both))]
    public async Task On_many_nodes_a_ring_with_chords_brings_everything(string mpi)
    {
        Launcher.Require(mpi);
        using var place = new CopyPlace();
        place.Write("data", 10 * MiB);
        var program = Path.Combine(AppContext.BaseDirectory, "ManyNodes.dll");

        var result = await Launcher.RunProgramAsync(
            [.. Launcher.Mpirun(mpi), "-np", "12", "dotnet", program, "data", place.Destinations, "4"], place.Root);

        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.All(Enumerable.Range(0, 12), rank => CopyPlace.AssertSame(place.At("data"), place.To(rank, "data")));
    }

    [Theory]
    [MemberData(nameof(Both))]
    public async Task Where_mpirun_writes_to_a_terminal_a_bar_is_drawn_there(string mpi)
    {
        Launcher.Require(mpi);
        using var place = new CopyPlace();
        place.Write("data", 250 * MiB);
        var command = string.Join(' ', [.. Launcher.Mpirun(mpi), "-np", "3", Launcher.Program, "mpi", "copy", "data", $"'{place.Destinations}'"]);

        // Gives mpirun a terminal, and copies to stdout what comes out of it.
        var result = await Launcher.RunProgramAsync(
            ["script", "-qec", command, "/dev/null"], place.Root, new Dictionary<string, string?>(StringComparer.Ordinal) { ["TERM"] = "xterm" });

        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Matches("Copying (\u001b\\[[0-9;]*m)?[━─]", result.Output);
        Assert.Contains("\u001b[2A\u001b[J", result.Output, StringComparison.Ordinal); // drawn anew in its place
        Assert.Contains("3 of 3 copies whole", result.Output, StringComparison.Ordinal);
    }

    private static void Touch(string path, string time)
    {
        using var touch = Process.Start("touch", ["-h", "-d", time, path]);
        touch.WaitForExit();
    }

    // Everything below the folder: kind, mode, length of files, nanoseconds, name, where links lead.
    private static string List(string folder)
    {
        using var find = Process.Start(new ProcessStartInfo("find", [".", "-type", "f", "-printf", "f %m %s %T@ %p\n", "-o", "-type", "l", "-printf", "l %p %l\n", "-o", "-type", "d", "-printf", "d %m %T@ %p\n"])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            WorkingDirectory = folder,
        })!;
        return string.Join('\n', find.StandardOutput.ReadToEnd().Split('\n').Order(StringComparer.Ordinal));
    }
}
