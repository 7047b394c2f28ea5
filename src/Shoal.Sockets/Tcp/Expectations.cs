using Shoal.Engine;
using Shoal.Protocol;

namespace Shoal.Sockets.Tcp;

/// <summary>A requested block, and where its payload belongs.</summary>
internal readonly record struct Expectation(BlockRequest Block, BufferSlot Slot, nint Destination);

/// <summary>
/// The requested blocks of one link in the order of the requests, which is that of most replies: a ring in which the
/// first is nearly always the one that is looked for. Not thread-safe.
/// </summary>
internal sealed class Expectations
{
    private Expectation[] _ring = [];
    private int _head;

    public int Count { get; private set; }

    /// <summary>The <paramref name="index"/>-th in order.</summary>
    public ref readonly Expectation this[int index] => ref _ring[(_head + index) & (_ring.Length - 1)];

    public void Add(in Expectation expectation)
    {
        if (Count == _ring.Length)
        {
            Grow();
        }

        _ring[(_head + Count) & (_ring.Length - 1)] = expectation;
        Count++;
    }

    /// <summary>Takes the block out, wherever it stands.</summary>
    public bool Remove(in BlockRequest block, out Expectation expectation)
    {
        for (var i = 0; i < Count; i++)
        {
            if (this[i].Block == block)
            {
                expectation = this[i];
                RemoveAt(i);
                return true;
            }
        }

        expectation = default;
        return false;
    }

    public void Clear() => (_ring, _head, Count) = ([], 0, 0);

    private void RemoveAt(int index)
    {
        // Those before it move up by one: mostly there are none.
        var mask = _ring.Length - 1;
        for (var i = index; i > 0; i--)
        {
            _ring[(_head + i) & mask] = _ring[(_head + i - 1) & mask];
        }

        _head = (_head + 1) & mask;
        Count--;
        if (Count == 0 && _ring.Length > 64)
        {
            Clear(); // an idle link holds no memory worth the name
        }
    }

    private void Grow()
    {
        var ring = new Expectation[Math.Max(16, _ring.Length * 2)];
        for (var i = 0; i < Count; i++)
        {
            ring[i] = this[i];
        }

        (_ring, _head) = (ring, 0);
    }
}
