using Shoal.Runtime.Storage;

namespace Shoal.Mpi.Copying;

/// <summary>
/// The destination on one rank, beside the files' bytes: which files are right already, folders, links, times and modes.
/// </summary>
internal sealed class DestinationTree(string root, Manifest manifest)
{
    // While it is written to; what the folder shall have in the end may forbid that.
    private const UnixFileMode Writable = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    public string Root => root;

    /// <summary>Whether the file stands there with its length and time.</summary>
    public bool IsRight(ManifestEntry entry) =>
        new FileInfo(PathOf(entry)) is { Exists: true, LinkTarget: null } file &&
        file.Length == entry.Length && FileTimes.ModifiedNanoseconds(file) == entry.ModifiedNanoseconds;

    /// <summary>Makes the folders, and lets us write to them.</summary>
    /// <exception cref="StorageException">It cannot be done.</exception>
    public void MakeFolders() => Do("make folders in", () =>
    {
        if (File.Exists(root))
        {
            throw new StorageException($"'{root}' is not a folder");
        }

        Directory.CreateDirectory(root);
        foreach (var entry in manifest.Entries.Where(entry => entry.Kind == EntryKind.Folder))
        {
            var folder = Directory.CreateDirectory(PathOf(entry));
            if (!OperatingSystem.IsWindows() && (folder.UnixFileMode & Writable) != Writable)
            {
                folder.UnixFileMode |= Writable;
            }
        }
    });

    /// <summary>Gives a file that is whole what its source has.</summary>
    public static void FinishFile(ManifestEntry entry, string path)
    {
        SetMode(new FileInfo(path), entry);
        FileTimes.SetModified(path, entry.ModifiedNanoseconds);
    }

    /// <summary>After all files: the links, and what files that were kept and folders shall have, inner ones first.</summary>
    /// <exception cref="StorageException">It cannot be done.</exception>
    public void Finish(Predicate<ManifestEntry> isWhole) => Do("finish", () =>
    {
        foreach (var entry in manifest.Entries)
        {
            if (entry.Kind == EntryKind.Link)
            {
                MakeLink(entry);
            }
            else if (entry.Kind == EntryKind.File && isWhole(entry))
            {
                SetMode(new FileInfo(PathOf(entry)), entry);
            }
        }

        foreach (var entry in manifest.Entries.Reverse().Where(entry => entry.Kind == EntryKind.Folder))
        {
            var folder = new DirectoryInfo(PathOf(entry));
            FileTimes.SetModified(folder.FullName, entry.ModifiedNanoseconds);
            SetMode(folder, entry);
        }
    });

    private string PathOf(ManifestEntry entry) => Path.Combine(root, entry.Path);

    private void MakeLink(ManifestEntry entry)
    {
        var path = PathOf(entry);
        var there = new FileInfo(path);
        if (there.LinkTarget == entry.Target)
        {
            return;
        }

        if (there.LinkTarget is not null || there.Exists)
        {
            File.Delete(path);
        }

        File.CreateSymbolicLink(path, entry.Target);
    }

    private static void SetMode(FileSystemInfo file, ManifestEntry entry)
    {
        if (!OperatingSystem.IsWindows() && file.UnixFileMode != entry.Mode)
        {
            file.UnixFileMode = entry.Mode;
        }
    }

    private void Do(string deed, Action action)
    {
        try
        {
            action();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new StorageException($"cannot {deed} '{root}': {error.Message}", error);
        }
    }
}
