using System.Runtime.InteropServices;

namespace Shoal.Runtime.Storage;

/// <summary>
/// Puts something new in the place of something old, so that who looks sees the one or the other, whole, whenever the power goes. All throw
/// <see cref="StorageException"/> when the disk fails.
/// </summary>
public static class Replacement
{
    /// <summary>Writes a file anew, durably. One writer at a time.</summary>
    public static void OfFile(string path, ReadOnlySpan<byte> bytes)
    {
        var temporary = path + ".new";
        try
        {
            using (var handle = File.OpenHandle(temporary, FileMode.Create, FileAccess.Write))
            {
                RandomAccess.Write(handle, bytes, 0);
                RandomAccess.FlushToDisk(handle);
            }

            File.Move(temporary, path, overwrite: true);
            ContentFolder.SyncFolder(Path.GetDirectoryName(path)!);
        }
        catch (Exception error) when (StorageException.IsFromDisk(error))
        {
            throw StorageException.From(error, "write", path);
        }
    }

    /// <summary>
    /// Lets <paramref name="path"/> be a symbolic link to <paramref name="target"/>. If nothing is there, it is made and nothing that comes there
    /// meanwhile is lost; what is there is replaced, for which the link is first made as <paramref name="temporary"/>, on the same file system.
    /// </summary>
    public static void OfLink(string path, string target, string temporary, bool isFolder)
    {
        try
        {
            if (new FileInfo(path).LinkTarget is null)
            {
                Link(path, target, isFolder);
            }
            else
            {
                File.Delete(temporary);
                Link(temporary, target, isFolder);
                Rename(temporary, path, isFolder);
            }

            ContentFolder.SyncFolder(Path.GetDirectoryName(path)!);
        }
        catch (Exception error) when (StorageException.IsFromDisk(error))
        {
            throw StorageException.From(error, "put a link at", path);
        }
    }

    // Which of the two it is matters to Windows only.
    private static void Link(string path, string target, bool isFolder) =>
        _ = isFolder ? Directory.CreateSymbolicLink(path, target) : File.CreateSymbolicLink(path, target);

    private static void Rename(string from, string to, bool isFolder)
    {
        if (OperatingSystem.IsWindows())
        {
            // It has no way to replace a link to a folder at once.
            if (isFolder)
            {
                Directory.Delete(to);
                Directory.Move(from, to);
            }
            else
            {
                File.Move(from, to, overwrite: true);
            }
        }
        else if (Posix.Rename(from, to) != 0)
        {
            // Not File.Move: that refuses what leads to a folder.
            throw StorageException.FromErrno(Marshal.GetLastPInvokeError(), "put a link at", to);
        }
    }
}
