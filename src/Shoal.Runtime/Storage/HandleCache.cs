using Microsoft.Win32.SafeHandles;

namespace Shoal.Runtime.Storage;

/// <summary>
/// Keeps the most recently used files open. Invariant: at most <c>capacity</c> handles stay open besides those in use at
/// this moment. A handle that is pushed out while in use closes when its last user lets go. Thread-safe.
/// </summary>
internal sealed class HandleCache(int capacity) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<int, OpenFile> _files = [];
    private readonly LinkedList<OpenFile> _byUse = new();
    private bool _disposed;

    /// <summary>The number of handles that the cache keeps open.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _files.Count;
            }
        }
    }

    /// <summary>Takes the file's handle for use, if it is open and fit for it; give it back with <see cref="Release"/>.</summary>
    public OpenFile? TryTake(int file, bool writing)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (!_files.TryGetValue(file, out var open) || (writing && !open.CanWrite))
            {
                return null;
            }

            open.Users++;
            if (_byUse.First != open.Node)
            {
                _byUse.Remove(open.Node);
                _byUse.AddFirst(open.Node);
            }

            return open;
        }
    }

    /// <summary>Puts in a handle that the caller opened, and takes it (or the one that another put in meanwhile) for use.</summary>
    public OpenFile Add(int file, SafeFileHandle handle, bool canWrite)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_files.TryGetValue(file, out var other))
            {
                if (other.CanWrite || !canWrite)
                {
                    handle.Dispose();
                    other.Users++;
                    return other;
                }

                Drop(other);
            }

            while (_files.Count >= capacity)
            {
                Drop(_byUse.Last!.Value);
            }

            var open = new OpenFile(file, handle, canWrite) { Users = 1 };
            _files.Add(file, open);
            _byUse.AddFirst(open.Node);
            return open;
        }
    }

    /// <summary>Ends one use.</summary>
    public void Release(OpenFile open)
    {
        lock (_gate)
        {
            open.Users--;
            if (open.IsDropped && open.Users == 0)
            {
                open.Handle.Dispose();
            }
        }
    }

    /// <summary>Closes what is not in use now, and the rest when it is let go.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            while (_byUse.Last is { } last)
            {
                Drop(last.Value);
            }
        }
    }

    private void Drop(OpenFile open)
    {
        _files.Remove(open.File);
        _byUse.Remove(open.Node);
        open.IsDropped = true;
        if (open.Users == 0)
        {
            open.Handle.Dispose();
        }
    }

    /// <summary>An open file; its counters belong to the cache.</summary>
    internal sealed class OpenFile
    {
        public OpenFile(int file, SafeFileHandle handle, bool canWrite)
        {
            File = file;
            Handle = handle;
            CanWrite = canWrite;
            Node = new LinkedListNode<OpenFile>(this);
        }

        public int File { get; }

        public SafeFileHandle Handle { get; }

        public bool CanWrite { get; }

        public LinkedListNode<OpenFile> Node { get; }

        public int Users { get; set; }

        public bool IsDropped { get; set; }
    }
}
