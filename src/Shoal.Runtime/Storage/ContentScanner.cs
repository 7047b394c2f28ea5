using System.Text;
using Shoal.Protocol;
using Shoal.Protocol.Metadata;

namespace Shoal.Runtime.Storage;

/// <summary>What a user wants to share, as it lies on disk.</summary>
/// <param name="Root">The folder below which the files' paths are, as <see cref="PieceStore"/> wants it.</param>
/// <param name="Name">The name of the file or folder.</param>
/// <param name="IsFolder">Whether it is a folder.</param>
/// <param name="Files">The files, sorted by the bytes of their paths, with their places in the content.</param>
public sealed record ScannedContent(string Root, string Name, bool IsFolder, IReadOnlyList<ContentFile> Files)
{
    /// <summary>Bytes in all.</summary>
    public long TotalLength => Files.Count == 0 ? 0 : Files[^1].Offset + Files[^1].Length;
}

/// <summary>
/// Finds the files of a new torrent: every regular file, hidden ones too. A link to a file inside the folder counts as that
/// file; other links, devices, sockets and the like are left out, each with a warning.
/// </summary>
public static class ContentScanner
{
    /// <summary>Looks at a file or folder. <paramref name="warn"/> gets a line for each thing left out.</summary>
    /// <exception cref="StorageException">There is nothing there, or a folder cannot be listed.</exception>
    public static ScannedContent Scan(string path, Action<string>? warn = null)
    {
        // The user named it, so links on the way to it are followed.
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        var real = LinkResolver.Resolve(full);
        try
        {
            if (Directory.Exists(real))
            {
                return new ScannedContent(real, NameOf(full), IsFolder: true, ScanFolder(real, warn));
            }

            if (!File.Exists(real))
            {
                throw new StorageException(StorageErrorKind.NotFound, $"there is no file or folder '{path}'");
            }

            if (!IsRegular(real))
            {
                throw new StorageException(StorageErrorKind.UnsafePath, $"'{path}' is neither a file nor a folder");
            }

            var file = new ContentFile(NameOf(real), new FileInfo(real).Length, 0, AttributesOf(real));
            return new ScannedContent(Path.GetDirectoryName(real)!, file.Path, IsFolder: false, [file]);
        }
        catch (Exception error) when (StorageException.IsFromDisk(error))
        {
            throw StorageException.From(error, "read", path);
        }
    }

    private static string NameOf(string path) =>
        Path.GetFileName(path) is { Length: > 0 } name ? name : throw new StorageException($"'{path}' has no name to share it by");

    private static List<ContentFile> ScanFolder(string root, Action<string>? warn)
    {
        var found = new List<(byte[] Key, string Path, long Length, ContentAttributes Attributes)>();
        var folders = new Stack<string>([""]);
        while (folders.TryPop(out var folder))
        {
            foreach (var entry in new DirectoryInfo(Path.Combine(root, folder)).EnumerateFileSystemInfos())
            {
                var relative = folder.Length == 0 ? entry.Name : $"{folder}/{entry.Name}";
                if (entry is DirectoryInfo && entry.LinkTarget is null)
                {
                    folders.Push(relative);
                }
                else if (FindFile(root, relative, entry, warn) is { } file)
                {
                    found.Add((Encoding.UTF8.GetBytes(relative), relative, file.Length, AttributesOf(file.FullName)));
                }
            }
        }

        found.Sort((left, right) => left.Key.AsSpan().SequenceCompareTo(right.Key));
        var files = new List<ContentFile>(found.Count);
        var offset = 0L;
        foreach (var (_, path, length, attributes) in found)
        {
            files.Add(new ContentFile(path, length, offset, attributes));
            offset += length;
        }

        return files;
    }

    private static FileInfo? FindFile(string root, string relative, FileSystemInfo entry, Action<string>? warn)
    {
        var real = entry.FullName;
        if (entry.LinkTarget is not null)
        {
            if (LinkResolver.ResolveInside(root, relative) is not { } inside || !File.Exists(Path.Combine(root, inside)))
            {
                warn?.Invoke($"left out '{relative}': a symbolic link that leads to no file in the folder");
                return null;
            }

            real = Path.Combine(LinkResolver.Resolve(root), inside);
        }
        else if (!entry.Exists)
        {
            // A name that is not UTF-8 cannot be put into a torrent, nor be opened by us.
            throw new StorageException(StorageErrorKind.UnsafePath, $"cannot share '{entry.FullName}': its name is not valid UTF-8, or it has just gone");
        }

        if (!IsRegular(real))
        {
            warn?.Invoke($"left out '{relative}': not a regular file");
            return null;
        }

        return new FileInfo(real);
    }

    /// <summary>Whether it is a regular file; a symbolic link is none.</summary>
    public static bool IsRegular(string path) =>
        !Posix.IsAvailable || (Posix.TryStatPath(path, out var status) && status.IsRegular);

    private static ContentAttributes AttributesOf(string path) =>
        !OperatingSystem.IsWindows() && File.GetUnixFileMode(path).HasFlag(UnixFileMode.UserExecute)
            ? ContentAttributes.Executable
            : ContentAttributes.None;
}
