using System.Runtime.InteropServices;

namespace Shoal.Runtime.Storage;

/// <summary>
/// When files and folders were modified, to the nanosecond where the platform lets us: its own classes know 100 ns. Nanoseconds since
/// 1970, UTC. Links are not followed when reading. Throws what the platform's file classes throw.
/// </summary>
public static unsafe class FileTimes
{
    private const nint Omit = 0x3ffffffe;
    private const long Second = 1_000_000_000;

    /// <summary>When it was modified; it must be there.</summary>
    public static long ModifiedNanoseconds(FileSystemInfo entry) => Posix.IsAvailable && Posix.TryStatPath(entry.FullName, out var status)
        ? status.Modified
        : (entry.LastWriteTimeUtc - DateTime.UnixEpoch).Ticks * 100;

    /// <summary>Says when it was modified.</summary>
    public static void SetModified(string path, long nanoseconds)
    {
        if (!Posix.IsAvailable)
        {
            File.SetLastWriteTimeUtc(path, DateTime.UnixEpoch.AddTicks(nanoseconds / 100));
            return;
        }

        var times = stackalloc nint[4]; // two of struct timespec: last access, last modification
        times[1] = Omit;
        times[2] = (nint)Math.DivRem(nanoseconds, Second, out var rest);
        times[3] = (nint)rest;
        if (rest < 0)
        {
            times[2]--;
            times[3] += (nint)Second;
        }

        if (Posix.SetTimes(Posix.AtFdCwd, path, times, 0) != 0)
        {
            throw new IOException($"cannot set the time of '{path}': {Marshal.GetLastPInvokeErrorMessage()}");
        }
    }
}
