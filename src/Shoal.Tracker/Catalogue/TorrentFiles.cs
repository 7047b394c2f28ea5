using System.Runtime.InteropServices;
using Shoal.Protocol;
using Shoal.Runtime.Storage;

namespace Shoal.Tracker.Catalogue;

/// <summary>
/// The .torrent files of a catalogue, each under its info-hash in one of 256 folders. They are written many at a time and then brought to the disk
/// together; what was on its way there when the machine failed may be torn, and is written anew when it comes again. Not thread-safe, but
/// for reading.
/// </summary>
internal sealed class TorrentFiles(string folder)
{
    private readonly List<string> _unsynced = [];

    /// <summary>Keeps the file: until <see cref="Sync"/> only as long as the machine runs.</summary>
    /// <exception cref="CatalogueException">It could not be written.</exception>
    public void Write(InfoHash infoHash, ReadOnlySpan<byte> torrent)
    {
        var path = PathOf(infoHash);
        try
        {
            if (!File.Exists(path) || !torrent.SequenceEqual(File.ReadAllBytes(path)))
            {
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                WriteAnew(path, torrent);
            }

            // Also if it is there: who wrote it may have been killed before it was on the disk.
            _unsynced.Add(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CatalogueException($"cannot write '{path}': {error.Message}", error);
        }
    }

    /// <summary>When this returns, all that was written is on the disk.</summary>
    /// <exception cref="CatalogueException">It may not be.</exception>
    public void Sync()
    {
        try
        {
            if (_unsynced.Count > 0)
            {
                SyncAll();
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or StorageException)
        {
            throw new CatalogueException($"the disk lost what was written to '{folder}': {error.Message}", error);
        }
        finally
        {
            Discard();
        }
    }

    /// <summary>What was written since need not come to the disk.</summary>
    public void Discard() => _unsynced.Clear();

    /// <summary>The file's bytes; null if it is not there.</summary>
    /// <exception cref="CatalogueException">It cannot be read.</exception>
    public async Task<byte[]?> ReadAsync(InfoHash infoHash, CancellationToken cancellationToken)
    {
        var path = PathOf(infoHash);
        try
        {
            return await File.ReadAllBytesAsync(path, cancellationToken);
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CatalogueException($"cannot read '{path}': {error.Message}", error);
        }
    }

    /// <summary>Lets go of the file. That it could not be deleted harms nobody.</summary>
    public void Remove(InfoHash infoHash) => Remove(PathOf(infoHash));

    // Under another name until it is whole: the disk may be full, and the old one, if torn, is being read.
    private static void WriteAnew(string path, ReadOnlySpan<byte> torrent)
    {
        var temporary = $"{path}.new";
        try
        {
            using (var file = File.OpenHandle(temporary, FileMode.Create, FileAccess.Write))
            {
                RandomAccess.Write(file, torrent, 0);
            }

            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            Remove(temporary);
            throw;
        }
    }

    // Many small files in many folders: one call for the whole file system takes a quarter of the time that one for each would.
    private void SyncAll()
    {
        if (!Posix.IsAvailable)
        {
            foreach (var path in _unsynced)
            {
                using var file = File.OpenHandle(path, access: FileAccess.ReadWrite);
                RandomAccess.FlushToDisk(file);
            }

            return;
        }

        var descriptor = Posix.Open(folder, Posix.Directory);
        if (descriptor < 0)
        {
            throw StorageException.FromErrno(Marshal.GetLastPInvokeError(), "sync", folder);
        }

        try
        {
            if (Posix.SyncFileSystem(descriptor) != 0)
            {
                throw StorageException.FromErrno(Marshal.GetLastPInvokeError(), "sync", folder);
            }
        }
        finally
        {
            _ = Posix.Close(descriptor);
        }
    }

    private static void Remove(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // It takes some room, no more.
        }
    }

    private string PathOf(InfoHash infoHash)
    {
        var name = infoHash.ToString();
        return Path.Combine(folder, name[..2], $"{name}.torrent");
    }
}
