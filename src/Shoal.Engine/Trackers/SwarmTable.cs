using System.Runtime.CompilerServices;
using Shoal.Protocol;

namespace Shoal.Engine.Trackers;

/// <summary>One swarm of a tracker: 80 bytes. Its peers lie in the table's <see cref="PeerSlab"/>.</summary>
internal struct SwarmRecord
{
    public InfoHash InfoHash;
    public PeerSet IPv4;
    public PeerSet IPv6;

    /// <summary>How many peers completed.</summary>
    public int DownloadCount;

    /// <summary>The next swarm in the same slot of the wheel, or among the free records; -1 at the end.</summary>
    public int Next;

    /// <summary>Before this tick no peer expires.</summary>
    public int ExpiryTick;

    public readonly int PeerCount => IPv4.Count + IPv6.Count;

    public readonly int SeederCount => IPv4.SeederCount + IPv6.SeederCount;
}

/// <summary>
/// The swarms of a tracker by info-hash. Every swarm stands in one slot of a wheel, that of the tick in which its oldest
/// peer may expire; when the tick comes it is looked at, and leaves the table if nobody is left. A swarm that is asked
/// for is purged first, so what a caller sees is exact to a tick (1/64 of the time-out), however far the wheel is.
/// Records live in arrays of 512 that never move. Not thread-safe; sharding is the owner's affair.
/// </summary>
internal sealed class SwarmTable
{
    /// <summary>A peer is gone when its last announce is more ticks ago than this.</summary>
    public const int TimeoutTicks = 64;

    private const int WheelSlots = 128;
    private const int ChunkBits = 9;
    private const int None = -1;

    private readonly PeerSlab _slab = new();
    private readonly PeerSets<WidthIPv4> _ipv4;
    private readonly PeerSets<WidthIPv6> _ipv6;
    private readonly ITrackerCapacity _capacity;
    private readonly long _tickNanoseconds;
    private readonly ulong _seed;
    private readonly ulong _seed2;
    private readonly int[] _wheel = new int[WheelSlots];
    private readonly List<SwarmRecord[]> _records = [];

    // Open addressing: hash in the upper half, record number + 1 in the lower; 0 is free.
    private ulong[] _slots = new ulong[64];
    private int _recordCount;
    private int _freeRecord = None;
    private int _now;
    private int _wheelTick;
    private int _due = None;

    public SwarmTable(TimeSpan peerTimeout, ITrackerCapacity capacity, Prng prng)
    {
        _tickNanoseconds = Math.Max(1, peerTimeout.Ticks * 100 / TimeoutTicks);
        _capacity = capacity;
        _seed = prng.NextUInt64();
        _seed2 = prng.NextUInt64();
        _ipv4 = new PeerSets<WidthIPv4>(_slab, prng.NextUInt64());
        _ipv6 = new PeerSets<WidthIPv6>(_slab, prng.NextUInt64());
        Array.Fill(_wheel, None);
    }

    /// <summary>The number of swarms.</summary>
    public int Count { get; private set; }

    /// <summary>Peers in all swarms.</summary>
    public int PeerCount { get; private set; }

    /// <summary>Those of them that are seeders.</summary>
    public int SeederCount { get; private set; }

    /// <summary>Bytes of memory held, used or not.</summary>
    public long Bytes => _slab.Bytes + (8L * _slots.Length) + ((long)_records.Count * Unsafe.SizeOf<SwarmRecord>() << ChunkBits);

    /// <summary>The record of a number that <see cref="Find"/> or <see cref="Add"/> gave. Records never move.</summary>
    public ref SwarmRecord this[int number] => ref _records[number >> ChunkBits][number & ((1 << ChunkBits) - 1)];

    /// <summary>Goes on to an instant and lets at most <paramref name="budget"/> swarms or ticks expire.</summary>
    public void Advance(Instant now, int budget)
    {
        var tick = (int)Math.Min(int.MaxValue - (4 * WheelSlots), now.Nanoseconds / _tickNanoseconds);
        if (tick > _now + WheelSlots)
        {
            // Nothing outlives a turn of the wheel; and ages are counted in 16 bits, which a long sleep would overflow.
            _now += WheelSlots;
            Turn(int.MaxValue);
            _wheelTick = Math.Max(_wheelTick, tick - 1);
        }

        _now = Math.Max(_now, tick);
        Turn(budget);
    }

    /// <summary>The number of a swarm, or -1. Its expired peers are gone.</summary>
    public int Find(InfoHash infoHash)
    {
        var slot = SlotOf(infoHash, HashOf(infoHash));
        if (_slots[slot] == 0)
        {
            return None;
        }

        var number = NumberAt(slot);
        ref var swarm = ref this[number];
        if (swarm.ExpiryTick <= _now)
        {
            Purge(ref swarm);
        }

        return number;
    }

    /// <summary>Adds a swarm that is not there yet, or returns -1 if there are too many.</summary>
    public int Add(InfoHash infoHash)
    {
        if (!_capacity.TryTakeSwarm())
        {
            return None;
        }

        if ((Count + 1) * 4L > _slots.Length * 3L)
        {
            Grow();
        }

        var number = TakeRecord();
        var hash = HashOf(infoHash);
        _slots[SlotOf(infoHash, hash)] = ((ulong)hash << 32) | ((uint)number + 1);
        this[number] = new SwarmRecord { InfoHash = infoHash, ExpiryTick = _now + TimeoutTicks + 1 };
        Schedule(number);
        Count++;
        return number;
    }

    /// <summary>The position of a peer in its swarm, or -1.</summary>
    public int FindPeer(in SwarmRecord swarm, in PackedPeer peer, bool isIPv6) =>
        isIPv6 ? _ipv6.Find(swarm.IPv6, peer) : _ipv4.Find(swarm.IPv4, peer);

    /// <summary>Adds a peer that is not there yet; its position, or -1 if there are too many.</summary>
    public int AddPeer(ref SwarmRecord swarm, in PackedPeer peer, bool isIPv6, bool isSeeder)
    {
        if (!_capacity.TryTakePeer())
        {
            return None;
        }

        PeerCount++;
        SeederCount += isSeeder ? 1 : 0;
        var fresh = peer.At(_now);
        return isIPv6 ? _ipv6.Add(ref swarm.IPv6, fresh, isSeeder) : _ipv4.Add(ref swarm.IPv4, fresh, isSeeder);
    }

    /// <summary>Notes that the peer at a position is there, and what it is now; returns its new position.</summary>
    public int UpdatePeer(ref SwarmRecord swarm, in PackedPeer peer, int position, bool isIPv6, bool isSeeder)
    {
        ref var set = ref isIPv6 ? ref swarm.IPv6 : ref swarm.IPv4;
        if (position >= set.LeecherCount != isSeeder)
        {
            RemovePeer(ref swarm, position, isIPv6);
            return AddPeer(ref swarm, peer, isIPv6, isSeeder);
        }

        if (isIPv6)
        {
            _ipv6.Touch(set, position, _now);
        }
        else
        {
            _ipv4.Touch(set, position, _now);
        }

        return position;
    }

    /// <summary>Removes the peer at a position.</summary>
    public void RemovePeer(ref SwarmRecord swarm, int position, bool isIPv6)
    {
        var seeders = swarm.SeederCount;
        if (isIPv6)
        {
            _ipv6.RemoveAt(ref swarm.IPv6, position);
        }
        else
        {
            _ipv4.RemoveAt(ref swarm.IPv4, position);
        }

        Forget(1, seeders - swarm.SeederCount);
    }

    /// <summary>Writes random peers of one family; see <see cref="PeerSets{TWidth}.Sample"/>.</summary>
    public int Sample(in SwarmRecord swarm, int self, bool isIPv6, PeerWish wish, int wanted, Prng prng, Span<byte> destination) =>
        isIPv6
            ? _ipv6.Sample(swarm.IPv6, self, wish, wanted, prng, destination)
            : _ipv4.Sample(swarm.IPv4, self, wish, wanted, prng, destination);

    private void Turn(int budget)
    {
        for (; budget > 0; budget--)
        {
            if (_due != None)
            {
                var number = _due;
                _due = this[number].Next;
                Visit(number);
            }
            else if (_wheelTick < _now)
            {
                // The list is taken off its slot first: those that go on living may come back into the same one.
                ref var slot = ref _wheel[++_wheelTick & (WheelSlots - 1)];
                (_due, slot) = (slot, None);
            }
            else
            {
                return;
            }
        }
    }

    private void Visit(int number)
    {
        ref var swarm = ref this[number];
        if (swarm.ExpiryTick <= _now)
        {
            Purge(ref swarm);
        }

        if (swarm.PeerCount == 0)
        {
            Remove(number);
        }
        else
        {
            Schedule(number);
        }
    }

    private void Schedule(int number)
    {
        ref var swarm = ref this[number];
        ref var slot = ref _wheel[swarm.ExpiryTick & (WheelSlots - 1)];
        (swarm.Next, slot) = (slot, number);
    }

    private void Purge(ref SwarmRecord swarm)
    {
        var (peers, seeders) = (swarm.PeerCount, swarm.SeederCount);
        var oldest = Math.Max(
            _ipv4.RemoveExpired(ref swarm.IPv4, _now, TimeoutTicks), _ipv6.RemoveExpired(ref swarm.IPv6, _now, TimeoutTicks));
        swarm.ExpiryTick = _now - oldest + TimeoutTicks + 1;
        Forget(peers - swarm.PeerCount, seeders - swarm.SeederCount);
    }

    private void Forget(int peers, int seeders)
    {
        PeerCount -= peers;
        SeederCount -= seeders;
        _capacity.GivePeers(peers);
    }

    private void Remove(int number)
    {
        ref var swarm = ref this[number];
        var mask = _slots.Length - 1;
        var gap = SlotOf(swarm.InfoHash, HashOf(swarm.InfoHash));
        for (var slot = (gap + 1) & mask; _slots[slot] != 0; slot = (slot + 1) & mask)
        {
            var home = (int)(_slots[slot] >> 32) & mask;
            if (((slot - home) & mask) >= ((slot - gap) & mask))
            {
                _slots[gap] = _slots[slot];
                gap = slot;
            }
        }

        _slots[gap] = 0;
        swarm.Next = _freeRecord;
        _freeRecord = number;
        Count--;
        _capacity.GiveSwarm();
    }

    private int TakeRecord()
    {
        if (_freeRecord != None)
        {
            var number = _freeRecord;
            _freeRecord = this[number].Next;
            return number;
        }

        if (_recordCount == _records.Count << ChunkBits)
        {
            _records.Add(new SwarmRecord[1 << ChunkBits]);
        }

        return _recordCount++;
    }

    // The slot of the swarm, or the free one where it would be.
    private int SlotOf(InfoHash infoHash, uint hash)
    {
        var mask = _slots.Length - 1;
        var slot = (int)hash & mask;
        while (_slots[slot] != 0 && ((uint)(_slots[slot] >> 32) != hash || this[NumberAt(slot)].InfoHash != infoHash))
        {
            slot = (slot + 1) & mask;
        }

        return slot;
    }

    private int NumberAt(int slot) => (int)(uint)_slots[slot] - 1;

    // Info-hashes are chosen by whoever announces, so the hash must not be foreseeable.
    private uint HashOf(InfoHash infoHash)
    {
        Span<byte> bytes = stackalloc byte[24];
        infoHash.WriteTo(bytes);
        bytes[20..].Clear();
        var words = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, ulong>(bytes);
        var high = Math.BigMul(words[0] ^ _seed, words[1] ^ _seed2, out var low);
        high = Math.BigMul(high ^ words[2] ^ _seed2, low ^ 0x9e3779b97f4a7c15 ^ _seed, out low);
        return (uint)((high ^ low) >> 32);
    }

    private void Grow()
    {
        var old = _slots;
        _slots = new ulong[old.Length * 2];
        var mask = _slots.Length - 1;
        foreach (var entry in old)
        {
            if (entry != 0)
            {
                var slot = (int)(entry >> 32) & mask;
                while (_slots[slot] != 0)
                {
                    slot = (slot + 1) & mask;
                }

                _slots[slot] = entry;
            }
        }
    }
}
