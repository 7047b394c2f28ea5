using System.Numerics;
using System.Runtime.InteropServices;

namespace Shoal.Engine.Trackers;

/// <summary>
/// Where the peers of a large set are, by hash: open addressing in pages of 64 slots, at most four in five taken. A slot
/// is 0 or holds the position + 1 in as many low bits as positions need and a part of the hash in the rest, so that
/// hardly any other peer is looked at. All of it follows from the peers, so it grows in place: wiped, lengthened by a
/// quarter and filled again.
/// </summary>
internal sealed class PeerIndex<TWidth>(PeerSlab slab, ulong seed)
    where TWidth : struct, IPeerWidth
{
    private const int PageBits = 6;
    private const int PageWords = (1 << PageBits) / 2;

    /// <summary>Makes an index of the first so many peers, in place of the one that is there.</summary>
    public void Build(uint table, PeerRows<TWidth> rows, int count)
    {
        var needed = ((count * 5L / 4) >> PageBits) + 1;
        slab.ResizeTable(table, (int)(needed + (needed / 4)), PageWords);
        var slots = SlotsOf(table);
        slots.Clear();
        for (var i = 0; i < count; i++)
        {
            Insert(slots, rows[i], i);
        }
    }

    /// <summary>Gives all its pages back.</summary>
    public void Free(uint table)
    {
        slab.ResizeTable(table, 0, PageWords);
        slab.FreeTable(table);
    }

    /// <summary>Whether so many peers are too many for it, or so few that a third would do.</summary>
    public bool IsUnfitFor(uint table, int count)
    {
        var slots = (long)slab.Table(table).Count << PageBits;
        return count * 5L > slots * 4 || (count * 4L < slots && slots > 4 << PageBits);
    }

    /// <summary>The position of the peer, or -1.</summary>
    public int Find(uint table, PeerRows<TWidth> rows, in PackedPeer peer)
    {
        var slots = SlotsOf(table);
        var hash = HashOf(peer);
        var tag = (uint)hash & ~slots.PositionMask;
        for (var slot = slots.HomeOf(hash); slots[slot] is not 0 and var entry; slot = slots.After(slot))
        {
            if ((entry & ~slots.PositionMask) == tag)
            {
                var position = (int)(entry & slots.PositionMask) - 1;
                if (rows.IsAt(position, peer))
                {
                    return position;
                }
            }
        }

        return -1;
    }

    /// <summary>Enters a peer that is not there yet.</summary>
    public void Insert(uint table, in PackedPeer peer, int position) => Insert(SlotsOf(table), peer, position);

    /// <summary>Notes that a peer goes from one position to another.</summary>
    public void Move(uint table, in PackedPeer peer, int from, int to)
    {
        var slots = SlotsOf(table);
        ref var entry = ref slots[SlotAt(slots, peer, from)];
        entry = (entry & ~slots.PositionMask) | ((uint)to + 1);
    }

    /// <summary>Removes the peer at a position, where it still lies.</summary>
    public void Remove(uint table, PeerRows<TWidth> rows, int position)
    {
        // Closes the gap by moving back whoever is reached through it (Knuth 6.4, algorithm R).
        var slots = SlotsOf(table);
        var gap = SlotAt(slots, rows[position], position);
        for (var slot = slots.After(gap); slots[slot] is not 0 and var entry; slot = slots.After(slot))
        {
            var home = slots.HomeOf(HashOf(rows[(int)(entry & slots.PositionMask) - 1]));
            if (slots.Distance(home, slot) >= slots.Distance(gap, slot))
            {
                slots[gap] = entry;
                gap = slot;
            }
        }

        slots[gap] = 0;
    }

    private void Insert(Slots slots, in PackedPeer peer, int position)
    {
        var hash = HashOf(peer);
        var slot = slots.HomeOf(hash);
        while (slots[slot] != 0)
        {
            slot = slots.After(slot);
        }

        slots[slot] = ((uint)hash & ~slots.PositionMask) | ((uint)position + 1);
    }

    private int SlotAt(Slots slots, in PackedPeer peer, int position)
    {
        var slot = slots.HomeOf(HashOf(peer));
        while ((slots[slot] & slots.PositionMask) != (uint)position + 1)
        {
            slot = slots.After(slot);
        }

        return slot;
    }

    // Addresses are chosen by whoever announces, so the hash must not be foreseeable. The high half chooses the slot.
    private ulong HashOf(in PackedPeer peer)
    {
        var high = Math.BigMul((peer.Tail >> 16) ^ seed, 0x9e3779b97f4a7c15 ^ peer.Low, out var low);
        if (TWidth.Words != 1)
        {
            high ^= Math.BigMul(peer.High ^ seed, 0xbf58476d1ce4e5b9, out var more) ^ more;
        }

        return high ^ low;
    }

    private Slots SlotsOf(uint table) => new(slab, CollectionsMarshal.AsSpan(slab.Table(table)));

    private readonly ref struct Slots
    {
        private readonly PeerSlab _slab;
        private readonly ReadOnlySpan<uint> _pages;
        private readonly int _count;

        public Slots(PeerSlab slab, ReadOnlySpan<uint> pages)
        {
            _slab = slab;
            _pages = pages;
            _count = pages.Length << PageBits;
            PositionMask = BitOperations.RoundUpToPowerOf2((uint)_count) - 1;
        }

        public uint PositionMask { get; }

        public ref uint this[int slot] => ref MemoryMarshal.Cast<ulong, uint>(_slab.Words(_pages[slot >> PageBits], PageWords))[slot & ((1 << PageBits) - 1)];

        public int HomeOf(ulong hash) => (int)(((hash >> 32) * (uint)_count) >> 32);

        public int After(int slot) => slot + 1 == _count ? 0 : slot + 1;

        public int Distance(int from, int to) => to >= from ? to - from : to - from + _count;

        public void Clear()
        {
            foreach (var page in _pages)
            {
                _slab.Words(page, PageWords).Clear();
            }
        }
    }
}
