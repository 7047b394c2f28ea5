using System.Runtime.InteropServices;

namespace Shoal.Mpi.Native;

/// <summary>
/// How to wait for what can only be polled: spin a little, then yield, then sleep for some tens of microseconds, so that
/// an idle rank leaves the core to those who share it. Little of the first two: each poll costs microseconds inside MPI, and ten
/// times as many took a tenth of the time of a copy among eight ranks on two cores.
/// </summary>
internal struct Patience
{
    private const int Spins = 2;
    private const int Yields = 2;
    private const int SleepNanoseconds = 50_000;

    private int _count;

    /// <summary>Something happened.</summary>
    public void Reset() => _count = 0;

    /// <summary>Nothing happened.</summary>
    public void Wait()
    {
        _count++;
        if (_count <= Spins)
        {
            Thread.SpinWait(20);
        }
        else if (_count <= Spins + Yields)
        {
            Thread.Yield();
        }
        else
        {
            Nap.Take(SleepNanoseconds);
        }
    }
}

/// <summary>Sleeps shorter than the platform's own millisecond.</summary>
internal static unsafe partial class Nap
{
    public static void Take(int nanoseconds)
    {
        var time = stackalloc nint[2]; // struct timespec: seconds, nanoseconds
        time[0] = 0;
        time[1] = nanoseconds;
        _ = NanoSleep(time, null);
    }

    [LibraryImport("libc", EntryPoint = "nanosleep")]
    private static partial int NanoSleep(nint* time, nint* remaining);
}
