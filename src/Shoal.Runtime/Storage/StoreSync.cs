using System.Runtime.InteropServices;

namespace Shoal.Runtime.Storage;

/// <summary>
/// Remembers which files were written since the last sync and makes just those durable. Invariant: a file is noted after
/// its write returned and before the writer goes on, and forgotten only by a sync that has flushed it; syncs do not
/// overlap, so that one that returns has nothing of another's still on its way. Thread-safe.
/// </summary>
internal sealed class StoreSync(PieceStore store, ContentFolder folder)
{
    /// <summary>From so many files on, one sync of their file system is cheaper than a journal commit for each.</summary>
    private const int ManyFiles = 64;

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
                if (files.Count >= ManyFiles && Posix.IsAvailable)
                {
                    FlushTogether(left);
                }

                foreach (var file in left.ToArray())
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

    /// <summary>Flushes those that lie on the root's file system, and takes them out of the set.</summary>
    private void FlushTogether(HashSet<int> files)
    {
        var root = Posix.Open(folder.Root, Posix.Directory);
        if (root < 0 || !Posix.TryStatPath(folder.Root + "/.", out var rootStatus))
        {
            return;
        }

        try
        {
            if (Posix.SyncFileSystem(root) != 0)
            {
                throw StorageException.FromErrno(Marshal.GetLastPInvokeError(), "sync", folder.Root);
            }

            files.RemoveWhere(file => Posix.TryStatPath(store.PathOf(file), out var status) && status.Device == rootStatus.Device);
        }
        finally
        {
            _ = Posix.Close(root);
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
