using System.Runtime.InteropServices;
using Shoal.Protocol;

namespace Shoal.Runtime.Storage;

/// <summary>Why the disk said no: what a user can do about it differs.</summary>
public enum StorageErrorKind : byte
{
    /// <summary>Anything else.</summary>
    Other,

    /// <summary>No space, no quota, or the file would be larger than the file system can have. Making room and trying again helps.</summary>
    DiskFull,

    /// <summary>Not allowed, or the file system is read-only.</summary>
    PermissionDenied,

    /// <summary>The file or its folder is not there.</summary>
    NotFound,

    /// <summary>The file is no longer what it was when it was checked: other length, other time.</summary>
    Changed,

    /// <summary>A symbolic link, or something that is no regular file, stands where content should.</summary>
    UnsafePath,
}

/// <summary>The disk failed. The message is one line that names the file and the reason, fit to be shown to a user.</summary>
public sealed class StorageException : Exception
{
    public StorageException()
    {
    }

    public StorageException(string message)
        : base(message)
    {
    }

    public StorageException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }

    /// <summary>An error of that kind.</summary>
    public StorageException(StorageErrorKind kind, string message, Exception? inner = null)
        : base(message, inner) => Kind = kind;

    /// <summary>Why.</summary>
    public StorageErrorKind Kind { get; }

    /// <summary>Where a file changed that was sealed: all its pieces, none of which is good any more. Else null.</summary>
    public PieceRange? LostPieces { get; init; }

    /// <summary>From errno, as a system call of ours left it. <paramref name="deed"/> is like "write".</summary>
    internal static StorageException FromErrno(int errno, string deed, string path) =>
        new(KindOf(errno), $"cannot {deed} '{path}': {Describe(errno)}");

    /// <summary>From what the platform's file classes throw.</summary>
    internal static StorageException From(Exception error, string deed, string path)
    {
        var kind = error switch
        {
            FileNotFoundException or DirectoryNotFoundException => StorageErrorKind.NotFound,
            UnauthorizedAccessException => StorageErrorKind.PermissionDenied,
            ArgumentOutOfRangeException => StorageErrorKind.DiskFull, // what the platform makes of EFBIG
            IOException when OperatingSystem.IsWindows() => (error.HResult & 0xffff) is 0x70 or 0x27 ? StorageErrorKind.DiskFull : StorageErrorKind.Other,
            IOException => KindOf(error.HResult),
            _ => StorageErrorKind.Other,
        };
        var reason = kind switch
        {
            StorageErrorKind.NotFound => "there is no such file or folder",
            StorageErrorKind.PermissionDenied => "permission denied",
            StorageErrorKind.DiskFull => "the disk is full",
            _ => error.Message,
        };
        return new StorageException(kind, $"cannot {deed} '{path}': {reason}", error);
    }

    /// <summary>Whether the platform's file classes throw this for what a disk did.</summary>
    internal static bool IsFromDisk(Exception error) => error is IOException or UnauthorizedAccessException;

    // ENOSPC, EFBIG and EDQUOT differ between Linux and macOS only in EDQUOT (122, 69).
    private static StorageErrorKind KindOf(int errno) => errno switch
    {
        28 or 27 or 122 or 69 => StorageErrorKind.DiskFull,
        1 or 13 or 30 => StorageErrorKind.PermissionDenied,
        2 => StorageErrorKind.NotFound,
        _ => StorageErrorKind.Other,
    };

    private static string Describe(int errno) => KindOf(errno) switch
    {
        StorageErrorKind.DiskFull => "the disk is full",
        StorageErrorKind.NotFound => "there is no such file or folder",
        _ => Marshal.GetPInvokeErrorMessage(errno),
    };
}
