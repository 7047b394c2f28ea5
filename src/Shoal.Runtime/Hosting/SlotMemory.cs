using System.Runtime.InteropServices;
using Shoal.Runtime.Storage;

namespace Shoal.Runtime.Hosting;

/// <summary>
/// The memory behind buffer slots: unmanaged, so that the kernel writes there while the collector sleeps. What is released is kept, last
/// in first out (warm in cache), up to a bound. It comes in slabs of 2 MiB, or of a slot if that is larger; where slots fill them, the
/// system is asked for pages of that size: every byte passes through here several times, and looking up its pages of 4 KiB is a tenth
/// of what a copy between processes takes. A slab is freed when none of its slots is in use, so what a few slots hold on to may be kept beyond
/// the bound, though never more than was once in use. Thread-safe.
/// </summary>
internal sealed unsafe class SlotMemory(long maximumBytes, long retainedBytes) : IDisposable
{
    private const int SmallPage = 4096;
    private const nuint LargePage = 2 << 20;

    private readonly Lock _gate = new();
    private readonly List<Slab> _slabs = []; // the oldest first
    private readonly List<(nint Address, Slab Slab)> _free = [];
    private readonly Dictionary<nint, Slab> _used = [];
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

    /// <summary>Bytes taken from the system.</summary>
    public long SlabBytes
    {
        get
        {
            lock (_gate)
            {
                return _slabs.Sum(slab => (long)slab.ByteCount);
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

            var at = _free.FindLastIndex(free => free.Slab.SlotLength == length);
            if (at < 0)
            {
                Add(new Slab(length));
                at = _free.Count - 1;
            }

            var (address, slab) = _free[at];
            _free.RemoveAt(at);
            _used.Add(address, slab);
            slab.UsedCount++;
            _freeBytes -= length;
            _usedBytes += length;
            return address;
        }
    }

    /// <summary>Takes memory back.</summary>
    public void Return(nint address)
    {
        lock (_gate)
        {
            _used.Remove(address, out var slab);
            slab!.UsedCount--;
            _free.Add((address, slab));
            _freeBytes += slab.SlotLength;
            _usedBytes -= slab.SlotLength;
            Trim(_isDisposed ? 0 : retainedBytes);
        }
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

    private void Add(Slab slab)
    {
        _slabs.Add(slab);
        for (var i = slab.SlotCount - 1; i >= 0; i--)
        {
            _free.Add((slab.AddressOf(i), slab));
        }

        _freeBytes += (long)slab.SlotCount * slab.SlotLength;
    }

    // The oldest go first: perhaps of another swarm's piece length that nobody asks for any more.
    private void Trim(long bound)
    {
        while (_freeBytes > bound && _slabs.Find(slab => slab.UsedCount == 0) is { } unused)
        {
            _free.RemoveAll(free => free.Slab == unused);
            _freeBytes -= (long)unused.SlotCount * unused.SlotLength;
            _slabs.Remove(unused);
            unused.Free();
        }
    }

    private sealed class Slab
    {
        private readonly byte* _bytes;
        private readonly int _stride;

        public Slab(int slotLength)
        {
            SlotLength = slotLength;
            _stride = (slotLength + SmallPage - 1) / SmallPage * SmallPage;
            SlotCount = Math.Max(1, (int)LargePage / _stride);
            ByteCount = Math.Max(LargePage, (nuint)_stride);
            _bytes = (byte*)NativeMemory.AlignedAlloc(ByteCount, LargePage);
            if ((long)SlotCount * _stride == (long)ByteCount && ByteCount % LargePage == 0)
            {
                Posix.WantLargePages(_bytes, ByteCount); // else a page would be there of which part is never used
            }
        }

        public int SlotLength { get; }

        public int SlotCount { get; }

        public int UsedCount { get; set; }

        public nuint ByteCount { get; }

        public nint AddressOf(int slot) => (nint)(_bytes + ((nint)slot * _stride));

        public void Free() => NativeMemory.AlignedFree(_bytes);
    }
}
