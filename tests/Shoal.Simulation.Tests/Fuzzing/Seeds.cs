using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using Shoal.Simulation.Fuzzing;

namespace Shoal.Simulation.Tests.Fuzzing;

/// <summary>Which seeds are run: those that failed once, and those that follow from the tree of sources.</summary>
internal static class Seeds
{
    /// <summary>The cases of seeds.txt.</summary>
    public static IReadOnlyList<FuzzCase> Noted()
    {
        using var reader = new StreamReader(typeof(Seeds).Assembly.GetManifestResourceStream("seeds.txt")!);
        return [.. reader.ReadToEnd().Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0 && line[0] != '#').Select(Parse)];
    }

    /// <summary>A number that the tree decides: the same sources give the same, in a clone and without git.</summary>
    public static ulong OfTree()
    {
        var root = Root();
        var tree = Git(root, "rev-parse HEAD^{tree}") ?? HashOfSources(root);
        return BitConverter.ToUInt64(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(tree)));
    }

    private static FuzzCase Parse(string line)
    {
        List<string> parts = [.. line.Split(' ')];
        var world = FuzzWorld.Swarm; // if it does not say which
        if (char.IsLetter(line[0]))
        {
            world = Enum.Parse<FuzzWorld>(parts[0], ignoreCase: true);
            parts.RemoveAt(0);
        }

        var way = parts.Count > 1 ? parts[1].Split('.').Select(step => int.Parse(step, CultureInfo.InvariantCulture)).ToArray() : [];
        return Fuzzer.CaseOf(world, ulong.Parse(parts[0], CultureInfo.InvariantCulture), way) ?? throw new FormatException($"no case '{line}'");
    }

    private static string Root([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", "..", ".."));

    private static string? Git(string root, string arguments)
    {
        try
        {
            using var git = Process.Start(new ProcessStartInfo("git", arguments)
            {
                WorkingDirectory = root, RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false,
            })!;
            var said = git.StandardOutput.ReadToEnd().Trim();
            git.WaitForExit();
            return git.ExitCode == 0 && said.Length > 0 ? said : null;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null; // there is no git
        }
    }

    private static string HashOfSources(string root)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var file in Directory.EnumerateFiles(Path.Combine(root, "src"), "*.cs", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            hash.AppendData(File.ReadAllBytes(file));
        }

        return Convert.ToHexString(hash.GetHashAndReset());
    }
}
