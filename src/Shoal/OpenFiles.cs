using System.Globalization;

namespace Shoal;

/// <summary>
/// How many files and sockets this process may have open, so that asking for more connections than there can be is told
/// at the start and not by refused peers later. The runtime itself raises the soft limit to the hard one.
/// </summary>
internal static class OpenFiles
{
    // What a client needs beside its connections: content, records, trackers, the runtime.
    private const int Reserve = 200;

    /// <exception cref="ShoalException">There are fewer than so many connections need.</exception>
    public static void EnsureEnoughFor(int connectionCount)
    {
        if (Limit() is { } limit && connectionCount + (long)Reserve > limit)
        {
            throw new ShoalException(
                ShoalErrorKind.Environment,
                $"{connectionCount} connections need {connectionCount + (long)Reserve} open files and this process may have {limit}: " +
                "allow more (ulimit -n) or fewer connections");
        }
    }

    /// <summary>Null: unlimited or unknown.</summary>
    private static long? Limit()
    {
        const string Name = "Max open files";
        try
        {
            var line = File.ReadLines("/proc/self/limits").FirstOrDefault(static line => line.StartsWith(Name, StringComparison.Ordinal));
            return long.TryParse(line?[Name.Length..].TrimStart().Split(' ')[0], CultureInfo.InvariantCulture, out var limit) ? limit : null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null; // not Linux
        }
    }
}
