using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Shoal.Bench;

/// <summary>What a process has cost so far, from Linux's <c>/proc</c> and <c>getrusage</c>.</summary>
internal static class ProcessCosts
{
    private const int RusageChildren = -1;
    private const double TicksPerSecond = 100; // sysconf(_SC_CLK_TCK) on every Linux of today

    /// <summary>User and system time of a living process with all its threads, in seconds; 0 when it is gone.</summary>
    public static double CpuSeconds(int processId)
    {
        try
        {
            var text = File.ReadAllText($"/proc/{processId}/stat");
            var fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
            const int userTime = 11; // fields 14 and 15 of proc(5), counted after the command's name
            return (Parse(fields[userTime]) + Parse(fields[userTime + 1])) / TicksPerSecond;
        }
        catch (IOException)
        {
            return 0;
        }
    }

    /// <summary>User and system time of all children that have ended, in seconds.</summary>
    public static double EndedChildrenCpuSeconds()
    {
        var usage = new long[18];
        _ = getrusage(RusageChildren, usage);
        return usage[0] + usage[2] + ((usage[1] + usage[3]) / 1e6);
    }

    /// <summary>Peak resident memory, and how much of the present one is the process's own, in bytes; zeros when it is gone.</summary>
    public static (long Peak, long Anonymous, long Files) Memory(int processId)
    {
        long peak = 0, anonymous = 0, files = 0;
        try
        {
            foreach (var line in File.ReadLines($"/proc/{processId}/status"))
            {
                if (line.StartsWith("VmHWM:", StringComparison.Ordinal))
                {
                    peak = KibibytesOf(line);
                }
                else if (line.StartsWith("RssAnon:", StringComparison.Ordinal))
                {
                    anonymous = KibibytesOf(line);
                }
                else if (line.StartsWith("RssFile:", StringComparison.Ordinal)
                    || line.StartsWith("RssShmem:", StringComparison.Ordinal))
                {
                    files += KibibytesOf(line);
                }
            }
        }
        catch (IOException)
        {
            return default;
        }

        return (peak, anonymous, files);
    }

    /// <summary>Bytes that a file occupies, which for a sparse file grow as it is filled; 0 when there is none.</summary>
    public static long AllocatedBytes(string path)
    {
        const int blocksOffset = 64; // st_blocks, on 64-bit x86 and ARM alike
        var buffer = new byte[256];
        return stat(Encoding.UTF8.GetBytes(path + '\0'), buffer) == 0
            ? BitConverter.ToInt64(buffer, blocksOffset) * 512
            : 0;
    }

    private static long KibibytesOf(string line) =>
        Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)[^2]) * 1024;

    private static long Parse(string text) => long.Parse(text.Trim().Split('\t')[^1], CultureInfo.InvariantCulture);

#pragma warning disable SYSLIB1054 // a source-generated import would ask for unsafe code
    [DllImport("libc", EntryPoint = "getrusage")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int getrusage(int who, long[] usage);

    [DllImport("libc", EntryPoint = "stat")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int stat(byte[] path, byte[] buffer);
#pragma warning restore SYSLIB1054
}
