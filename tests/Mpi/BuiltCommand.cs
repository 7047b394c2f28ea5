using System.Diagnostics;

namespace Shoal.Mpi.Tests;

/// <summary>
/// The very program that a user starts: what <c>./shoal</c> builds if the sources are newer. Up to nine ranks on few
/// cores would else spend most of their time compiling.
/// </summary>
internal static class BuiltCommand
{
    /// <summary>Its path. Stays valid when another build becomes the current one.</summary>
    public static string Program { get; } = Build();

    private static string Build()
    {
        var root = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(root.FullName, "Shoal.slnx")))
        {
            root = root.Parent ?? throw new InvalidOperationException("the source tree is not above the tests");
        }

        var start = new ProcessStartInfo(Path.Combine(root.FullName, "shoal")) { UseShellExecute = false, RedirectStandardError = true };
        start.Environment["SHOAL_BUILD_ONLY"] = "1";
        using var process = Process.Start(start)!;
        var complaint = process.StandardError.ReadToEnd();
        process.WaitForExit();
        var current = new DirectoryInfo(Path.Combine(root.FullName, "artifacts", "shoal"));
        return process.ExitCode == 0
            ? Path.Combine((current.ResolveLinkTarget(returnFinalTarget: true) ?? current).FullName, "shoal")
            : throw new InvalidOperationException($"./shoal was not built: {complaint}");
    }
}
