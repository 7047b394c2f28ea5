using System.Security.Cryptography;
using System.Text.Json.Nodes;

namespace Shoal.Mpi.Tests;

/// <summary>Jobs of <c>shoal mpi run --data</c>: real files, many to many.</summary>
public sealed class DataTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("shoal-data-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [MemberData(nameof(Launcher.Both), MemberType = typeof(Launcher))]
    public async Task Files_arrive_byte_for_byte(string mpi)
    {
        var big = Write(1, "big", (5 << 20) + 12345);
        Write(2, "big", big);
        var small = Write(2, "small", 3);
        var even = Write(3, "even", 1 << 18);
        var empty = Write(3, "empty", 0);
        Input(1, ["big auto"], ["even", "empty", "small"]);
        Input(2, ["small auto", "big auto"], ["even", "big"]);
        Input(3, ["even auto", "empty auto"], ["big", "small"]);
        Input(4, [], ["big", "small", "even", "empty"]);
        var result = await RunAsync(mpi, 5, "--segment", "64KiB", "--report");
        Assert.True(result.ExitCode == 0, result.ToString());
        (int Rank, string Name, byte[] Bytes)[] expected =
        [
            (1, "even", even), (1, "empty", empty), (1, "small", small), (2, "even", even), (3, "big", big), (3, "small", small),
            (4, "big", big), (4, "small", small), (4, "even", even), (4, "empty", empty),
        ];
        Assert.All(expected, file => Assert.True(file.Bytes.AsSpan().SequenceEqual(Read(file.Rank, file.Name)), $"{file.Rank}/{file.Name} is wrong\n{result}"));
        Assert.Empty(Leftovers());
    }

    [Theory]
    [MemberData(nameof(Launcher.Both), MemberType = typeof(Launcher))]
    public async Task Listed_hashes_are_checked(string mpi)
    {
        var bytes = Write(1, "a", (2 << 20) + 1);
        string[] sums = [.. bytes.Chunk(1 << 20).Select(segment => Convert.ToHexString(SHA1.HashData(segment)))];
        Input(1, ["a 3", .. sums], []);
        Input(2, [], ["a"]);
        var result = await RunAsync(mpi, 3);
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Equal(bytes, Read(2, "a"));

        File.Delete(At(2, "a"));
        Input(1, ["a 3", sums[0], sums[2], sums[2]], []);
        result = await RunAsync(mpi, 3);
        Assert.Equal(2, result.ExitCode);
        Assert.Equal([$"shoal: {_folder}/in1.txt:4: segment 2 of 'a' has another SHA-1 than '{At(1, "a")}' has there"], result.Complaints);

        Input(1, ["a 2", sums[0], sums[1]], []);
        result = await RunAsync(mpi, 3);
        Assert.Equal(2, result.ExitCode);
        Assert.StartsWith($"shoal: {_folder}/in1.txt:2: 'a' has 2 segments here, but 2097153 bytes on disk, which make 3", Assert.Single(result.Complaints));

        Input(1, ["a 3", sums[0], "x", sums[1]], []);
        result = await RunAsync(mpi, 3);
        Assert.Equal([$"shoal: {_folder}/in1.txt:4: segment 2 of 'a' has no SHA-1 of 40 hexadecimal digits"], result.Complaints);
        Assert.False(File.Exists(At(2, "a")));
    }

    [Theory]
    [MemberData(nameof(Launcher.Both), MemberType = typeof(Launcher))]
    public async Task An_owned_file_that_is_not_there_ends_the_job_before_it_begins(string mpi)
    {
        Input(1, ["ghost auto"], []);
        Input(2, [], ["ghost"]);
        var result = await RunAsync(mpi, 3);
        Assert.Equal(2, result.ExitCode);
        Assert.Equal([$"shoal: {_folder}/in1.txt:2: there is no '{At(1, "ghost")}', which this rank owns"], result.Complaints);
    }

    [Theory]
    [MemberData(nameof(Launcher.Both), MemberType = typeof(Launcher))]
    public async Task An_owned_pipe_is_no_file(string mpi)
    {
        Directory.CreateDirectory(At(1, ""));
        using (var made = System.Diagnostics.Process.Start("mkfifo", At(1, "pipe")))
        {
            await made.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        Input(1, ["pipe auto"], []);
        Input(2, [], ["pipe"]);
        var result = await RunAsync(mpi, 3);
        Assert.Equal(2, result.ExitCode);
        Assert.Equal([$"shoal: {_folder}/in1.txt:2: '{At(1, "pipe")}', which this rank owns, is not a file that has bytes"], result.Complaints);
    }

    [Theory]
    [MemberData(nameof(Launcher.Both), MemberType = typeof(Launcher))]
    public async Task What_is_there_already_is_not_moved_again(string mpi)
    {
        var bytes = Write(1, "a", 40 << 16);
        var whole = Write(1, "b", 10 << 16);
        Input(1, ["a auto", "b auto"], []);
        Input(2, [], ["a", "b"]);
        Write(2, "b", whole);
        // As a run leaves it that was killed: some segments right, one wrong, the rest not there.
        var part = bytes[..(20 << 16)];
        part[3 << 16] ^= 1;
        Write(2, ".a.shoal-part", part);
        var result = await RunAsync(mpi, 3, "--segment", "64KiB", "--report", "--json");
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Equal(bytes, Read(2, "a"));
        Assert.Equal(whole, Read(2, "b"));
        Assert.Empty(Leftovers());
        Assert.Equal(21, (int)JsonNode.Parse(result.Output)!["ranks"]![1]!["downloadedSegments"]!);
    }

    [Theory]
    [MemberData(nameof(Launcher.Both), MemberType = typeof(Launcher))]
    public async Task Results_go_where_out_says(string mpi)
    {
        var bytes = Write(1, "a", 100_000);
        Input(1, ["a auto"], ["a"]);
        Input(2, [], ["a"]);
        var output = Path.Combine(_folder, "out");
        Directory.CreateDirectory(Path.Combine(output, "1"));
        File.WriteAllBytes(Path.Combine(output, "1", "a"), new byte[100_000]); // of something else, and as long
        var result = await RunAsync(mpi, 3, "--out", output);
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Equal(bytes, File.ReadAllBytes(Path.Combine(output, "1", "a")));
        Assert.Equal(bytes, File.ReadAllBytes(Path.Combine(output, "2", "a")));
        Assert.False(File.Exists(At(2, "a")));
    }

    [Theory]
    [MemberData(nameof(Launcher.Both), MemberType = typeof(Launcher))]
    public async Task A_rank_that_cannot_write_is_named_and_the_others_finish(string mpi)
    {
        var bytes = Write(1, "a", 3 << 20);
        Input(1, ["a auto"], []);
        Input(2, [], ["a"]);
        Input(3, [], ["a"]);
        File.WriteAllText(Path.Combine(_folder, "2"), "no folder");
        var result = await RunAsync(mpi, 4);
        Assert.True(result.ExitCode == 1, result.ToString());
        Assert.Contains(result.Complaints, line => line.StartsWith("shoal: rank 2", StringComparison.Ordinal));
        Assert.Equal(bytes, Read(3, "a"));
    }

    [Theory]
    [MemberData(nameof(Launcher.Both), MemberType = typeof(Launcher))]
    public async Task A_full_disk_is_a_partial_result(string mpi)
    {
        Launcher.Require(mpi);
        var small = Path.Combine(_folder, "2");
        Directory.CreateDirectory(small);
        var mounted = await Launcher.RunProgramAsync(["mount", "-t", "tmpfs", "-o", "size=1m", "shoal-test", small], null);
        Assert.SkipUnless(mounted.ExitCode == 0, "only root may make a small disk");
        try
        {
            var bytes = Write(1, "a", 5 << 20);
            var tiny = Write(1, "tiny", 5000);
            Input(1, ["a auto", "tiny auto"], []);
            Input(2, [], ["a", "tiny"]);
            Input(3, [], ["a"]);
            var result = await RunAsync(mpi, 4, "--segment", "64KiB");
            Assert.True(result.ExitCode == 1, result.ToString());
            Assert.Contains(result.Complaints, line => line.StartsWith("shoal: rank 2 cannot write 'a': ", StringComparison.Ordinal) && line.Contains("the disk is full"));
            Assert.False(File.Exists(At(2, "a")));
            Assert.Equal(bytes, Read(3, "a"));
        }
        finally
        {
            await Launcher.RunProgramAsync(["umount", small], null);
        }
    }

    private Task<MpiResult> RunAsync(string mpi, int ranks, params string[] options) =>
        Launcher.RunAsync(mpi, ranks, ["mpi", "run", _folder, "--data", .. options]);

    private void Input(int rank, string[] owned, string[] wanted) => File.WriteAllText(
        Path.Combine(_folder, $"in{rank}.txt"),
        string.Join('\n', [$"{owned.Count(line => line.Contains(' '))}", .. owned, $"{wanted.Length}", .. wanted, ""]));

    private byte[] Write(int rank, string name, int length)
    {
        var bytes = new byte[length];
        new Random(length).NextBytes(bytes);
        return Write(rank, name, bytes);
    }

    private byte[] Write(int rank, string name, byte[] bytes)
    {
        Directory.CreateDirectory(Path.Combine(_folder, $"{rank}"));
        File.WriteAllBytes(At(rank, name), bytes);
        return bytes;
    }

    private byte[] Read(int rank, string name) => File.ReadAllBytes(At(rank, name));

    private string[] Leftovers() => Directory.GetFiles(_folder, "*shoal-part*", SearchOption.AllDirectories);

    private string At(int rank, string name) => Path.Combine(_folder, $"{rank}", name);
}
