using Microsoft.Win32.SafeHandles;

namespace Shoal.Runtime.Storage;

/// <summary>
/// Bytes of a file where the kernel keeps them: what is sent from here is not copied before. They are there when this is made, and
/// a file that is cut meanwhile ends the process that looks: so only for files that nobody else knows of. Dispose to let go.
/// </summary>
public sealed unsafe class MappedBytes : IDisposable
{
    private readonly byte* _start;
    private readonly nuint _length;
    private bool _isDisposed;

    private MappedBytes(byte* start, nuint length, byte* bytes)
    {
        _start = start;
        _length = length;
        Bytes = bytes;
    }

    /// <summary>The first byte.</summary>
    public byte* Bytes { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!_isDisposed)
        {
            _isDisposed = true;
            _ = Posix.Unmap(_start, _length);
        }
    }

    /// <summary>Null where it cannot be had: no Linux, an old kernel, a file system without it, a file too short, an error of the disk.</summary>
    internal static MappedBytes? TryMake(SafeFileHandle handle, long offset, int length)
    {
        if (!Posix.IsAvailable)
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
            _ = Posix.Unmap(start, mapped);
            return null;
        }

        return new MappedBytes((byte*)start, mapped, (byte*)start + before);
    }
}
