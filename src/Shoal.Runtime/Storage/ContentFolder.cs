using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Shoal.Runtime.Storage;

/// <summary>
/// Opens files below one root folder, which is trusted (a user named it; it may itself be reached through links). Below
/// it nothing is: a torrent's names come from strangers. Invariant: what it opens is a regular file inside the root.
/// Opening for writing goes through no symbolic link. Opening for reading follows a link only if it leads to a
/// place inside the root. On Linux each component is opened from its parent without following (no race); elsewhere each is
/// looked at before. Thread-safe.
/// </summary>
internal sealed class ContentFolder(string root)
{
    private readonly Lock _gate = new();
    private readonly HashSet<string> _changed = new(StringComparer.Ordinal);

    /// <summary>The folder's absolute path.</summary>
    public string Root { get; } = Path.GetFullPath(root);

    /// <summary>The path as shown in errors and handed to the platform.</summary>
    public string PathOf(string relative) => Path.Combine(Root, relative);

    /// <summary>Opens for reading and writing, creating the file and its folders where <paramref name="create"/>; null if it is not there.</summary>
    /// <exception cref="StorageException">It cannot be opened, or not safely.</exception>
    public SafeFileHandle? OpenForWriting(string relative, bool create)
    {
        if (create)
        {
            CreateRoot();
        }

        return Posix.IsAvailable
            ? OpenStepwise(relative, writing: true, create)
            : OpenPortably(relative, FileAccess.ReadWrite, create);
    }

    /// <summary>Opens for reading; null if it is not there.</summary>
    /// <exception cref="StorageException">It cannot be opened, or not safely.</exception>
    public SafeFileHandle? OpenForReading(string relative)
    {
        var direct = LinkResolver.ResolveInside(Root, relative);
        if (direct is null)
        {
            throw Unsafe(relative, "a symbolic link leads out of the folder");
        }

        return Posix.IsAvailable
            ? OpenStepwise(direct, writing: false, create: false)
            : OpenPortably(direct, FileAccess.Read, create: false);
    }

    /// <summary>Takes the folders in which names were created since the last call; they want syncing.</summary>
    public IReadOnlyList<string> TakeChangedFolders()
    {
        lock (_gate)
        {
            string[] folders = [.. _changed];
            _changed.Clear();
            return folders;
        }
    }

    /// <summary>Makes the names in the folder durable. Does nothing where folders cannot be synced.</summary>
    public static void SyncFolder(string path)
    {
        if (!Posix.IsAvailable)
        {
            return;
        }

        var descriptor = Posix.Open(path, Posix.Directory);
        if (descriptor < 0)
        {
            throw StorageException.FromErrno(Marshal.GetLastPInvokeError(), "sync", path);
        }

        // Some file systems cannot sync a folder (EINVAL); they have nothing better to offer.
        _ = Posix.Sync(descriptor);
        _ = Posix.Close(descriptor);
    }

    private void CreateRoot()
    {
        if (Directory.Exists(Root))
        {
            return;
        }

        try
        {
            Directory.CreateDirectory(Root);
        }
        catch (Exception error) when (StorageException.IsFromDisk(error))
        {
            throw StorageException.From(error, "create the folder", Root);
        }

        if (Path.GetDirectoryName(Root) is { } parent)
        {
            NoteChanged(parent);
        }
    }

    private SafeFileHandle? OpenStepwise(string relative, bool writing, bool create)
    {
        var folder = Posix.Open(Root, Posix.Directory);
        if (folder < 0)
        {
            var errno = Marshal.GetLastPInvokeError();
            return errno == Posix.Enoent && !create ? null : throw StorageException.FromErrno(errno, "open", Root);
        }

        try
        {
            var start = 0;
            for (int slash; (slash = relative.IndexOf('/', start)) >= 0; start = slash + 1)
            {
                var next = StepInto(folder, relative, start, slash, create);
                if (next < 0)
                {
                    return null;
                }

                _ = Posix.Close(folder);
                folder = next;
            }

            return OpenIn(folder, relative, start, writing, create);
        }
        finally
        {
            _ = Posix.Close(folder);
        }
    }

    private int StepInto(int folder, string relative, int start, int end, bool create)
    {
        var name = relative[start..end];
        var flags = Posix.Directory | Posix.NoFollow;
        var next = Posix.OpenAt(folder, name, flags);
        if (next < 0 && Marshal.GetLastPInvokeError() == Posix.Enoent)
        {
            if (!create)
            {
                return -1;
            }

            if (Posix.MakeFolderAt(folder, name, 0x1ff) == 0)
            {
                NoteChanged(PathOf(relative[..start]));
            }
            else if (Marshal.GetLastPInvokeError() is not Posix.Eexist and var errno)
            {
                throw StorageException.FromErrno(errno, "create the folder", PathOf(relative[..end]));
            }

            next = Posix.OpenAt(folder, name, flags);
        }

        return next >= 0 ? next : throw WhyNot(folder, name, relative[..end], Marshal.GetLastPInvokeError());
    }

    private SafeFileHandle? OpenIn(int folder, string relative, int start, bool writing, bool create)
    {
        var name = relative[start..];
        // NonBlocking so that a FIFO in the place of a file does not hang us.
        var flags = Posix.NoFollow | Posix.NonBlocking | (writing ? Posix.ReadWrite : Posix.ReadOnly);
        var descriptor = Posix.OpenAt(folder, name, flags);
        if (descriptor < 0 && create && Marshal.GetLastPInvokeError() == Posix.Enoent)
        {
            descriptor = Posix.OpenAt(folder, name, flags | Posix.Create | Posix.Exclusive, 0x1b6);
            if (descriptor >= 0)
            {
                NoteChanged(PathOf(relative[..start]));
            }
            else if (Marshal.GetLastPInvokeError() == Posix.Eexist)
            {
                descriptor = Posix.OpenAt(folder, name, flags);
            }
        }

        if (descriptor < 0)
        {
            var errno = Marshal.GetLastPInvokeError();
            return errno == Posix.Enoent && !create ? null : throw WhyNot(folder, name, relative, errno);
        }

        var handle = new SafeFileHandle(descriptor, ownsHandle: true);
        if (!Posix.TryStat(handle, out var status) || !status.IsRegular)
        {
            handle.Dispose();
            throw Unsafe(relative, "it is not a regular file");
        }

        return handle;
    }

    private StorageException WhyNot(int folder, string name, string relative, int errno) =>
        Posix.TryStatAt(folder, name, out var status) && status.IsLink
            ? Unsafe(relative, "it is a symbolic link")
            : errno == Posix.Eisdir ? Unsafe(relative, "it is not a regular file")
            : StorageException.FromErrno(errno, "open", PathOf(relative));

    private SafeFileHandle? OpenPortably(string relative, FileAccess access, bool create)
    {
        for (var slash = relative.IndexOf('/'); ; slash = relative.IndexOf('/', slash + 1))
        {
            var part = slash < 0 ? relative : relative[..slash];
            if (new FileInfo(PathOf(part)).LinkTarget is not null)
            {
                throw Unsafe(part, "it is a symbolic link");
            }

            if (slash < 0)
            {
                break;
            }
        }

        var path = PathOf(relative);
        try
        {
            if (create)
            {
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            }

            return File.OpenHandle(path, create ? FileMode.OpenOrCreate : FileMode.Open, access, FileShare.ReadWrite | FileShare.Delete);
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException && !create)
        {
            return null;
        }
        catch (Exception error) when (StorageException.IsFromDisk(error))
        {
            throw StorageException.From(error, "open", path);
        }
    }

    private void NoteChanged(string folder)
    {
        lock (_gate)
        {
            _changed.Add(folder);
        }
    }

    private StorageException Unsafe(string relative, string why) =>
        new(StorageErrorKind.UnsafePath, $"will not open '{PathOf(relative)}': {why}");
}
