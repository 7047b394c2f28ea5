using System.Runtime.InteropServices;

namespace Shoal.Runtime.Storage;

/// <summary>
/// Remembers which files were written since the last sync and makes just those durable. Invariant: a file is noted after
/// its write returned and before the writer goes on, and forgotten only by a sync that has flushed it; syncs do not
/// overlap, so that one that returns has nothing of another's still on its way. Thread-safe.
/// </summary>
internal sealed class StoreSync(PieceStore store, ContentFolder folder)
{
    private readonly Lock _gate = new();
    private readonly Lock _running = new();
    private HashSet<int> _dirty = [];

    public void NoteWritten(int file)
    {
        lock (_gate)
        {
            _dirty.Add(file);
        }
    }

    public IReadOnlyCollection<int> Run()
    {
        lock (_running)
        {
            var files = TakeDirty();
            var left = new HashSet<int>(files);
            try
            {
                foreach (var file in files)
                {
                    Flush(file);
                    left.Remove(file);
                }

                foreach (var changed in folder.TakeChangedFolders())
                {
                    ContentFolder.SyncFolder(changed);
                }

                return files;
            }
            finally
            {
                foreach (var file in left)
                {
                    NoteWritten(file);
                }
            }
        }
    }

    private HashSet<int> TakeDirty()
    {
        lock (_gate)
        {
            (var dirty, _dirty) = (_dirty, []);
            return dirty;
        }
    }

    private void Flush(int file)
    {
        var open = store.Take(file, writing: false) ?? throw store.NotThere(file);
        try
        {
            // fdatasync leaves out the times, which saves a journal commit where the length did not change.
            if (!Posix.IsAvailable)
            {
                RandomAccess.FlushToDisk(open.Handle);
            }
            else if (Posix.SyncData(open.Handle) != 0)
            {
                throw StorageException.FromErrno(Marshal.GetLastPInvokeError(), "sync", store.PathOf(file));
            }
        }
        catch (Exception error) when (StorageException.IsFromDisk(error))
        {
            throw StorageException.From(error, "sync", store.PathOf(file));
        }
        finally
        {
            store.Release(open);
        }
    }
}
