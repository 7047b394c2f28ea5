using System.Runtime.InteropServices;
using Shoal.Protocol;

namespace Shoal.Engine.Trackers;

/// <summary>
/// What can be done with a <see cref="PeerSet"/>. Invariant: its peers lie without gaps, leechers before seeders, each
/// once. Up to a page of them is one block and all are looked at; beyond, they lie in pages with an index by hash.
/// Everything is O(1) but expiry, which is O(peers), and sampling, which is O(wanted).
/// </summary>
internal sealed class PeerSets<TWidth>(PeerSlab slab, ulong seed)
    where TWidth : struct, IPeerWidth
{
    private const int PageCount = PeerRows<TWidth>.PageCount;
    private const int ShrinkBelow = PageCount / 2;

    private static int PageWords => PageCount * TWidth.Words;

    private readonly PeerIndex<TWidth> _index = new(slab, seed);

    /// <summary>The position of the peer, or -1.</summary>
    public int Find(in PeerSet set, in PackedPeer peer) =>
        set.Count == 0 ? -1
        : IsPaged(set) ? _index.Find(set.Index, Rows(set), peer)
        : Rows(set).FindInFirstPage(set.Count, peer);

    /// <summary>Adds a peer that is not there yet; returns its position.</summary>
    public int Add(ref PeerSet set, in PackedPeer peer, bool isSeeder)
    {
        if (set.Count == set.Capacity)
        {
            Grow(ref set);
        }

        var position = set.Count;
        var rows = Rows(set);
        if (!isSeeder && set.SeederCount > 0)
        {
            position = set.LeecherCount;
            Move(set, rows, position, set.Count);
        }

        rows[position] = peer;
        set.Count++;
        set.SeederCount += isSeeder ? 1 : 0;
        if (!IsPaged(set))
        {
            return position;
        }

        if (_index.IsUnfitFor(set.Index, set.Count))
        {
            _index.Build(set.Index, rows, set.Count);
        }
        else
        {
            _index.Insert(set.Index, peer, position);
        }

        return position;
    }

    /// <summary>Removes the peer at a position. Positions change.</summary>
    public void RemoveAt(ref PeerSet set, int position)
    {
        Detach(ref set, position);
        Shrink(ref set);
    }

    /// <summary>Marks the peer at a position as seen at the tick.</summary>
    public void Touch(in PeerSet set, int position, int tick)
    {
        ref var tail = ref Rows(set).TailAt(position);
        tail = (tail & ~0xfffful) | (ushort)tick;
    }

    /// <summary>
    /// Removes the peers last seen more than <paramref name="timeoutTicks"/> before the tick. Returns the age in ticks of
    /// the oldest that stays, 0 if none does.
    /// </summary>
    public int RemoveExpired(ref PeerSet set, int tick, int timeoutTicks)
    {
        var oldest = 0;

        // Backwards: whatever a removal moves to this position has been looked at.
        for (var i = set.Count - 1; i >= 0; i--)
        {
            var age = (ushort)(tick - (int)(Rows(set).TailAt(i) & 0xffff));
            if (age > timeoutTicks)
            {
                Detach(ref set, i);
            }
            else
            {
                oldest = Math.Max(oldest, age);
            }
        }

        Shrink(ref set);
        return oldest;
    }

    /// <summary>
    /// Writes up to <paramref name="wanted"/> distinct random peers in compact form, never the one at
    /// <paramref name="self"/> (-1 for none); returns how many. The buffer must have two bytes more than the peers need.
    /// </summary>
    public int Sample(in PeerSet set, int self, PeerWish wish, int wanted, Prng prng, Span<byte> destination)
    {
        if (wish == PeerWish.All)
        {
            return SampleOf(set, 0, set.Count, self, wanted, prng, destination);
        }

        var count = SampleOf(set, 0, set.LeecherCount, self, wanted, prng, destination);
        if (wish == PeerWish.LeechersFirst)
        {
            count += SampleOf(set, set.LeecherCount, set.Count, self, wanted - count, prng, destination[(count * PeerRows<TWidth>.CompactLength)..]);
        }

        return count;
    }

    // The candidates from one position to another are cut into as many runs as are wanted, and one is drawn from each,
    // all shifted by one random number. So every peer has the same chance, in O(wanted), and nothing has to be remembered.
    private int SampleOf(in PeerSet set, int from, int to, int self, int wanted, Prng prng, Span<byte> destination)
    {
        var skip = self >= from && self < to ? self - from : int.MaxValue;
        var candidates = to - from - (skip == int.MaxValue ? 0 : 1);
        wanted = Math.Min(wanted, candidates);
        if (wanted <= 0)
        {
            return 0;
        }

        var rows = Rows(set);
        if (wanted == candidates)
        {
            for (var i = 0; i < candidates; i++)
            {
                rows.Write(from + (i >= skip ? i + 1 : i), destination);
                destination = destination[PeerRows<TWidth>.CompactLength..];
            }

            return wanted;
        }

        var shift = prng.Next(candidates);
        var step = ((ulong)candidates << 32) / (uint)wanted;
        ulong end = 0;
        for (var i = 0; i < wanted; i++)
        {
            var first = (int)(end >> 32);
            end += step;
            var next = i == wanted - 1 ? candidates : (int)(end >> 32);
            var position = first + prng.Next(next - first) + shift;
            position -= position >= candidates ? candidates : 0;
            rows.Write(from + (position >= skip ? position + 1 : position), destination);
            destination = destination[PeerRows<TWidth>.CompactLength..];
        }

        return wanted;
    }

    // Fills the gap from behind: the last leecher into a leecher's place, the last seeder into the gap before the seeders.
    private void Detach(ref PeerSet set, int position)
    {
        var rows = Rows(set);
        if (IsPaged(set))
        {
            _index.Remove(set.Index, rows, position);
        }

        if (position >= set.LeecherCount)
        {
            set.SeederCount--;
        }
        else
        {
            var lastLeecher = set.LeecherCount - 1;
            Move(set, rows, lastLeecher, position);
            position = lastLeecher;
        }

        Move(set, rows, set.Count - 1, position);
        set.Count--;
    }

    private void Move(in PeerSet set, PeerRows<TWidth> rows, int from, int to)
    {
        if (from == to)
        {
            return;
        }

        var peer = rows[from];
        if (IsPaged(set))
        {
            _index.Move(set.Index, peer, from, to);
        }

        rows[to] = peer;
    }

    private void Grow(ref PeerSet set)
    {
        if (set.Capacity < PageCount)
        {
            ResizeBlock(ref set, PeerSlab.SizeFor(set.Count + 1));
            return;
        }

        if (set.Capacity == PageCount)
        {
            // The block has the size of a page and becomes the first of them.
            var table = slab.AddTable();
            slab.Table(table).Add(set.Block);
            set.Block = table;
            set.Index = slab.AddTable();
            _index.Build(set.Index, new PeerRows<TWidth>(slab, CollectionsMarshal.AsSpan(slab.Table(table))), set.Count);
        }

        set.Capacity += PageCount;
        slab.ResizeTable(set.Block, set.Capacity / PageCount, PageWords);
    }

    // Late, so that a swarm whose size goes to and fro has not to move each time.
    private void Shrink(ref PeerSet set)
    {
        if (IsPaged(set))
        {
            ShrinkPages(ref set);
        }

        if (!IsPaged(set) && set.Capacity > 0 && (set.Count == 0 || (set.Capacity > 4 && set.Count < set.Capacity / 3)))
        {
            ResizeBlock(ref set, set.Count == 0 ? 0 : PeerSlab.SizeFor(set.Count));
        }
    }

    private void ShrinkPages(ref PeerSet set)
    {
        if (set.Count <= ShrinkBelow)
        {
            _index.Free(set.Index);
            slab.ResizeTable(set.Block, 1, PageWords);
            var block = slab.Table(set.Block)[0];
            slab.FreeTable(set.Block);
            (set.Block, set.Capacity) = (block, PageCount);
            return;
        }

        if (set.Capacity - set.Count >= 2 * PageCount)
        {
            set.Capacity = Math.Max(2, (set.Count / PageCount) + 1) * PageCount;
            slab.ResizeTable(set.Block, set.Capacity / PageCount, PageWords);
        }

        if (_index.IsUnfitFor(set.Index, set.Count))
        {
            _index.Build(set.Index, Rows(set), set.Count);
        }
    }

    private void ResizeBlock(ref PeerSet set, int capacity)
    {
        var block = capacity > 0 ? slab.Allocate(PeerSlab.SizeFor(capacity * TWidth.Words)) : 0;
        if (set.Count > 0)
        {
            var words = set.Count * TWidth.Words;
            slab.Words(set.Block, words).CopyTo(slab.Words(block, words));
        }

        if (set.Capacity > 0)
        {
            slab.Free(set.Block, PeerSlab.SizeFor(set.Capacity * TWidth.Words));
        }

        (set.Block, set.Capacity) = (block, capacity);
    }

    private static bool IsPaged(in PeerSet set) => set.Capacity > PageCount;

    private PeerRows<TWidth> Rows(in PeerSet set) =>
        new(slab, IsPaged(set) ? CollectionsMarshal.AsSpan(slab.Table(set.Block)) : new ReadOnlySpan<uint>(in set.Block));
}
