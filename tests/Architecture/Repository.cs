using System.Runtime.CompilerServices;

namespace Architecture;

/// <summary>Where the sources lie.</summary>
internal static class Repository
{
    public static string Root { get; } = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(Here())!, "..", ".."));

    public static string Source => Path.Combine(Root, "src");

    private static string Here([CallerFilePath] string path = "") => path;
}
