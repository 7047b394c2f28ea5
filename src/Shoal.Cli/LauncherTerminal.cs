using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Shoal.Cli;

/// <summary>
/// The terminal behind mpirun. Launchers read what ranks write to stderr through a pipe, and write it to their own: so a rank that runs
/// beside its launcher looks there whether somebody watches. Where there is no way to know, nobody does.
/// </summary>
internal static partial class LauncherTerminal
{
    private const int MostAncestors = 8;
    private const nuint GetWindowSize = 0x5413; // TIOCGWINSZ

    private static readonly string[] Launchers = ["mpirun", "mpiexec", "orterun", "prterun"];

    /// <summary>The terminal that the launcher writes errors to; null if it is none, or there is no launcher here.</summary>
    public static string? Find()
    {
        try
        {
            var (_, process) = Read(Environment.ProcessId);
            for (var i = 0; i < MostAncestors && process > 1; i++)
            {
                var (name, parent) = Read(process);
                if (Launchers.Any(launcher => name.StartsWith(launcher, StringComparison.Ordinal)))
                {
                    var target = new FileInfo(string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/fd/2")).LinkTarget;
                    return target?.StartsWith("/dev/pts/", StringComparison.Ordinal) == true || target?.StartsWith("/dev/tty", StringComparison.Ordinal) == true ? target : null;
                }

                process = parent;
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or FormatException)
        {
            // No such system, or a process that has gone, or is another's.
        }

        return null;
    }

    /// <summary>How many columns the terminal has; 0 if it does not say.</summary>
    public static unsafe int WidthOf(string terminal)
    {
        try
        {
            using var handle = File.OpenHandle(terminal);
            var size = stackalloc ushort[4]; // struct winsize: rows, columns, and both in pixels
            return Control(handle, GetWindowSize, size) == 0 ? size[1] : 0;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }

    // "123 (name) S 45 …": the name may have spaces and brackets.
    private static (string Name, int Parent) Read(int process)
    {
        var text = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/stat"));
        var (open, close) = (text.IndexOf('('), text.LastIndexOf(')'));
        return (text[(open + 1)..close], int.Parse(text[(close + 2)..].Split(' ')[1], CultureInfo.InvariantCulture));
    }

    [LibraryImport("libc", EntryPoint = "ioctl")]
    private static unsafe partial int Control(SafeFileHandle terminal, nuint request, ushort* size);
}
