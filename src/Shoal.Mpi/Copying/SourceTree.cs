using Shoal.Runtime.Storage;

namespace Shoal.Mpi.Copying;

/// <summary>
/// The sources as one rank sees them: finds what there is to copy, and where each entry's bytes lie. Links inside a folder are
/// copied as links; a source that is itself a link is followed, since the user named it. Devices, pipes and sockets are left out.
/// </summary>
internal sealed class SourceTree
{
    private readonly (string Path, string Name)[] _sources;

    /// <summary>The sources, each of which must exist.</summary>
    /// <exception cref="StorageException">One does not, or two have the same name.</exception>
    public SourceTree(IReadOnlyList<string> sources)
    {
        _sources = [.. sources.Select(Resolve)];
        var twice = _sources.GroupBy(source => source.Name, StringComparer.Ordinal).FirstOrDefault(group => group.Count() > 1);
        if (twice is not null)
        {
            throw new StorageException($"two sources have the name '{twice.Key}', and would overwrite each other");
        }
    }

    /// <summary>Where the entry lies here.</summary>
    public string PathOf(ManifestEntry entry)
    {
        var (path, name) = _sources[entry.Source];
        return path + entry.Path[name.Length..];
    }

    /// <summary>Lists everything. <paramref name="warn"/> gets a line for each thing left out.</summary>
    /// <exception cref="StorageException">Something cannot be listed.</exception>
    public Manifest Scan(Action<string> warn)
    {
        var entries = new List<ManifestEntry>();
        for (var source = 0; source < _sources.Length; source++)
        {
            var (path, name) = _sources[source];
            try
            {
                if (Directory.Exists(path))
                {
                    ScanFolder(source, new DirectoryInfo(path), name, entries, warn);
                }
                else
                {
                    entries.Add(FileEntry(source, new FileInfo(path), name));
                }
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                throw new StorageException($"cannot read '{path}': {error.Message}", error);
            }
        }

        return new Manifest(entries);
    }

    /// <summary>Whether the files are here as the manifest has them; null, or what is different.</summary>
    public string? FindDifference(Manifest manifest)
    {
        foreach (var entry in manifest.Entries)
        {
            if (entry.Kind == EntryKind.File &&
                (new FileInfo(PathOf(entry)) is not { Exists: true } file || file.Length != entry.Length || FileTimes.ModifiedNanoseconds(file) != entry.ModifiedNanoseconds))
            {
                return $"'{PathOf(entry)}' is not the same file here";
            }
        }

        return null;
    }

    private static (string Path, string Name) Resolve(string source)
    {
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(source));
        var name = Path.GetFileName(full);
        if (name.Length == 0)
        {
            throw new StorageException($"'{source}' has no name to be copied by");
        }

        if (name == StagedStore.FolderName)
        {
            throw new StorageException($"'{source}' cannot be copied under its name: what is not whole yet is gathered in a folder of that name");
        }

        FileSystemInfo info = Directory.Exists(full) ? new DirectoryInfo(full) : new FileInfo(full);
        if (!info.Exists)
        {
            throw new StorageException(StorageErrorKind.NotFound, $"there is no file or folder '{source}'");
        }

        var real = info.LinkTarget is null ? full : info.ResolveLinkTarget(returnFinalTarget: true)!.FullName;
        if (info is FileInfo && !ContentScanner.IsRegular(real))
        {
            throw new StorageException(StorageErrorKind.UnsafePath, $"'{source}' is neither a file nor a folder");
        }

        return (real, name);
    }

    private static void ScanFolder(int source, DirectoryInfo folder, string path, List<ManifestEntry> entries, Action<string> warn)
    {
        entries.Add(new ManifestEntry(EntryKind.Folder, source, path, 0, FileTimes.ModifiedNanoseconds(folder), ModeOf(folder)));
        foreach (var entry in folder.EnumerateFileSystemInfos().OrderBy(entry => entry.Name, StringComparer.Ordinal))
        {
            var below = $"{path}/{entry.Name}";
            if (entry.LinkTarget is { } target)
            {
                entries.Add(new ManifestEntry(EntryKind.Link, source, below, 0, 0, default, target));
            }
            else if (entry is DirectoryInfo inner)
            {
                ScanFolder(source, inner, below, entries, warn);
            }
            else if (!entry.Exists)
            {
                throw new StorageException(StorageErrorKind.UnsafePath, $"cannot copy '{entry.FullName}': its name is not valid UTF-8, or it has just gone");
            }
            else if (ContentScanner.IsRegular(entry.FullName))
            {
                entries.Add(FileEntry(source, (FileInfo)entry, below));
            }
            else
            {
                warn($"left out '{entry.FullName}': not a regular file");
            }
        }
    }

    private static ManifestEntry FileEntry(int source, FileInfo file, string path) =>
        new(EntryKind.File, source, path, file.Length, FileTimes.ModifiedNanoseconds(file), ModeOf(file));

    private static UnixFileMode ModeOf(FileSystemInfo entry) => OperatingSystem.IsWindows() ? default : entry.UnixFileMode;
}
