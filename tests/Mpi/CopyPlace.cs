using System.Diagnostics;
using System.Globalization;
using System.Runtime.Versioning;
using System.Text.Json;

namespace Shoal.Mpi.Tests;

/// <summary>A folder with sources and destinations of one test, gone afterwards.</summary>
[SupportedOSPlatform("linux")]
internal sealed class CopyPlace : IDisposable
{
    public string Root { get; } = Directory.CreateTempSubdirectory("shoal-copy-").FullName;

    /// <summary>One destination for each rank.</summary>
    public string Destinations => At("to-{rank}");

    public string At(string path) => Path.Combine(Root, path);

    /// <summary>A path in the destination of a rank.</summary>
    public string To(int rank, string path) => Path.Combine(At(string.Create(CultureInfo.InvariantCulture, $"to-{rank}")), path);

    /// <summary>Writes a file whose bytes follow from its length and seed.</summary>
    public string Write(string path, int length, int seed = 1)
    {
        var full = At(path);
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        File.WriteAllBytes(full, bytes);
        return full;
    }

    /// <summary>Writes the same file, of the same time, to a folder of each rank.</summary>
    public void WriteForEach(int ranks, string path, int length)
    {
        for (var rank = 0; rank < ranks; rank++)
        {
            File.SetLastWriteTimeUtc(Write($"{rank}/{path}", length), DateTime.UnixEpoch);
        }
    }

    /// <summary>Copies on so many ranks.</summary>
    public Task<MpiResult> CopyAsync(string mpi, int ranks, params string[] arguments) =>
        Launcher.RunAsync(mpi, ranks, ["mpi", "copy", .. arguments], Root);

    /// <summary>Copies where some ranks, as <c>sh</c> tells by <c>$rank</c>, begin with a command of their own.</summary>
    public Task<MpiResult> CopyAfterAsync(string mpi, int ranks, string command, params string[] arguments)
    {
        Launcher.Require(mpi);
        var script = $"rank=${{OMPI_COMM_WORLD_RANK-$PMI_RANK}}; {command}; exec \"$@\"";
        return Launcher.RunProgramAsync(
            [.. Launcher.Mpirun(mpi), "-np", $"{ranks}", "sh", "-c", script, "sh", Launcher.Program, "mpi", "copy", .. arguments], Root);
    }

    /// <summary>The last event of a run with --json.</summary>
    public static JsonElement Last(MpiResult result) =>
        JsonDocument.Parse(result.Output.Split('\n').Last(line => line.StartsWith("{\"event\":", StringComparison.Ordinal))).RootElement;

    /// <summary>A number of each rank, out of the last event.</summary>
    public static long[] Each(MpiResult result, string member) =>
        [.. Last(result).GetProperty("ranks").EnumerateArray().Select(rank => rank.GetProperty(member).GetInt64())];

    /// <summary>Bytes that a file, or everything in a folder, takes on disk; 0 if it is not there.</summary>
    public static long BytesIn(string folder)
    {
        using var du = Process.Start(new ProcessStartInfo("du", ["-s", "-B1", folder])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        return du.StandardOutput.ReadToEnd().Split('\t') is [var bytes, _] ? long.Parse(bytes, CultureInfo.InvariantCulture) : 0;
    }

    public static void AssertSame(string expected, string actual)
    {
        Assert.True(File.Exists(actual), $"{actual} is not there");
        Assert.True(File.ReadAllBytes(expected).AsSpan().SequenceEqual(File.ReadAllBytes(actual)), $"{actual} is not {expected}");
    }

    public void Dispose()
    {
        foreach (var folder in Directory.EnumerateDirectories(Root, "*", SearchOption.AllDirectories))
        {
            new DirectoryInfo(folder).UnixFileMode |= UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.UserRead;
        }

        Directory.Delete(Root, recursive: true);
    }
}
