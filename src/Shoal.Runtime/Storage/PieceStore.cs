using System.Collections.Concurrent;
using Shoal.Engine.Resume;
using Shoal.Protocol;
using Shoal.Protocol.Metadata;

namespace Shoal.Runtime.Storage;

/// <summary>
/// The content of one torrent in files below a folder: pieces are written to and read from their places. Files and folders
/// are made when their first byte is written, sparse; padding (BEP 47) is neither written nor read, its bytes are zeros.
/// Invariants: nothing outside the folder is opened (<see cref="ContentFolder"/>); what <see cref="Sync"/> returned from
/// survives a power cut; a sealed file that changed since is never read as good. Thread-safe; every method blocks, so they
/// belong on worker threads. All throw <see cref="StorageException"/> when the disk fails.
/// </summary>
public sealed class PieceStore : IPieceStore, IHashedContent, IDisposable
{
    /// <summary>The number of files kept open unless told otherwise.</summary>
    public const int DefaultHandleCount = 512;

    private readonly ContentFolder _folder;
    private readonly ContentMap _map;
    private readonly HandleCache _handles;
    private readonly StoreSync _sync;
    private readonly Lock _writing = new();
    private readonly ConcurrentDictionary<int, StorageException> _readErrors = new();
    private readonly bool[] _isStored;

    // What a file was when it was sealed; null while it may still be written.
    private readonly Seal?[] _seals;

    private PieceStore(IReadOnlyList<ContentFile> files, PieceLayout layout, string root, bool readOnly, int handleCount)
    {
        Files = files;
        Layout = layout;
        IsReadOnly = readOnly;
        _map = new ContentMap(files, layout);
        _folder = new ContentFolder(root);
        _handles = new HandleCache(handleCount);
        _sync = new StoreSync(this, _folder);
        _seals = new Seal?[files.Count];
        _isStored = [.. files.Select(file => !file.IsPadding && !file.IsSymlink)];
    }

    /// <summary>The torrent's files.</summary>
    public IReadOnlyList<ContentFile> Files { get; }

    /// <summary>How the content is cut.</summary>
    public PieceLayout Layout { get; }

    /// <summary>Whether it only serves.</summary>
    public bool IsReadOnly { get; }

    /// <summary>The absolute path of the folder that holds the files.</summary>
    public string Root => _folder.Root;

    /// <summary>The files that could not be looked at or read, by index, each with its first error. Grows while others read.</summary>
    public IReadOnlyDictionary<int, StorageException> ReadErrors => _readErrors;

    internal int OpenHandleCount => _handles.Count;

    /// <summary>
    /// Opens the content below <paramref name="root"/>; each file's path is taken from there. The root is trusted, and
    /// made when something is written. Read-only, every file is sealed as it is now (as missing if that cannot be told:
    /// see <see cref="ReadErrors"/>); else none is.
    /// </summary>
    /// <exception cref="ArgumentException">The files do not fill the layout.</exception>
    public static PieceStore Open(
        IReadOnlyList<ContentFile> files, PieceLayout layout, string root, bool readOnly, int handleCount = DefaultHandleCount)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(handleCount);
        var store = new PieceStore(files, layout, root, readOnly, handleCount);
        if (readOnly)
        {
            store.SealAll();
        }

        return store;
    }

    /// <summary>
    /// Opens a torrent's content in <paramref name="folder"/>, where a single file stands by its name and a folder's files
    /// below the folder's name. Only <paramref name="folder"/> itself is trusted: not even the torrent's own folder may be
    /// a link that leads out of it.
    /// </summary>
    /// <inheritdoc cref="Open(IReadOnlyList{ContentFile}, PieceLayout, string, bool, int)"/>
    public static PieceStore Open(Metainfo metainfo, string folder, bool readOnly, int handleCount = DefaultHandleCount) => Open(
        [.. metainfo.Files.Select(file => file with { Path = metainfo.RelativePathOf(file) })],
        metainfo.Layout, folder, readOnly, handleCount);

    /// <summary>Writes bytes of a piece to their places, across files where they lie so. What was written before an error stays.</summary>
    public void Write(PieceIndex piece, int begin, ReadOnlySpan<byte> bytes)
    {
        if (IsReadOnly)
        {
            throw new InvalidOperationException("the store is read-only");
        }

        if (bytes.IsEmpty)
        {
            return;
        }

        var offset = _map.OffsetOf(new BlockRequest(piece, begin, bytes.Length));
        while (!bytes.IsEmpty)
        {
            var segment = _map.First(offset, bytes.Length);
            if (IsStored(segment.File))
            {
                WriteTo(segment, bytes[..segment.Length]);
            }

            offset += segment.Length;
            bytes = bytes[segment.Length..];
        }
    }

    /// <summary>Fills <paramref name="destination"/> with bytes of the piece.</summary>
    public void Read(PieceIndex piece, int begin, Span<byte> destination)
    {
        if (!destination.IsEmpty)
        {
            ReadBlocks([new BlockRequest(piece, begin, destination.Length)], destination, 0);
        }
    }

    /// <summary>
    /// Reads the blocks one after another into <paramref name="destination"/>, each behind <paramref name="gapBefore"/> bytes
    /// that are left alone (room for a wire header, so that one send carries many blocks). Blocks that follow each other in a
    /// file come by one system call. Returns the number of bytes taken in the destination, gaps included.
    /// </summary>
    public int ReadBlocks(ReadOnlySpan<BlockRequest> blocks, Span<byte> destination, int gapBefore)
    {
        var reader = new ScatteredReader(this, stackalloc ScatteredReader.Target[ScatteredReader.MaximumTargets], destination);
        var position = 0;
        foreach (var block in blocks)
        {
            var offset = _map.OffsetOf(block);
            position += gapBefore;
            for (var left = block.Length; left > 0;)
            {
                var segment = _map.First(offset, left);
                if (IsStored(segment.File))
                {
                    reader.Add(segment, position);
                }
                else
                {
                    destination.Slice(position, segment.Length).Clear();
                }

                offset += segment.Length;
                position += segment.Length;
                left -= segment.Length;
            }
        }

        reader.Flush();
        return position;
    }

    /// <summary>The block where the kernel keeps it; null unless it lies in one file, which is not sealed.</summary>
    internal MappedBytes? TryMap(in BlockRequest block)
    {
        var segment = _map.First(_map.OffsetOf(block), block.Length);
        if (segment.Length < block.Length || _seals[segment.File] is not null || !IsStored(segment.File) || Take(segment.File, writing: false) is not { } open)
        {
            return null;
        }

        try
        {
            return MappedBytes.TryMake(open.Handle, segment.Offset, segment.Length);
        }
        finally
        {
            Release(open);
        }
    }

    /// <summary>
    /// Makes durable all writes that had returned when this was called: the data of the files they went to, and the names of
    /// new files and folders. After an error nothing that was written since the last success may be taken as durable.
    /// Returns the indices of the files that were flushed.
    /// </summary>
    public IReadOnlyCollection<int> Sync() => _sync.Run();

    /// <summary>
    /// Looks at every file: length, time, and where it has data. Costs a few system calls a file. What cannot be read
    /// counts as missing, and stands in <see cref="ReadErrors"/>.
    /// </summary>
    public IReadOnlyList<FileOnDisk> Survey() => [.. Enumerable.Range(0, Files.Count).Select(file => LookOrNote(file, withExtents: true))];

    /// <summary>
    /// Every file's length and time when its content was last known to be right: as it was sealed, so that the next run
    /// notices a change that nobody has met yet; else as it is now. Missing for what is never stored, or cannot be read.
    /// </summary>
    public IReadOnlyList<FileFacts> GetFacts() => [.. Enumerable.Range(0, Files.Count).Select(file => _seals[file]?.Facts ?? LookOrNote(file).Facts)];

    /// <summary>
    /// Ends a download: makes the empty files, cuts files that were longer to their length, lets programs be run (BEP 47),
    /// syncs, and seals every file that is not sealed as it is now. May be called again. <paramref name="wanted"/> tells by index which
    /// files to finish; null for all.
    /// </summary>
    public void Finish(Predicate<int>? wanted = null)
    {
        if (!IsReadOnly)
        {
            for (var i = 0; i < Files.Count; i++)
            {
                if (IsStored(i) && wanted?.Invoke(i) != false)
                {
                    FinishFile(i);
                }
            }

            Sync();
        }

        SealAll();
    }

    /// <summary>Closes the files. Syncs nothing.</summary>
    public void Dispose() => _handles.Dispose();

    PieceVerdict IHashedContent.VerdictOfHole(PieceIndex piece) => PieceVerdict.Hole;

    IPieceWorker IHashedContent.StartWorker() => new PieceGroup(this);

    /// <summary>Whether the file exists on disk at all: padding does not, nor do links, which no torrent may make.</summary>
    internal bool IsStored(int file) => _isStored[file];

    /// <summary>The file's absolute path.</summary>
    internal string PathOf(int file) => _folder.PathOf(Files[file].Path);

    /// <summary>An open handle for use; give it back with <see cref="Release"/>. Null if the file is not there and not to be made.</summary>
    internal HandleCache.OpenFile? Take(int file, bool writing)
    {
        if (_handles.TryTake(file, writing) is { } open)
        {
            return open;
        }

        var path = Files[file].Path;
        if (!IsReadOnly)
        {
            try
            {
                return _folder.OpenForWriting(path, create: writing) is { } handle ? _handles.Add(file, handle, canWrite: true) : null;
            }
            catch (StorageException error) when (!writing && error.Kind is StorageErrorKind.PermissionDenied or StorageErrorKind.UnsafePath)
            {
                // Not writable, but it may well be read.
            }
        }

        return _folder.OpenForReading(path) is { } readable ? _handles.Add(file, readable, canWrite: false) : null;
    }

    internal void Release(HandleCache.OpenFile open) => _handles.Release(open);

    internal void NoteReadError(int file, StorageException error) => _readErrors.TryAdd(file, error);

    internal StorageException NotThere(int file) => _seals[file] is { Facts.Exists: true }
        ? Changed(file, "is gone since it was checked")
        : new StorageException(StorageErrorKind.NotFound, $"cannot read '{PathOf(file)}': there is no such file");

    internal StorageException Changed(int file, string how) => new(StorageErrorKind.Changed, $"'{PathOf(file)}' {how}")
    {
        LostPieces = _seals[file] is null ? null : Layout.PiecesOf(Files[file].Offset, Files[file].Length),
    };

    /// <summary>Called after a read: what came is good only if the file is still the one that was sealed.</summary>
    internal void ThrowIfChanged(HandleCache.OpenFile open)
    {
        if (_seals[open.File] is { } seal && FileStatus.Of(open.Handle) != seal.Facts)
        {
            throw Changed(open.File, "changed since it was checked");
        }
    }

    private void WriteTo(Segment segment, ReadOnlySpan<byte> bytes)
    {
        _seals[segment.File] = null;
        var open = Take(segment.File, writing: true)!;
        try
        {
            // The kernel lets one writer at a time into a file and spins for it meanwhile (12 % of a download's time on
            // ext4 with two workers): a second worker rather sleeps here.
            lock (_writing)
            {
                RandomAccess.Write(open.Handle, bytes, segment.Offset);
            }
        }
        catch (Exception error) when (StorageException.IsFromDisk(error) || error is ArgumentOutOfRangeException)
        {
            throw StorageException.From(error, "write", PathOf(segment.File));
        }
        finally
        {
            _sync.NoteWritten(segment.File);
            Release(open);
        }
    }

    /// <summary>Makes the file if it is empty, cuts it to its length, lets it be run if it may.</summary>
    internal void FinishFile(int file)
    {
        var length = Files[file].Length;
        if (Take(file, writing: length == 0) is not { } open)
        {
            return;
        }

        try
        {
            if (RandomAccess.GetLength(open.Handle) > length)
            {
                RandomAccess.SetLength(open.Handle, length);
                _sync.NoteWritten(file);
            }

            if (Files[file].IsExecutable && !OperatingSystem.IsWindows())
            {
                var mode = File.GetUnixFileMode(open.Handle);
                File.SetUnixFileMode(open.Handle, mode | ExecutableWhereReadable(mode));
            }
        }
        catch (Exception error) when (StorageException.IsFromDisk(error))
        {
            throw StorageException.From(error, "finish", PathOf(file));
        }
        finally
        {
            Release(open);
        }
    }

    // Whoever may read it may run it: the umask has had its say about reading.
    private static UnixFileMode ExecutableWhereReadable(UnixFileMode mode) =>
        (UnixFileMode)(((int)mode & (int)(UnixFileMode.UserRead | UnixFileMode.GroupRead | UnixFileMode.OtherRead)) >> 2);

    /// <summary>The file's length and time as they are now.</summary>
    internal FileFacts FactsOf(int file) => Look(file, withExtents: false).Facts;

    private FileOnDisk Look(int file, bool withExtents)
    {
        if (!IsStored(file) || Take(file, writing: false) is not { } open)
        {
            return FileOnDisk.Missing;
        }

        try
        {
            var facts = FileStatus.Of(open.Handle);
            return new FileOnDisk(facts, withExtents ? DataExtents.Of(open.Handle, facts.Length) : null);
        }
        catch (Exception error) when (StorageException.IsFromDisk(error))
        {
            throw StorageException.From(error, "read", PathOf(file));
        }
        finally
        {
            Release(open);
        }
    }

    /// <summary>Like <see cref="Look"/>, but what cannot be read is noted and counts as missing.</summary>
    internal FileOnDisk LookOrNote(int file, bool withExtents = false)
    {
        try
        {
            return Look(file, withExtents);
        }
        catch (StorageException error)
        {
            NoteReadError(file, error);
            return FileOnDisk.Missing;
        }
    }

    private void SealAll()
    {
        for (var i = 0; i < _seals.Length; i++)
        {
            // A seal that stands is older than what was checked, and so the one to trust.
            _seals[i] ??= new Seal(LookOrNote(i).Facts);
        }
    }

    private sealed record Seal(FileFacts Facts);
}
