using System.Runtime.InteropServices;

namespace Shoal.Bench;

/// <summary>
/// Memory that the machine has touched already. Virtual machines hand memory that is free for two seconds back to their host, and pages
/// touched for the first time cost seconds per GiB: so a run is given warm pages, released ahead of its files as they grow. Large
/// pages, since those are given back in no time.
/// </summary>
internal sealed unsafe partial class Ballast : IDisposable
{
    private const long Ahead = 128L << 20;
    private const long Step = 32L << 20;
    private const nuint LargePage = 2 << 20;
    private const int AdviceDontNeed = 4;
    private const int AdviceHugePage = 14;
    private const int SampleMilliseconds = 10;

    private byte* _memory;
    private long _full;
    private long _length;

    /// <summary>Has <paramref name="length"/> bytes of memory touched and held.</summary>
    public void Fill(long length)
    {
        Dispose();
        _full = _length = (length + Step - 1) / Step * Step;
        _memory = (byte*)NativeMemory.AlignedAlloc((nuint)_full, LargePage);
        _ = Advise(_memory, (nuint)_full, AdviceHugePage);
        NativeMemory.Fill(_memory, (nuint)_full, 1);
    }

    /// <summary>Lets go of what will be needed next, when <paramref name="used"/> bytes have been written.</summary>
    public void ReleaseFor(long used)
    {
        var wanted = Math.Max(0, _full - used - Ahead) / Step * Step;
        if (wanted < _length)
        {
            _ = Advise(_memory + wanted, (nuint)(_length - wanted), AdviceDontNeed);
            _length = wanted;
        }
    }

    /// <summary>Lets go as files grow in the folder, whoever writes them; until disposed of.</summary>
    public IDisposable Follow(string folder) => new Follower(this, new DriveInfo(folder));

    /// <summary>Lets go of everything.</summary>
    public void Dispose()
    {
        NativeMemory.AlignedFree(_memory);
        _memory = null;
        _full = _length = 0;
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(void* address, nuint length, int advice);

    private sealed class Follower : IDisposable
    {
        private readonly CancellationTokenSource _end = new();
        private readonly Thread _thread;

        public Follower(Ballast ballast, DriveInfo drive)
        {
            var freeBefore = drive.AvailableFreeSpace;
            ballast.ReleaseFor(0);
            _thread = new Thread(() =>
            {
                while (!_end.IsCancellationRequested && ballast._length > 0)
                {
                    ballast.ReleaseFor(Math.Max(0, freeBefore - drive.AvailableFreeSpace));
                    Thread.Sleep(SampleMilliseconds);
                }
            }) { IsBackground = true, Name = "ballast" };
            _thread.Start();
        }

        public void Dispose()
        {
            _end.Cancel();
            _thread.Join();
            _end.Dispose();
        }
    }
}
