using System.Net;
using System.Runtime.CompilerServices;

namespace Shoal.Tests;

/// <summary>A folder for one test, gone afterwards, and clients that keep to it and to loopback.</summary>
internal sealed class Workplace : IDisposable
{
    public string Root { get; } = Directory.CreateTempSubdirectory("shoal-lib-").FullName;

    [ModuleInitializer]
    internal static void KeepToOurselves()
    {
        var folder = Directory.CreateTempSubdirectory("shoal-lib-state-").FullName;
        Environment.SetEnvironmentVariable("XDG_STATE_HOME", folder);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
    }

    public string At(params string[] parts) => Path.Combine([Root, .. parts]);

    public string Write(string path, int length, int seed = 1)
    {
        var full = At(path);
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        File.WriteAllBytes(full, bytes);
        return full;
    }

    public Task<ShoalClient> StartAsync() => ShoalClient.StartAsync(new ShoalOptions
    {
        BindAddress = IPAddress.Loopback, StateDirectory = At("state"), StopGrace = TimeSpan.FromSeconds(1),
    });

    public void Dispose() => Directory.Delete(Root, recursive: true);
}
