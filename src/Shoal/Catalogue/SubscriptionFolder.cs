using Shoal.Protocol;
using Shoal.Protocol.Catalogue;
using Shoal.Protocol.Metadata;
using Shoal.Runtime.Storage;

namespace Shoal.Catalogue;

/// <summary>
/// The folder of a subscription. A version's content is a torrent's, in <c>.shoal/INFO-HASH/</c> under the torrent's own name: so the client finds
/// it as any other, two names of one torrent share it, and old versions stand beside new ones. Where a name belongs there is a relative
/// symbolic link to that, so that the folder can be moved; a new version replaces the link at once: who opens the name has one whole version or the
/// other, and the old one goes on being seeded. Invariants: names come from a server, so nothing is written through a link that is not below
/// <c>.shoal</c>; what is no link of ours is never touched. Who opened it is the only one until it is disposed. Thread-safe.
/// </summary>
internal sealed class SubscriptionFolder : IDisposable
{
    private const string Store = ".shoal";

    private readonly FileStream _lock;
    private readonly string _store;
    private readonly string _new;
    private readonly Lock _linking = new();

    private SubscriptionFolder(string root, FileStream locked)
    {
        Root = root;
        _store = Path.Combine(root, Store);
        _new = Path.Combine(_store, "new");
        _lock = locked;
    }

    /// <summary>Its absolute path.</summary>
    public string Root { get; }

    private string StatePath => Path.Combine(_store, "state.json");

    /// <summary>Makes the folder if it is not there.</summary>
    /// <exception cref="ShoalException">It cannot be written, or another subscription has it.</exception>
    public static SubscriptionFolder Open(string path)
    {
        var root = Path.GetFullPath(path);
        try
        {
            Directory.CreateDirectory(Path.Combine(root, Store));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new ShoalException(ShoalErrorKind.Environment, $"cannot write to '{path}': {ReasonOf(error)}", error);
        }

        FileStream locked;
        try
        {
            locked = new FileStream(Path.Combine(root, Store, "lock"), FileMode.OpenOrCreate, FileAccess.Write, FileShare.None);
        }
        catch (UnauthorizedAccessException error)
        {
            throw new ShoalException(ShoalErrorKind.Environment, $"cannot write to '{path}': {ReasonOf(error)}", error);
        }
        catch (IOException error)
        {
            // EAGAIN of Linux and of macOS, and a sharing violation.
            throw new ShoalException(ShoalErrorKind.Environment, (error.HResult & 0xffff) is 11 or 35 or 32
                ? $"another subscriber puts its files into '{path}'" : $"cannot write to '{path}': {error.Message}", error);
        }

        var folder = new SubscriptionFolder(root, locked);
        try
        {
            // What a killed one was about to put somewhere.
            DeleteFolder(folder._new);
            Directory.CreateDirectory(folder._new);
            return folder;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            folder.Dispose();
            throw new ShoalException(ShoalErrorKind.Environment, $"cannot write to '{path}': {ReasonOf(error)}", error);
        }
    }

    /// <summary>What is wrong with it as the name of something here, in one clause; null if nothing is.</summary>
    public static string? WhatIsWrongWith(CatalogueName name)
    {
        var parts = name.Value.Split('/');
        return parts[0].Equals(Store, StringComparison.OrdinalIgnoreCase) ? $"'{Store}' is kept for what belongs to the subscription"
            : parts.Select(part => SafePath.WhatIsWrongWith(part, SafePath.Local)).FirstOrDefault(wrong => wrong is not null);
    }

    /// <summary>Where the name belongs.</summary>
    public string PathOf(CatalogueName name) => Path.Combine([Root, .. name.Value.Split('/')]);

    /// <summary>Why the name's link cannot be there, in one line; null if it can.</summary>
    public string? WhatIsInTheWayOf(CatalogueName name)
    {
        var parts = name.Value.Split('/');
        for (var depth = 0; depth < parts.Length; depth++)
        {
            var path = Path.Combine([Root, .. parts[..(depth + 1)]]);
            var isLast = depth == parts.Length - 1;
            if (new FileInfo(path).LinkTarget is { } target)
            {
                var isOurs = IsOurs(target, depth);
                if (!isLast || !isOurs)
                {
                    return isOurs ? $"'{name}' would lie inside of '{string.Join('/', parts[..(depth + 1)])}'" : $"'{path}' is a link that is none of the subscription's";
                }
            }
            else if (File.Exists(path))
            {
                return $"'{path}' is a file that is none of the subscription's";
            }
            else if (isLast && Directory.Exists(path))
            {
                return $"'{path}' is a folder that is none of the subscription's";
            }
        }

        return null;
    }

    /// <summary>Puts the torrent where the name belongs. Gives what is in the way, if something is.</summary>
    /// <exception cref="StorageException">The disk fails.</exception>
    public string? Put(CatalogueName name, Metainfo metainfo)
    {
        // One at a time: two names, of which one would lie inside of the other, must not both find nothing there.
        lock (_linking)
        {
            if (WhatIsInTheWayOf(name) is { } wrong)
            {
                return wrong;
            }

            var path = PathOf(name);
            var depth = name.Value.Count(character => character == '/');
            var target = $"{string.Concat(Enumerable.Repeat("../", depth))}{Store}/{metainfo.InfoHash}/{metainfo.Name}";
            if (new FileInfo(path).LinkTarget != target)
            {
                Try(() => Directory.CreateDirectory(Path.GetDirectoryName(path)!));
                Replacement.OfLink(path, target, Path.Combine(_new, "link"), metainfo.IsFolder);
            }

            return null;
        }
    }

    /// <summary>The folder that holds the torrent's file or folder.</summary>
    public string FolderOf(InfoHash infoHash) => Path.Combine(_store, infoHash.ToString());

    /// <summary>Whether the torrent's file or folder is there, be it in part.</summary>
    public bool Has(Metainfo metainfo) => Path.Exists(Path.Combine(FolderOf(metainfo.InfoHash), metainfo.Name));

    /// <summary>Keeps the .torrent: so that it can be seeded when the catalogue cannot be asked.</summary>
    /// <exception cref="StorageException">The disk fails.</exception>
    public void Keep(Metainfo metainfo)
    {
        if (!File.Exists(TorrentOf(metainfo.InfoHash)))
        {
            Replacement.OfFile(TorrentOf(metainfo.InfoHash), MetainfoWriter.ToArray(metainfo));
        }
    }

    /// <summary>The .torrent that is kept; null if there is none of use.</summary>
    public Metainfo? Find(InfoHash infoHash)
    {
        try
        {
            return MetainfoReader.TryRead(File.ReadAllBytes(TorrentOf(infoHash)), out var metainfo, out _) && metainfo.InfoHash == infoHash ? metainfo : null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>
    /// Copies files of another version to where those of the same path belong, unless something is there already: of what did not change nothing need be
    /// fetched. It is the client's check that tells what is good. Copies cost no space where the file system can share it.
    /// </summary>
    public void Fill(Metainfo torrent, Metainfo older, CancellationToken cancellationToken)
    {
        var files = new Dictionary<string, ContentFile>(StringComparer.Ordinal);
        foreach (var file in older.Files.Where(IsStored))
        {
            files.TryAdd(older.IsFolder ? file.Path : "", file);
        }

        foreach (var file in torrent.Files.Where(IsStored))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (torrent.IsFolder == older.IsFolder && files.TryGetValue(torrent.IsFolder ? file.Path : "", out var same))
            {
                Copy(Path.Combine(FolderOf(older.InfoHash), older.RelativePathOf(same)), Path.Combine(FolderOf(torrent.InfoHash), torrent.RelativePathOf(file)));
            }
        }
    }

    /// <summary>Removes a torrent and its content, which no name needs.</summary>
    /// <exception cref="StorageException">The disk fails.</exception>
    public void Remove(InfoHash infoHash) => Try(() =>
    {
        DeleteFolder(FolderOf(infoHash));
        File.Delete(TorrentOf(infoHash));
    });

    /// <summary>The torrents of which something is here.</summary>
    public IReadOnlyCollection<InfoHash> All() =>
        [.. Directory.EnumerateFileSystemEntries(_store).Select(path => InfoHash.TryParse(Path.GetFileNameWithoutExtension(path), out var infoHash) ? infoHash : default)
            .Where(infoHash => infoHash != default).Distinct()];

    /// <summary>What <see cref="Write"/> wrote; null if nothing was written yet.</summary>
    /// <exception cref="ShoalException">It cannot be read.</exception>
    public byte[]? Read()
    {
        try
        {
            return File.ReadAllBytes(StatePath);
        }
        catch (FileNotFoundException)
        {
            return null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new ShoalException(ShoalErrorKind.Environment, $"cannot read '{StatePath}': {ReasonOf(error)}", error);
        }
    }

    /// <summary>Keeps how the subscription stands, durably. One at a time.</summary>
    /// <exception cref="StorageException">The disk fails.</exception>
    public void Write(ReadOnlySpan<byte> state) => Replacement.OfFile(StatePath, state);

    /// <summary>Why the state cannot be read, for the user.</summary>
    public ShoalException Unreadable(Exception error) =>
        new(ShoalErrorKind.Environment, $"'{StatePath}' cannot be read ({error.Message.Split('\n')[0]}); without it the subscription begins anew and keeps what is there", error);

    /// <inheritdoc/>
    public void Dispose() => _lock.Dispose();

    private static bool IsStored(ContentFile file) => !file.IsPadding && !file.IsSymlink && file.Length > 0;

    private static string ReasonOf(Exception error) => error is UnauthorizedAccessException ? "permission denied" : error.Message;

    // A link is ours if it leads to where we put torrents, and from where it stands.
    private static bool IsOurs(string target, int depth)
    {
        var up = string.Concat(Enumerable.Repeat("../", depth));
        var parts = target.Replace('\\', '/').Split('/');
        return parts.Length == depth + 3 && target.Replace('\\', '/').StartsWith($"{up}{Store}/", StringComparison.Ordinal) &&
            InfoHash.TryParse(parts[^2], out _) && parts[^1] is not ("" or "." or "..");
    }

    private static void Try(Action action)
    {
        try
        {
            action();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new StorageException(error.Message, error);
        }
    }

    private static void DeleteFolder(string path)
    {
        try
        {
            Directory.Delete(path, recursive: true);
        }
        catch (DirectoryNotFoundException)
        {
            // Nothing to do.
        }
    }

    private string TorrentOf(InfoHash infoHash) => Path.Combine(_store, $"{infoHash}.torrent");

    // What stands there is whole, whenever we are killed: else half a copy would be taken for one.
    private void Copy(string from, string to)
    {
        var temporary = Path.Combine(_new, Guid.NewGuid().ToString("N"));
        try
        {
            if (File.Exists(from) && new FileInfo(from).LinkTarget is null && !Path.Exists(to))
            {
                File.Copy(from, temporary);
                Directory.CreateDirectory(Path.GetDirectoryName(to)!);
                File.Move(temporary, to);
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // It only saves work: what is not there is fetched, and whether the disk is full shows then.
            File.Delete(temporary);
        }
    }
}
