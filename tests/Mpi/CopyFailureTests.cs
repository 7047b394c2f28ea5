using System.Runtime.Versioning;

namespace Shoal.Mpi.Tests;

/// <summary>`shoal mpi copy` where something is amiss: the others finish, all ranks end, and it is said which lack what.</summary>
[SupportedOSPlatform("linux")]
public sealed class CopyFailureTests
{
    private const int MiB = 1 << 20;

    public static TheoryData<string> Both => Launcher.Both;

    [Theory]
    [MemberData(nameof(Both))]
    public async Task A_rank_whose_disk_is_full_is_named_and_the_others_get_everything(string mpi)
    {
        using var place = new CopyPlace();
        place.Write("data", 100 * MiB);

        // A limit on files stands for a full disk: the second rank reads, the fourth does not.
        var result = await place.CopyAfterAsync(
            mpi, 4, "case $rank in 1|3) trap '' XFSZ; ulimit -f 81920;; esac", "data", place.Destinations, "--readers", "2");

        Assert.True(result.ExitCode == 1, result.ToString());
        Assert.Equal(2, result.Complaints.Count);
        Assert.Matches(@"^shoal: rank 1 \(.*\) lacks 1 file \(data\): cannot write .*: the disk is full$", result.Complaints[0]);
        Assert.Matches(@"^shoal: rank 3 \(.*\) lacks 1 file \(data\): cannot write .*: the disk is full$", result.Complaints[1]);
        Assert.False(File.Exists(place.To(1, "data")));
        Assert.False(File.Exists(place.To(3, "data")));
        CopyPlace.AssertSame(place.At("data"), place.To(0, "data"));
        CopyPlace.AssertSame(place.At("data"), place.To(2, "data"));
    }

    [Theory]
    [MemberData(nameof(Both))]
    public async Task A_destination_that_is_no_folder_keeps_only_its_rank_from_its_copy(string mpi)
    {
        using var place = new CopyPlace();
        place.Write("data", 3 * MiB);
        File.WriteAllText(place.To(1, "").TrimEnd('/'), "in the way");

        var result = await place.CopyAsync(mpi, 3, "data", place.Destinations);

        Assert.True(result.ExitCode == 1, result.ToString());
        Assert.EndsWith("is not a folder", Assert.Single(result.Complaints), StringComparison.Ordinal);
        CopyPlace.AssertSame(place.At("data"), place.To(0, "data"));
        CopyPlace.AssertSame(place.At("data"), place.To(2, "data"));
    }

    [Theory]
    [MemberData(nameof(Both))]
    public async Task What_stands_in_the_way_of_one_file_keeps_no_other_from_its_name(string mpi)
    {
        using var place = new CopyPlace();
        place.Write("data/a", 100_000);
        place.Write("data/b", 100_000, seed: 2);
        place.Write("data/sub/c", 100_000, seed: 3);
        place.Write("to-1/data/a/in the way", 1);

        var result = await place.CopyAsync(mpi, 2, "data", place.Destinations);

        Assert.True(result.ExitCode == 1, result.ToString());
        Assert.Matches(@"^shoal: rank 1 \(.*\) lacks 1 file \(data/a\): cannot give its name to .*/to-1/data/a'", Assert.Single(result.Complaints));
        Assert.All(["b", "sub/c"], file => CopyPlace.AssertSame(place.At($"data/{file}"), place.To(1, $"data/{file}")));
    }

    [Theory]
    [MemberData(nameof(Both))]
    public async Task What_one_reader_cannot_read_another_reads(string mpi)
    {
        using var place = new CopyPlace();
        place.WriteForEach(3, "data", 40 * MiB);
        File.SetUnixFileMode(place.At("1/data"), UnixFileMode.None);

        var result = await place.CopyAfterAsync(mpi, 3, Unreadable(1), "data", place.Destinations, "--readers", "2", "--json");

        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.All([0, 1, 2], rank => CopyPlace.AssertSame(place.At("0/data"), place.To(rank, "data")));
        Assert.Equal([40L * MiB, 0, 0], CopyPlace.Each(result, "readBytes"));
    }

    [Theory]
    [MemberData(nameof(Both))]
    public async Task A_reader_that_has_everything_and_cannot_read_its_source_keeps_what_it_has(string mpi)
    {
        using var place = new CopyPlace();
        place.WriteForEach(3, "data", 40 * MiB);
        Assert.Equal(0, (await place.CopyAfterAsync(mpi, 3, "cd $rank", "data", place.Destinations)).ExitCode);
        File.Delete(place.To(2, "data"));
        File.SetUnixFileMode(place.At("0/data"), UnixFileMode.None);

        var result = await place.CopyAfterAsync(mpi, 3, Unreadable(0), "data", place.Destinations, "--readers", "2", "--json");

        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.All([0, 1, 2], rank => CopyPlace.AssertSame(place.At("1/data"), place.To(rank, "data")));
        Assert.Equal([0, 40L * MiB, 0], CopyPlace.Each(result, "readBytes"));
        Assert.Equal([0, 0, 40L * MiB], CopyPlace.Each(result, "fetchedBytes"));
    }

    [Theory]
    [MemberData(nameof(Both))]
    public async Task What_no_reader_can_read_is_named_and_all_else_arrives(string mpi)
    {
        using var place = new CopyPlace();
        place.WriteForEach(3, "folder/bad", 20 * MiB);
        place.WriteForEach(3, "folder/good", 20 * MiB);
        Assert.All([0, 1, 2], rank => File.SetUnixFileMode(place.At($"{rank}/folder/bad"), UnixFileMode.None));

        var result = await place.CopyAfterAsync(mpi, 3, Unreadable(0, 1, 2), "folder", place.Destinations, "--readers", "2");

        Assert.True(result.ExitCode == 1, result.ToString());
        Assert.All(result.Complaints, line => Assert.Matches("lacks 1 file \\(folder/bad\\): .*/folder/bad.*[Pp]ermission", line));
        Assert.Equal(3, result.Complaints.Count);
        Assert.All([0, 1, 2], rank => CopyPlace.AssertSame(place.At("0/folder/good"), place.To(rank, "folder/good")));
    }

    [Theory]
    [MemberData(nameof(Both))]
    public async Task What_a_rank_has_already_and_no_reader_can_read_holds_nobody_up(string mpi)
    {
        using var place = new CopyPlace();
        place.WriteForEach(3, "folder/bad", 40 * MiB);
        Assert.Equal(0, (await place.CopyAfterAsync(mpi, 3, "cd $rank", "folder", place.Destinations)).ExitCode);
        place.WriteForEach(3, "folder/good", 20 * MiB);
        Directory.Delete(place.To(2, "folder"), recursive: true);
        Assert.All([0, 1, 2], rank => File.SetUnixFileMode(place.At($"{rank}/folder/bad"), UnixFileMode.None));

        var result = await place.CopyAfterAsync(mpi, 3, Unreadable(0, 1, 2), "folder", place.Destinations, "--readers", "2");

        Assert.True(result.ExitCode == 1, result.ToString());
        Assert.Matches("rank 2.* lacks 1 file \\(folder/bad\\): .*/folder/bad.*[Pp]ermission", Assert.Single(result.Complaints));
        Assert.All([0, 1, 2], rank => CopyPlace.AssertSame(place.At("0/folder/good"), place.To(rank, "folder/good")));
        Assert.All([0, 1], rank => Assert.Equal(40 * MiB, new FileInfo(place.To(rank, "folder/bad")).Length));
    }

    // Each rank has sources of its own, in its folder; even root shall not read there what is forbidden.
    private static string Unreadable(params int[] ranks) =>
        $"cd $rank; case $rank in {string.Join('|', ranks)}) [ $(id -u) = 0 ] && exec setpriv --bounding-set -dac_override,-dac_read_search \"$@\";; esac";

    [Theory]
    [MemberData(nameof(Both))]
    public async Task A_source_named_as_the_folder_of_what_is_not_whole_is_one_line_before_anything_moves(string mpi)
    {
        using var place = new CopyPlace();
        place.Write(".shoal-part", MiB);

        var result = await place.CopyAsync(mpi, 3, ".shoal-part", place.Destinations);

        Assert.True(result.ExitCode == 2, result.ToString());
        Assert.Equal(
            "shoal: '.shoal-part' cannot be copied under its name: what is not whole yet is gathered in a folder of that name",
            Assert.Single(result.Complaints));
    }

    [Theory]
    [MemberData(nameof(Both))]
    public async Task A_source_that_nobody_can_see_is_one_line_before_anything_moves(string mpi)
    {
        using var place = new CopyPlace();
        place.Write("data", MiB);

        var result = await place.CopyAsync(mpi, 3, "data", "nowhere", place.Destinations);

        Assert.True(result.ExitCode == 2, result.ToString());
        Assert.Equal("shoal: there is no file or folder 'nowhere'", Assert.Single(result.Complaints));
        Assert.Equal([place.At("data")], Directory.EnumerateFileSystemEntries(place.Root));
    }

    [Theory]
    [MemberData(nameof(Both))]
    public async Task One_rank_alone_copies_too(string mpi)
    {
        using var place = new CopyPlace();
        place.Write("data", 3 * MiB);

        var result = await place.CopyAsync(mpi, 1, "data", place.At("to"), "--quiet");

        Assert.True(result.ExitCode == 0, result.ToString());
        CopyPlace.AssertSame(place.At("data"), place.At("to/data"));
    }

    [Theory]
    [MemberData(nameof(Both))]
    public async Task Nothing_but_empty_files_is_copied_as_well(string mpi)
    {
        using var place = new CopyPlace();
        place.Write("folder/nothing", 0);

        var result = await place.CopyAsync(mpi, 2, "folder", place.Destinations);

        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.All([0, 1], rank => Assert.Equal(0, new FileInfo(place.To(rank, "folder/nothing")).Length));
    }
}
