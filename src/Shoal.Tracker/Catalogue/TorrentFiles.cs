using Shoal.Protocol;
using Shoal.Runtime.Storage;

namespace Shoal.Tracker.Catalogue;

/// <summary>
/// The .torrent files of a catalogue, each under its info-hash in one of 256 folders. A file is there whole or not at all, and is never
/// changed. Thread-safe.
/// </summary>
internal sealed class TorrentFiles(string folder)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<InfoHash, int> _held = [];

    /// <summary>Until what is returned is disposed, the file is not removed: somebody is about to name it.</summary>
    public IDisposable Hold(InfoHash infoHash)
    {
        lock (_gate)
        {
            _held[infoHash] = _held.GetValueOrDefault(infoHash) + 1;
        }

        return new Held(this, infoHash);
    }

    /// <summary>Keeps the file; when this returns it is on the disk.</summary>
    /// <exception cref="CatalogueException">It could not be written.</exception>
    public void Write(InfoHash infoHash, ReadOnlySpan<byte> torrent)
    {
        var path = PathOf(infoHash);
        var temporary = $"{path}.{Guid.NewGuid():N}.new";
        try
        {
            if (File.Exists(path))
            {
                return;
            }

            var parent = Path.GetDirectoryName(path)!;
            if (!Directory.Exists(parent))
            {
                Directory.CreateDirectory(parent);
                ContentFolder.SyncFolder(folder);
            }

            using (var file = File.OpenHandle(temporary, FileMode.CreateNew, FileAccess.Write))
            {
                RandomAccess.Write(file, torrent, 0);
                RandomAccess.FlushToDisk(file);
            }

            File.Move(temporary, path, overwrite: true);
            ContentFolder.SyncFolder(parent);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or StorageException)
        {
            Remove(temporary);
            throw new CatalogueException($"cannot write '{path}': {error.Message}", error);
        }
    }

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

    /// <summary>Lets go of the file, unless it is held. That it could not be deleted harms nobody.</summary>
    public void Remove(InfoHash infoHash)
    {
        lock (_gate)
        {
            if (!_held.ContainsKey(infoHash))
            {
                Remove(PathOf(infoHash));
            }
        }
    }

    private void Release(InfoHash infoHash)
    {
        lock (_gate)
        {
            if (--_held[infoHash] == 0)
            {
                _held.Remove(infoHash);
            }
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

    private sealed class Held(TorrentFiles files, InfoHash infoHash) : IDisposable
    {
        public void Dispose() => files.Release(infoHash);
    }
}
