using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Shoal.Runtime.Storage;

/// <summary>
/// Bytes of a file where the kernel keeps them: what is sent from here is not copied before. They can be read when this is made; a file
/// that is cut meanwhile, or a disk that fails just then, ends the process that looks: so only for files that nobody else knows of,
/// for a short while. Dispose to let go.
/// </summary>
public sealed unsafe class MappedBytes : LentBytes
{
    private static volatile bool _isKernelTooOld; // before Linux 5.14

    private readonly byte* _start;
    private readonly nuint _length;

    private MappedBytes(byte* start, nuint length, byte* bytes)
    {
        _start = start;
        _length = length;
        Bytes = bytes;
    }

    /// <inheritdoc/>
    public override byte* Bytes { get; }

    /// <summary>Is called when they are let go.</summary>
    internal Action? Released { get; set; }

    /// <inheritdoc/>
    protected override void Release()
    {
        _ = Posix.Unmap(_start, _length);
        Released?.Invoke();
    }

    /// <summary>Null where it cannot be had: no Linux, an old kernel, a file system without it, a file too short, an error of the disk.</summary>
    internal static MappedBytes? TryMake(SafeFileHandle handle, long offset, int length)
    {
        if (!Posix.IsAvailable || _isKernelTooOld)
        {
            return null;
        }

        var before = (int)(offset % Environment.SystemPageSize);
        var mapped = (nuint)(before + length);

        // Private and writable: a network card's driver that insists on writable memory makes copies of the pages, and harms none.
        var start = Posix.Map(
            null, mapped, Posix.ProtectRead | Posix.ProtectWrite, Posix.MapPrivate, handle, offset - before);
        if ((nint)start == Posix.MapFailed)
        {
            return null;
        }

        // What cannot be read is told here; who touched it unread would get a signal that nobody can handle.
        if (Posix.Advise(start, mapped, Posix.AdvicePopulateRead) != 0)
        {
            _isKernelTooOld = Marshal.GetLastPInvokeError() == Posix.Einval;
            _ = Posix.Unmap(start, mapped);
            return null;
        }

        return new MappedBytes((byte*)start, mapped, (byte*)start + before);
    }
}
