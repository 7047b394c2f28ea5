using System.Runtime.InteropServices;

namespace Shoal.Runtime.Hosting;

/// <summary>
/// The memory behind buffer slots: unmanaged, so that the kernel writes there while the collector sleeps. What is
/// released is kept, last in first out (warm in cache), up to a bound. Thread-safe.
/// </summary>
internal sealed unsafe class SlotMemory(long maximumBytes, long retainedBytes) : IDisposable
{
    private const nuint Alignment = 4096;

    private readonly Lock _gate = new();
    private readonly List<(nint Address, int Length)> _free = [];
    private long _usedBytes;
    private long _freeBytes;
    private bool _isDisposed;

    /// <summary>Bytes handed out and not yet given back.</summary>
    public long UsedBytes
    {
        get
        {
            lock (_gate)
            {
                return _usedBytes;
            }
        }
    }

    /// <summary>Hands out memory with whatever was in it.</summary>
    /// <exception cref="InvalidOperationException">More is in use than the engine was allowed.</exception>
    public nint Rent(int length)
    {
        lock (_gate)
        {
            if (_usedBytes + length > maximumBytes)
            {
                throw new InvalidOperationException($"the engine uses more than {maximumBytes} bytes of buffer slots");
            }

            _usedBytes += length;
            for (var i = _free.Count - 1; i >= 0; i--)
            {
                if (_free[i].Length == length)
                {
                    var address = _free[i].Address;
                    _free.RemoveAt(i);
                    _freeBytes -= length;
                    return address;
                }
            }
        }

        return (nint)NativeMemory.AlignedAlloc((nuint)length, Alignment);
    }

    /// <summary>Takes memory back.</summary>
    public void Return(nint address, int length)
    {
        lock (_gate)
        {
            _usedBytes -= length;
            if (!_isDisposed && length <= retainedBytes)
            {
                _free.Add((address, length));
                _freeBytes += length;
                Trim(retainedBytes);
                return;
            }
        }

        NativeMemory.AlignedFree((void*)address);
    }

    /// <summary>Frees what is not in use, and from now on what is given back.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _isDisposed = true;
            Trim(0);
        }
    }

    // The oldest go first: perhaps of another swarm's piece length that nobody asks for any more.
    private void Trim(long bound)
    {
        var count = 0;
        while (_freeBytes > bound)
        {
            _freeBytes -= _free[count].Length;
            NativeMemory.AlignedFree((void*)_free[count].Address);
            count++;
        }

        _free.RemoveRange(0, count);
    }
}
