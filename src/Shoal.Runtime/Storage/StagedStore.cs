using System.Security.Cryptography;
using System.Text;
using Shoal.Engine.Resume;
using Shoal.Protocol;
using Shoal.Protocol.Metadata;

namespace Shoal.Runtime.Storage;

/// <summary>
/// Content that is gathered in hidden files and moved to its names when it is whole. Invariants: a file bears its final name only
/// when every byte was written and flushed; a file that is kept is never written to; what an earlier run left behind,
/// hidden or under the final name, is offered for checking, and trusted in nothing. One process at a time uses a folder.
/// Thread-safe; every method blocks. All throw <see cref="StorageException"/> when the disk fails.
/// </summary>
public sealed class StagedStore : IPieceStore, IDisposable
{
    /// <summary>The folder below the root that holds what is not whole yet.</summary>
    public const string FolderName = ".shoal-part";

    private static readonly TimeSpan MapPatience = TimeSpan.FromSeconds(10);

    private readonly IReadOnlyList<ContentFile> _files;
    private readonly PieceLayout _layout;
    private readonly ContentMap _map;
    private readonly string _root;
    private readonly bool[] _isKept;
    private readonly bool[] _isOld; // lies under its final name, perhaps other content, and nothing of it is staged
    private readonly bool _hasKept;
    private readonly PieceStore _staged;
    private readonly PieceStore _named; // what is kept or old
    private readonly FileStream _lock;
    private readonly ReaderWriterLockSlim _moving = new();
    private int _mapCount;       // blocks that are mapped just now
    private volatile bool _isPublishing;
    private PieceStore? _published;

    private StagedStore(IReadOnlyList<ContentFile> files, PieceLayout layout, string root, Predicate<int> isKept)
    {
        _files = files;
        _layout = layout;
        _map = new ContentMap(files, layout);
        _root = Path.GetFullPath(root);
        _lock = Lock(_root);
        _isKept = [.. Enumerable.Range(0, files.Count).Select(file => isKept(file))];
        _hasKept = _isKept.Contains(true);
        _isOld = [.. Enumerable.Range(0, files.Count).Select(file =>
            !_isKept[file] && !File.Exists(FullPath(StagedPath(file))) && IsPlainFile(FinalPath(file)))];
        _staged = PieceStore.Open([.. files.Select((file, i) => file with { Path = StagedPath(i) })], layout, _root, readOnly: false);
        _named = PieceStore.Open(files, layout, _root, readOnly: true);
    }

    /// <summary>Opens the folder <paramref name="root"/>, which is made; files for which <paramref name="isKept"/> says so are right already.</summary>
    /// <exception cref="StorageException">The folder cannot be made, or another process uses it.</exception>
    public static StagedStore Open(IReadOnlyList<ContentFile> files, PieceLayout layout, string root, Predicate<int> isKept) =>
        new(files, layout, root, isKept);

    /// <summary>The pieces that are right already: all their bytes lie in files that are kept.</summary>
    public Bitfield FindKept()
    {
        var kept = new Bitfield(_layout.PieceCount);
        kept.SetAll();
        ClearPiecesOf(kept, file => !_isKept[file]);
        return kept;
    }

    /// <summary>The pieces that may be right: something of every byte's place lies on disk.</summary>
    public Bitfield FindCandidates()
    {
        var onStage = _staged.Survey();
        var underName = _named.Survey();
        var plan = ResumePlan.Make(_layout, _files, null, [.. _files.Select((_, i) => _isKept[i] || _isOld[i] ? underName[i] : onStage[i])]);
        var kept = FindKept();
        var candidates = new Bitfield(_layout.PieceCount);
        for (var piece = 0; piece < _layout.PieceCount; piece++)
        {
            if (plan[new PieceIndex(piece)] == PieceVerdict.Check && !kept[piece])
            {
                candidates.Set(piece);
            }
        }

        return candidates;
    }

    /// <summary>Reads a whole candidate from wherever it lies.</summary>
    public void ReadCandidate(PieceIndex piece, Span<byte> destination) =>
        Read(piece, 0, destination, file => _isKept[file] || _isOld[file] ? _named : _staged);

    /// <summary>A candidate turned out to be right: what of it lies in an old file is copied to where it belongs.</summary>
    public void Adopt(PieceIndex piece, ReadOnlySpan<byte> bytes)
    {
        var position = 0;
        while (position < bytes.Length)
        {
            var segment = _map.First(_map.OffsetOf(new BlockRequest(piece, position, bytes.Length - position)), bytes.Length - position);
            if (_isOld[segment.File])
            {
                _staged.Write(piece, position, bytes.Slice(position, segment.Length));
            }

            position += segment.Length;
        }
    }

    /// <inheritdoc/>
    public void Write(PieceIndex piece, int begin, ReadOnlySpan<byte> bytes)
    {
        if (!_hasKept)
        {
            _staged.Write(piece, begin, bytes);
            return;
        }

        while (!bytes.IsEmpty)
        {
            var segment = _map.First(_map.OffsetOf(new BlockRequest(piece, begin, bytes.Length)), bytes.Length);
            if (!_isKept[segment.File])
            {
                _staged.Write(piece, begin, bytes[..segment.Length]);
            }

            begin += segment.Length;
            bytes = bytes[segment.Length..];
        }
    }

    /// <inheritdoc/>
    public void Read(PieceIndex piece, int begin, Span<byte> destination)
    {
        _moving.EnterReadLock();
        try
        {
            if (_published is not null || !_hasKept)
            {
                (_published ?? _staged).Read(piece, begin, destination);
            }
            else
            {
                Read(piece, begin, destination, file => _isKept[file] ? _named : _staged);
            }
        }
        finally
        {
            _moving.ExitReadLock();
        }
    }

    /// <inheritdoc/>
    public LentBytes? TryLend(in BlockRequest block, bool mayMap)
    {
        if (!mayMap)
        {
            return null;
        }

        _moving.EnterReadLock();
        try
        {
            if (_isPublishing || _hasKept || _staged.TryMap(block) is not { } bytes)
            {
                return null;
            }

            Interlocked.Increment(ref _mapCount);
            bytes.Released = () => Interlocked.Decrement(ref _mapCount);
            return bytes;
        }
        finally
        {
            _moving.ExitReadLock();
        }
    }

    /// <summary>
    /// Moves the files that are whole to their names, durably; once. The first obstacle is thrown once all that can be moved are. <paramref name="finish"/> gets each one's index and
    /// its path before the move, to give it its times and mode. Reading goes on meanwhile. Nothing may be written any more.
    /// </summary>
    public void Publish(Predicate<int> isWhole, Action<int, string> finish)
    {
        var whole = Enumerable.Range(0, _files.Count).Where(file => !_isKept[file] && isWhole(file)).ToArray();
        try
        {
            foreach (var file in whole)
            {
                _staged.FinishFile(file);
            }

            _staged.Sync();
            AwaitMaps();
            var (moved, obstacle) = Move(whole, finish);
            foreach (var folder in moved.Select(file => Path.GetDirectoryName(FinalPath(file))!).Distinct())
            {
                ContentFolder.SyncFolder(folder);
            }

            if (obstacle is not null)
            {
                throw obstacle;
            }
        }
        catch (Exception error) when (StorageException.IsFromDisk(error))
        {
            throw StorageException.From(error, "finish files in", _root);
        }
    }

    /// <summary>Closes the files; removes the folder of what is not whole, if nothing is left in it.</summary>
    public void Dispose()
    {
        _staged.Dispose();
        _named.Dispose();
        _published?.Dispose();
        _moving.Dispose();
        try
        {
            File.Delete(_lock.Name);
            _lock.Dispose();
            Directory.Delete(Path.Combine(_root, FolderName));
        }
        catch (Exception error) when (StorageException.IsFromDisk(error))
        {
            _lock.Dispose(); // something is left in it, to go on with
        }
    }

    // Under its name a file may be cut by anybody, and whoever then looks at a map of it is ended. Blocks are on their way for
    // milliseconds; one whose receiver is frozen does not keep the files from their names for ever.
    private void AwaitMaps()
    {
        _moving.EnterWriteLock();
        _isPublishing = true;
        _moving.ExitWriteLock();
        SpinWait.SpinUntil(() => Volatile.Read(ref _mapCount) == 0, MapPatience);
    }

    // What stands in the way of one file keeps no other from its name.
    private (IReadOnlySet<int> Moved, StorageException? Obstacle) Move(int[] whole, Action<int, string> finish)
    {
        var moved = new HashSet<int>();
        StorageException? obstacle = null;
        _moving.EnterWriteLock();
        try
        {
            foreach (var file in whole)
            {
                try
                {
                    finish(file, FullPath(StagedPath(file)));
                    Directory.CreateDirectory(Path.GetDirectoryName(FinalPath(file))!);
                    File.Move(FullPath(StagedPath(file)), FinalPath(file), overwrite: true);
                    moved.Add(file);
                }
                catch (Exception error) when (StorageException.IsFromDisk(error) || error is StorageException)
                {
                    obstacle ??= error as StorageException ?? StorageException.From(error, "give its name to", FinalPath(file));
                }
            }

            _published = PieceStore.Open(
                [.. _files.Select((file, i) => moved.Contains(i) || _isKept[i] ? file : file with { Path = StagedPath(i) })],
                _layout, _root, readOnly: true);
        }
        finally
        {
            _moving.ExitWriteLock();
        }

        return (moved, obstacle);
    }

    private void Read(PieceIndex piece, int begin, Span<byte> destination, Func<int, PieceStore> storeOf)
    {
        while (!destination.IsEmpty)
        {
            var segment = _map.First(_map.OffsetOf(new BlockRequest(piece, begin, destination.Length)), destination.Length);
            storeOf(segment.File).Read(piece, begin, destination[..segment.Length]);
            begin += segment.Length;
            destination = destination[segment.Length..];
        }
    }

    private void ClearPiecesOf(Bitfield pieces, Predicate<int> isMeant)
    {
        for (var file = 0; file < _files.Count; file++)
        {
            if (isMeant(file))
            {
                var range = _layout.PiecesOf(_files[file].Offset, _files[file].Length);
                for (var piece = range.First.Value; piece < range.End; piece++)
                {
                    pieces.Clear(piece);
                }
            }
        }
    }

    private string FullPath(string relative) => Path.Combine(_root, relative);

    private string FinalPath(int file) => FullPath(_files[file].Path);

    // By a hash: a name may be as long as names can be, and a path that is staged needs no folders.
    private string StagedPath(int file) =>
        $"{FolderName}/{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(_files[file].Path)).AsSpan(0, 12))}";

    private static bool IsPlainFile(string path) => new FileInfo(path) is { Exists: true, LinkTarget: null } && ContentScanner.IsRegular(path);

    private static FileStream Lock(string root)
    {
        var folder = Path.Combine(root, FolderName);
        try
        {
            Directory.CreateDirectory(folder);
            return new FileStream(Path.Combine(folder, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException error) when (error.HResult is 11 or 35)
        {
            throw new StorageException($"another job writes to '{root}'", error);
        }
        catch (Exception error) when (StorageException.IsFromDisk(error))
        {
            throw StorageException.From(error, "write to", root);
        }
    }
}
