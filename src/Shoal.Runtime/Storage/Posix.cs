using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Shoal.Runtime.Storage;

/// <summary>
/// The system calls of Linux that the platform's file classes do not offer: opening without following links,
/// scattered reads into one buffer, maps, fdatasync, the holes of a sparse file. Each has a portable fallback at its caller.
/// </summary>
internal static unsafe partial class Posix
{
    public const int ReadOnly = 0;
    public const int ReadWrite = 2;
    public const int Create = 0x40;
    public const int Exclusive = 0x80;
    public const int NonBlocking = 0x800;
    public const int CloseOnExec = 0x80000;
    public const int SeekData = 3;
    public const int SeekHole = 4;
    public const int Enoent = 2;
    public const int Eintr = 4;
    public const int Enxio = 6;
    public const int Eacces = 13;
    public const int Eexist = 17;
    public const int Eisdir = 21;
    public const int Enotdir = 20;
    public const int Einval = 22;
    public const int Erofs = 30;
    public const int Eperm = 1;
    public const int Eloop = 40;

    public const int ProtectRead = 1;
    public const int ProtectWrite = 2;
    public const int MapPrivate = 2;
    public const nint MapFailed = -1;
    public const int AdvicePopulateRead = 22; // since Linux 5.14
    private const int AdviceHugePage = 14;

    public const int AtFdCwd = -100;
    private const int AtSymlinkNoFollow = 0x100;
    private const int AtEmptyPath = 0x1000;
    private const uint StatxBasic = 0x7ff;

    /// <summary>Whether these calls may be made: Linux, 64 bits (so that off_t is a long), an architecture whose flags we know.</summary>
    public static bool IsAvailable { get; } = OperatingSystem.IsLinux() &&
        RuntimeInformation.ProcessArchitecture is Architecture.X64 or Architecture.Arm64 or Architecture.RiscV64;

    /// <summary>Asks for large pages behind memory that was not touched yet. A hint: where there are none it changes nothing.</summary>
    public static void WantLargePages(void* address, nuint length)
    {
        if (IsAvailable)
        {
            _ = Advise(address, length, AdviceHugePage);
        }
    }

    private static bool IsArm => RuntimeInformation.ProcessArchitecture == Architecture.Arm64;

    public static int Directory => IsArm ? 0x4000 : 0x10000;

    public static int NoFollow => IsArm ? 0x8000 : 0x20000;

    /// <summary>One buffer of a scattered read.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct IoVector
    {
        public void* Base;
        public nuint Length;
    }

    /// <summary>The part of struct statx that we read; the kernel writes 256 bytes on every architecture.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    public struct Statx
    {
        [FieldOffset(28)]
        public ushort Mode;

        [FieldOffset(40)]
        public long Size;

        [FieldOffset(112)]
        public long ModifiedSeconds;

        [FieldOffset(120)]
        public uint ModifiedNanoseconds;

        /// <summary>Major and minor number of the device that the file system lies on.</summary>
        [FieldOffset(136)]
        public ulong Device;

        public readonly bool IsRegular => (Mode & 0xf000) == 0x8000;

        public readonly bool IsLink => (Mode & 0xf000) == 0xa000;

        public readonly long Modified => (ModifiedSeconds * 1_000_000_000) + ModifiedNanoseconds;
    }

    public static int Open(string path, int flags)
    {
        int result;
        do
        {
            result = open(path, flags | CloseOnExec, 0);
        }
        while (result < 0 && Marshal.GetLastPInvokeError() == Eintr);
        return result;
    }

    public static int OpenAt(int folder, string name, int flags, uint mode = 0)
    {
        int result;
        do
        {
            result = openat(folder, name, flags | CloseOnExec, mode);
        }
        while (result < 0 && Marshal.GetLastPInvokeError() == Eintr);
        return result;
    }

    public static bool TryStat(SafeFileHandle handle, out Statx status) => TryStat(handle, "", AtEmptyPath, out status);

    public static bool TryStatAt(int folder, string name, out Statx status)
    {
        Unsafe.SkipInit(out status);
        fixed (Statx* pointer = &status)
        {
            return statx(folder, name, AtSymlinkNoFollow, StatxBasic, pointer) == 0;
        }
    }

    public static bool TryStatPath(string path, out Statx status) => TryStatAt(AtFdCwd, path, out status);

    private static bool TryStat(SafeFileHandle handle, string path, int flags, out Statx status)
    {
        Unsafe.SkipInit(out status);
        fixed (Statx* pointer = &status)
        {
            return statx(handle, path, flags, StatxBasic, pointer) == 0;
        }
    }

    [LibraryImport("libc", EntryPoint = "utimensat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int SetTimes(int folder, string name, nint* times, int flags);

    [LibraryImport("libc", EntryPoint = "preadv", SetLastError = true)]
    public static partial nint ReadVectors(SafeFileHandle handle, IoVector* vectors, int count, long offset);

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    public static partial void* Map(void* address, nuint length, int protection, int flags, SafeFileHandle handle, long offset);

    [LibraryImport("libc", EntryPoint = "munmap", SetLastError = true)]
    public static partial int Unmap(void* address, nuint length);

    [LibraryImport("libc", EntryPoint = "madvise", SetLastError = true)]
    public static partial int Advise(void* address, nuint length, int advice);

    [LibraryImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    public static partial int SyncData(SafeFileHandle handle);

    [LibraryImport("libc", EntryPoint = "lseek", SetLastError = true)]
    public static partial long Seek(SafeFileHandle handle, long offset, int whence);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    public static partial int Sync(int descriptor);

    [LibraryImport("libc", EntryPoint = "syncfs", SetLastError = true)]
    public static partial int SyncFileSystem(int descriptor);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    public static partial int Close(int descriptor);

    [LibraryImport("libc", EntryPoint = "mkdirat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int MakeFolderAt(int folder, string name, uint mode);

    [LibraryImport("libc", EntryPoint = "rename", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Rename(string from, string to);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int open(string path, int flags, uint mode);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int openat(int folder, string name, int flags, uint mode);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int statx(int folder, string name, int flags, uint mask, Statx* status);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int statx(SafeFileHandle handle, string name, int flags, uint mask, Statx* status);
}
