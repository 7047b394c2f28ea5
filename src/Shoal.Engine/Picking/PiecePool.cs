using Shoal.Protocol;

namespace Shoal.Engine.Picking;

/// <summary>
/// The pieces that could be opened (wanted, not had, not begun), in order of how many peers have them, so that the
/// rarest is at hand: one array in which each availability has a contiguous stretch, and each piece's place in it.
/// A piece moves one stretch up or down by one swap. Seeds have every piece and move none: they are counted apart.
/// Ten bytes a piece. Invariant: <c>_order[_position[p]] == p</c> for pieces in the pool, <c>_position[p] == -1</c> for others.
/// </summary>
internal sealed class PiecePool
{
    /// <summary>How many places are looked at in a stretch before the whole bitfields are compared.</summary>
    private const int Probes = 64;

    /// <summary>Up to so many pieces that come into question the rarest is found for certain; beyond, as good as certainly.</summary>
    private const int ExactCount = 1024;

    private readonly int[] _order;
    private readonly int[] _position;
    private readonly ushort[] _availability;
    private readonly Prng _prng;

    // _end[a] is where the stretch of pieces that a peers have ends; _end[^1] is the count.
    private int[] _end = new int[8];
    private int _seedCount;

    /// <summary>All pieces, and no peer.</summary>
    public PiecePool(int pieceCount, Prng prng)
    {
        _prng = prng;
        _order = new int[pieceCount];
        _position = new int[pieceCount];
        _availability = new ushort[pieceCount];
        for (var piece = 0; piece < pieceCount; piece++)
        {
            Place(piece, piece);
        }

        Array.Fill(_end, pieceCount);
    }

    /// <summary>The number of pieces in the pool.</summary>
    public int Count => _end[^1];

    /// <summary>The number of pieces in the pool that at least one peer has.</summary>
    public int AvailableCount => _seedCount > 0 ? Count : Count - _end[0];

    public bool Contains(int piece) => _position[piece] >= 0;

    /// <summary>How many peers have the piece.</summary>
    public int AvailabilityOf(int piece) => _seedCount + _availability[piece];

    /// <summary>One more peer, which has these.</summary>
    public void AddPeer(Bitfield has)
    {
        if (has.IsFull)
        {
            _seedCount++;
            return;
        }

        for (var piece = has.NextSet(0); piece >= 0; piece = has.NextSet(piece + 1))
        {
            Increment(piece);
        }
    }

    /// <summary>One peer less, which had these.</summary>
    public void RemovePeer(Bitfield has)
    {
        if (has.IsFull && _seedCount > 0)
        {
            // It may have come as a leecher, piece by piece; then another seed is counted piece by piece from now on.
            _seedCount--;
            return;
        }

        for (var piece = has.NextSet(0); piece >= 0; piece = has.NextSet(piece + 1))
        {
            Decrement(piece);
        }
    }

    /// <summary>A peer has one more piece.</summary>
    public void Increment(int piece)
    {
        var old = _availability[piece];
        _availability[piece] = checked((ushort)(old + 1));
        if (old + 1 >= _end.Length)
        {
            var length = _end.Length;
            var count = Count;
            Array.Resize(ref _end, length * 2);
            Array.Fill(_end, count, length, length);
        }

        if (Contains(piece))
        {
            Swap(piece, --_end[old]);
        }
    }

    /// <summary>Fetches what <see cref="Increment"/> will touch, in three steps (<see cref="IMachine.Warm"/>).</summary>
    public void Warm(int piece, int step)
    {
        switch (step)
        {
            case 0:
                Prefetch.Object(_position, 1); // their lengths
                Prefetch.Object(_availability, 1);
                break;
            case 1 when (uint)piece < (uint)_position.Length:
                Prefetch.Element(in _position[piece]);
                Prefetch.Element(in _availability[piece]);
                Prefetch.Object(_end, 1);
                Prefetch.Object(_order, 1);
                break;
            case 2 when (uint)piece < (uint)_position.Length && Contains(piece):
                Prefetch.Element(in _order[_position[piece]]);
                break;
            default:
                break;
        }
    }

    /// <summary>Puts a piece in.</summary>
    public void Insert(int piece)
    {
        // A place opens at the end; each stretch above hands its first piece over to its far side.
        var hole = Count;
        for (var availability = _end.Length - 1; availability > _availability[piece]; availability--)
        {
            var start = _end[availability - 1];
            if (start < hole)
            {
                Place(_order[start], hole);
            }

            hole = start;
            _end[availability]++;
        }

        Place(piece, hole);
        _end[_availability[piece]]++;
    }

    /// <summary>Takes a piece out.</summary>
    public void Remove(int piece)
    {
        var hole = _position[piece];
        _position[piece] = -1;
        for (int availability = _availability[piece]; availability < _end.Length; availability++)
        {
            var last = --_end[availability];
            if (last != hole)
            {
                Place(_order[last], hole);
            }

            hole = last;
        }
    }

    /// <summary>
    /// A piece of the pool that the peer has and <paramref name="only"/> allows: the rarest, or any if rarity is not
    /// asked for; by lot among equals. -1 if there is none. <paramref name="candidates"/> is a superset of the pool.
    /// </summary>
    public int Choose(Bitfield peerHas, Bitfield candidates, Bitfield? only, bool byRarity)
    {
        if (Count == 0)
        {
            return -1;
        }

        if (only is not null)
        {
            return ChooseExactly(only, candidates, peerHas, byRarity);
        }

        var mayMiss = Math.Min(peerHas.Count, candidates.Count) > ExactCount;
        var found = byRarity ? ProbeStretches(peerHas, mayMiss) : Probe(peerHas, 0, Count);
        return found >= 0 ? found : ChooseExactly(peerHas, candidates, null, byRarity);
    }

    /// <summary>
    /// The next piece of the pool that the peer suggested, unless somebody else has it who is no seed: it is then better had from there.
    /// Those before it are forgotten. -1 if there is none.
    /// </summary>
    public int NextSuggested(in PickRequest request)
    {
        // Where nobody is a seed, whoever suggests it is counted as one that has it.
        var availability = _seedCount > 0 ? 0 : 1;
        while (request.Only is null && request.Suggested?.TryDequeue(out var piece) == true)
        {
            if (Contains(piece.Value) && request.PeerHas[piece] && _availability[piece.Value] <= availability)
            {
                return piece.Value;
            }
        }

        return -1;
    }

    private int ProbeStretches(Bitfield peerHas, bool mayMiss)
    {
        // What the peer has somebody has: without seeds the first stretch is of no use.
        var start = _seedCount > 0 ? 0 : _end[0];
        for (var availability = 0; availability < _end.Length && start < Count; availability++)
        {
            var length = _end[availability] - start;
            if (length <= 0)
            {
                continue;
            }

            var found = Probe(peerHas, start, length);
            if (found >= 0 || (length > Probes && !mayMiss))
            {
                return found; // or look at the bitfields
            }

            start = _end[availability];
        }

        return -1;
    }

    /// <summary>Looks through a short stretch, and here and there in a long one.</summary>
    private int Probe(Bitfield peerHas, int start, int length)
    {
        if (length > Probes)
        {
            for (var i = 0; i < Probes; i++)
            {
                var piece = _order[start + _prng.Next(length)];
                if (peerHas[piece])
                {
                    return piece;
                }
            }

            return -1;
        }

        var chosen = -1;
        var seen = 0;
        for (var i = start; i < start + length; i++)
        {
            if (peerHas[_order[i]] && _prng.Next(++seen) == 0)
            {
                chosen = _order[i];
            }
        }

        return chosen;
    }

    private int ChooseExactly(Bitfield left, Bitfield right, Bitfield? third, bool byRarity)
    {
        var chosen = -1;
        var rarity = int.MaxValue;
        var equals = 0;
        for (var piece = Bits.NextCommon(left, right, 0); piece >= 0; piece = Bits.NextCommon(left, right, piece + 1))
        {
            var availability = byRarity ? _availability[piece] : 0;
            if (availability > rarity || !Contains(piece) || third?[piece] == false)
            {
                continue;
            }

            equals = availability < rarity ? 0 : equals;
            rarity = availability;
            if (_prng.Next(++equals) == 0)
            {
                chosen = piece;
            }
        }

        return chosen;
    }

    private void Decrement(int piece)
    {
        var old = _availability[piece];
        _availability[piece] = checked((ushort)(old - 1));
        if (Contains(piece))
        {
            Swap(piece, _end[old - 1]++);
        }
    }

    private void Swap(int piece, int place)
    {
        var other = _order[place];
        Place(other, _position[piece]);
        Place(piece, place);
    }

    private void Place(int piece, int place)
    {
        _order[place] = piece;
        _position[piece] = place;
    }
}
