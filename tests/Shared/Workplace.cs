using System.Runtime.CompilerServices;

namespace Shoal;

/// <summary>A folder for one test, gone afterwards.</summary>
internal sealed class Workplace : IDisposable
{
    public string Root { get; } = Directory.CreateTempSubdirectory("shoal-test-").FullName;

    /// <summary>Neither records nor torrents of tests may end up in the user's own folders.</summary>
    [ModuleInitializer]
    internal static void KeepToOurselves()
    {
        var folder = Directory.CreateTempSubdirectory("shoal-test-state-").FullName;
        Environment.SetEnvironmentVariable("XDG_STATE_HOME", folder);
        Environment.SetEnvironmentVariable("XDG_CONFIG_HOME", folder);
        Environment.SetEnvironmentVariable("SHOAL_AT", null);
        Environment.SetEnvironmentVariable("SHOAL_TOKEN", null);
        Environment.SetEnvironmentVariable("JOURNAL_STREAM", null); // as if nobody kept what is said
        // Nothing looks for peers or routers outside; tests in networks of their own switch it on again.
        Environment.SetEnvironmentVariable("SHOAL_DISCOVERY", "off");
        Directory.SetCurrentDirectory(folder);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
    }

    public string At(params string[] parts) => Path.Combine([Root, .. parts]);

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

    public void Dispose() => Directory.Delete(Root, recursive: true);
}
