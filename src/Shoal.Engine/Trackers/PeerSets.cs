using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;
using Shoal.Protocol;

namespace Shoal.Engine.Trackers;

/// <summary>
/// What can be done with a <see cref="PeerSet"/>. Invariant: its peers lie without gaps, leechers before seeders, each
/// once; beyond 32 there is an index by hash (open addressing, entry = position + 1), below one looks at them all.
/// Everything is O(1) but expiry, which is O(peers), and sampling, which is O(wanted).
/// </summary>
internal sealed class PeerSets<TWidth>(PeerSlab slab, ulong seed)
    where TWidth : struct, IPeerWidth
{
    private const int LargestWithoutIndex = 32;

    /// <summary>The position of the peer, or -1.</summary>
    public int Find(in PeerSet set, in PackedPeer peer)
    {
        if (set.Count == 0)
        {
            return -1;
        }

        var words = Words(set);
        if (set.Capacity <= LargestWithoutIndex)
        {
            for (var i = 0; i < set.Count; i++)
            {
                if (IsAt(words, i, peer))
                {
                    return i;
                }
            }

            return -1;
        }

        var index = Index(set);
        for (var slot = SlotOf(peer, index.Length); index[slot] != 0; slot = (slot + 1) & (index.Length - 1))
        {
            if (IsAt(words, (int)index[slot] - 1, peer))
            {
                return (int)index[slot] - 1;
            }
        }

        return -1;
    }

    /// <summary>Adds a peer that is not there yet; returns its position.</summary>
    public int Add(ref PeerSet set, in PackedPeer peer, bool isSeeder)
    {
        if (set.Count == set.Capacity)
        {
            Resize(ref set, set.Count + 1);
        }

        var words = Words(set);
        var position = set.Count;
        if (!isSeeder && set.SeederCount > 0)
        {
            position = set.LeecherCount;
            Move(set, words, position, set.Count);
        }

        Put(words, position, peer);
        if (set.Capacity > LargestWithoutIndex)
        {
            Insert(Index(set), peer, position);
        }

        set.Count++;
        set.SeederCount += isSeeder ? 1 : 0;
        return position;
    }

    /// <summary>Removes the peer at a position. Positions change.</summary>
    public void RemoveAt(ref PeerSet set, int position)
    {
        Detach(ref set, position);
        if (set.Count == 0)
        {
            Resize(ref set, 0);
        }
        else if (set.Capacity > 4 && set.Count < set.Capacity / 3)
        {
            Resize(ref set, set.Count);
        }
    }

    /// <summary>Marks the peer at a position as seen at the tick.</summary>
    public void Touch(in PeerSet set, int position, int tick)
    {
        ref var tail = ref Words(set)[(position * TWidth.Words) + TWidth.Words - 1];
        tail = (tail & ~0xfffful) | (ushort)tick;
    }

    /// <summary>
    /// Removes the peers last seen more than <paramref name="timeoutTicks"/> before the tick. Returns the age in ticks of
    /// the oldest that stays, 0 if none does.
    /// </summary>
    public int RemoveExpired(ref PeerSet set, int tick, int timeoutTicks)
    {
        var oldest = 0;
        var before = set.Count;

        // Backwards: whatever a removal moves to this position has been looked at.
        for (var i = set.Count - 1; i >= 0; i--)
        {
            var age = (ushort)(tick - (int)(Words(set)[(i * TWidth.Words) + TWidth.Words - 1] & 0xffff));
            if (age > timeoutTicks)
            {
                Detach(ref set, i);
            }
            else
            {
                oldest = Math.Max(oldest, age);
            }
        }

        if (set.Count < before && (set.Count == 0 || set.Count < set.Capacity / 3))
        {
            Resize(ref set, set.Count);
        }

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
            var length = TWidth.Words == 1 ? PeerAddress.CompactLengthIPv4 : PeerAddress.CompactLengthIPv6;
            count += SampleOf(set, set.LeecherCount, set.Count, self, wanted - count, prng, destination[(count * length)..]);
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

        var words = Words(set)[(from * TWidth.Words)..];
        if (wanted == candidates)
        {
            for (var i = 0; i < candidates; i++)
            {
                destination = Write(words, i >= skip ? i + 1 : i, destination);
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
            destination = Write(words, position >= skip ? position + 1 : position, destination);
        }

        return wanted;
    }

    private static Span<byte> Write(scoped Span<ulong> words, int position, Span<byte> destination)
    {
        if (TWidth.Words == 1)
        {
            BinaryPrimitives.WriteUInt64BigEndian(destination, words[position]); // the tick goes into what comes next
            return destination[PeerAddress.CompactLengthIPv4..];
        }

        var peer = words.Slice(position * TWidth.Words, TWidth.Words);
        BinaryPrimitives.WriteUInt64BigEndian(destination, peer[0]);
        BinaryPrimitives.WriteUInt64BigEndian(destination[8..], peer[1]);
        BinaryPrimitives.WriteUInt16BigEndian(destination[16..], (ushort)(peer[2] >> 16));
        return destination[PeerAddress.CompactLengthIPv6..];
    }

    private static bool IsAt(Span<ulong> words, int position, in PackedPeer peer) => TWidth.Words == 1
        ? (words[position] ^ peer.Tail) >> 16 == 0
        : (words[(position * TWidth.Words) + 2] ^ peer.Tail) >> 16 == 0 &&
          words[(position * TWidth.Words) + 1] == peer.Low && words[position * TWidth.Words] == peer.High;

    private static PackedPeer Get(Span<ulong> words, int position) => TWidth.Words == 1
        ? new PackedPeer(0, 0, words[position])
        : new PackedPeer(words[position * TWidth.Words], words[(position * TWidth.Words) + 1], words[(position * TWidth.Words) + 2]);

    private static void Put(Span<ulong> words, int position, in PackedPeer peer)
    {
        if (TWidth.Words != 1)
        {
            words[position * TWidth.Words] = peer.High;
            words[(position * TWidth.Words) + 1] = peer.Low;
        }

        words[(position * TWidth.Words) + TWidth.Words - 1] = peer.Tail;
    }

    // Fills the gap from behind: the last leecher into a leecher's place, the last seeder into the gap before the seeders.
    private void Detach(ref PeerSet set, int position)
    {
        var words = Words(set);
        if (set.Capacity > LargestWithoutIndex)
        {
            Delete(Index(set), words, SlotAt(set, words, position));
        }

        if (position >= set.LeecherCount)
        {
            set.SeederCount--;
        }
        else
        {
            var lastLeecher = set.LeecherCount - 1;
            Move(set, words, lastLeecher, position);
            position = lastLeecher;
        }

        Move(set, words, set.Count - 1, position);
        set.Count--;
    }

    private void Move(in PeerSet set, Span<ulong> words, int from, int to)
    {
        if (from == to)
        {
            return;
        }

        if (set.Capacity > LargestWithoutIndex)
        {
            Index(set)[SlotAt(set, words, from)] = (uint)to + 1;
        }

        Put(words, to, Get(words, from));
    }

    private void Resize(ref PeerSet set, int count)
    {
        var old = set;
        set.Capacity = count == 0 ? 0 : PeerSlab.SizeFor(count);
        if (set.Capacity > 0)
        {
            set.Block = slab.Allocate(PeerSlab.SizeFor(set.Capacity * TWidth.Words));
            if (set.Count > 0)
            {
                Words(old)[..(set.Count * TWidth.Words)].CopyTo(Words(set));
            }
        }

        if (old.Capacity > 0)
        {
            slab.Free(old.Block, PeerSlab.SizeFor(old.Capacity * TWidth.Words));
        }

        if (old.Capacity > LargestWithoutIndex)
        {
            slab.Free(old.Index, IndexWords(old.Capacity));
        }

        if (set.Capacity > LargestWithoutIndex)
        {
            BuildIndex(ref set);
        }
    }

    private void BuildIndex(ref PeerSet set)
    {
        set.Index = slab.Allocate(IndexWords(set.Capacity));
        var index = Index(set);
        index.Clear();
        var words = Words(set);
        for (var i = 0; i < set.Count; i++)
        {
            Insert(index, Get(words, i), i);
        }
    }

    private void Insert(Span<uint> index, in PackedPeer peer, int position)
    {
        var slot = SlotOf(peer, index.Length);
        while (index[slot] != 0)
        {
            slot = (slot + 1) & (index.Length - 1);
        }

        index[slot] = (uint)position + 1;
    }

    // Closes the gap by moving back whoever is reached through it (Knuth 6.4, algorithm R).
    private void Delete(Span<uint> index, Span<ulong> words, int gap)
    {
        var mask = index.Length - 1;
        for (var slot = (gap + 1) & mask; index[slot] != 0; slot = (slot + 1) & mask)
        {
            var home = SlotOf(Get(words, (int)index[slot] - 1), index.Length);
            if (((slot - home) & mask) >= ((slot - gap) & mask))
            {
                index[gap] = index[slot];
                gap = slot;
            }
        }

        index[gap] = 0;
    }

    private int SlotAt(in PeerSet set, Span<ulong> words, int position)
    {
        var index = Index(set);
        var slot = SlotOf(Get(words, position), index.Length);
        while (index[slot] != (uint)position + 1)
        {
            slot = (slot + 1) & (index.Length - 1);
        }

        return slot;
    }

    private int SlotOf(in PackedPeer peer, int slots)
    {
        var high = Math.BigMul((peer.Tail >> 16) ^ seed, 0x9e3779b97f4a7c15 ^ peer.Low, out var low);
        if (TWidth.Words != 1)
        {
            high ^= Math.BigMul(peer.High ^ seed, 0xbf58476d1ce4e5b9, out var more) ^ more;
        }

        return (int)(high ^ low) & (slots - 1);
    }

    // At least a third more slots than peers, two slots a word.
    private static int IndexWords(int capacity) => (int)BitOperations.RoundUpToPowerOf2((uint)(capacity + (capacity / 3))) / 2;

    private Span<uint> Index(in PeerSet set) => MemoryMarshal.Cast<ulong, uint>(slab.Words(set.Index, IndexWords(set.Capacity)));

    private Span<ulong> Words(in PeerSet set) => slab.Words(set.Block, set.Capacity * TWidth.Words);
}
