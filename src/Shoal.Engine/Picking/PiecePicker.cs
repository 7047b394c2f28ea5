using Shoal.Protocol;

namespace Shoal.Engine.Picking;

/// <summary>
/// Which block to ask whom for: pieces that were begun are finished first, then the rarest piece is begun, and when
/// everything is asked for, the last blocks are asked for twice (the endgame). It knows blocks and links, not slots or time.
/// Invariant: each piece that is wanted and not had is either in the pool of pieces to open or partial, never both.
/// Deterministic from the seed and the order of calls. Not thread-safe.
/// </summary>
/// <remarks>BEP 3; Cohen, "Incentives build robustness in BitTorrent" (2003), sections 2.3 and 2.4.</remarks>
public sealed class PiecePicker
{
    private readonly PieceLayout _layout;
    private readonly PiecePool _pool;
    private readonly Bitfield _wanted;
    private readonly Bitfield _missing; // wanted and not had
    private readonly PartialPieces _partials = new();
    private bool _hasFinishedPiece;

    /// <summary>Nothing is had, everything is wanted, and nobody has anything.</summary>
    public PiecePicker(PieceLayout layout, Prng prng)
    {
        _layout = layout;
        _pool = new PiecePool(layout.PieceCount, prng);
        Have = new Bitfield(layout.PieceCount);
        _wanted = new Bitfield(layout.PieceCount);
        _wanted.SetAll();
        _missing = _wanted.Clone();
        MissingBytes = layout.TotalLength;
    }

    /// <summary>The pieces that are verified and written. Read it only.</summary>
    public Bitfield Have { get; }

    /// <summary>The wanted pieces that are not had yet. Read it only.</summary>
    internal Bitfield Missing => _missing;

    /// <summary>For <see cref="Swarms.Warming"/> only.</summary>
    internal PiecePool Pool => _pool;

    /// <summary>The number of wanted pieces that are not had yet.</summary>
    public int WantedMissingCount => _missing.Count;

    /// <summary>The length in bytes of the wanted pieces that are not had yet; a piece counts whole until it is had.</summary>
    public long MissingBytes { get; private set; }

    /// <summary>Whether every wanted piece is had.</summary>
    public bool IsComplete => _missing.IsEmpty;

    /// <summary>The pieces being fetched, in order of opening.</summary>
    public IReadOnlyList<PartialPiece> Partials => _partials.All;

    /// <summary>Whether a piece that was begun has blocks that nobody is asked for; perhaps it is not wanted any more.</summary>
    public bool HasFreeBlocks => _partials.WithFree.Count > 0;

    /// <summary>Whether something is missing that nobody has who is connected.</summary>
    public bool LacksHolders => _pool.Count > _pool.AvailableCount;

    /// <summary>
    /// Whether something is missing but every missing block that anybody has is asked for, or received. (What nobody
    /// has cannot be asked for; to wait for it would only hold up the rest.)
    /// </summary>
    public bool IsEndgame
    {
        get
        {
            if (IsComplete || _pool.AvailableCount > 0)
            {
                return false;
            }

            foreach (var partial in _partials.WithFree)
            {
                if (_missing[partial.Piece] && AvailabilityOf(partial.Piece) > 0)
                {
                    return false;
                }
            }

            return true;
        }
    }

    /// <summary>The piece is verified and written. It is partial no longer.</summary>
    public void MarkHave(PieceIndex piece)
    {
        if (!Have.Set(piece.Value))
        {
            return;
        }

        if (Find(piece) is { } partial)
        {
            _partials.Close(partial);
            _hasFinishedPiece = true;
        }
        else if (_pool.Contains(piece.Value))
        {
            _pool.Remove(piece.Value);
        }

        ClearMissing(piece);
    }

    /// <summary>The piece was had and is no longer.</summary>
    public void MarkLost(PieceIndex piece)
    {
        if (Have.Clear(piece.Value) && _wanted[piece])
        {
            SetMissing(piece);
        }
    }

    /// <summary>Whether the piece is to be fetched. One that was begun stays partial, but is not offered while unwanted.</summary>
    public void SetWanted(PieceIndex piece, bool wanted)
    {
        var isChange = wanted ? _wanted.Set(piece.Value) : _wanted.Clear(piece.Value);
        if (!isChange || Have[piece])
        {
            return;
        }

        if (wanted)
        {
            SetMissing(piece);
            return;
        }

        ClearMissing(piece);
        if (_pool.Contains(piece.Value))
        {
            _pool.Remove(piece.Value);
        }
    }

    /// <summary>A peer came that has these. To be called before anything is picked for it.</summary>
    public void AddAvailability(Bitfield peerHas) => _pool.AddPeer(peerHas);

    /// <summary>A peer left that had these: what was added for it, piece by piece or at once.</summary>
    public void RemoveAvailability(Bitfield peerHas) => _pool.RemovePeer(peerHas);

    /// <summary>A peer has one more piece.</summary>
    public void AddAvailability(PieceIndex piece) => _pool.Increment(piece.Value);

    /// <summary>How many peers have the piece.</summary>
    public int AvailabilityOf(PieceIndex piece) => _pool.AvailabilityOf(piece.Value);

    /// <summary>Whether the peer has a piece that is wanted and not had.</summary>
    public bool IsInteresting(Bitfield peerHas) =>
        peerHas.IsFull ? !IsComplete : !IsComplete && !peerHas.IsEmpty && Bits.NextCommon(peerHas, _missing, 0) >= 0;

    /// <summary>Whether the piece is wanted and not had.</summary>
    public bool IsInteresting(PieceIndex piece) => _missing[piece];

    /// <summary>The piece if it is being fetched.</summary>
    public PartialPiece? Find(PieceIndex piece) => _partials.Find(piece);

    /// <summary>
    /// Chooses blocks for a link, in the order in which to ask for them, and marks each as asked for. A piece that was
    /// opened by this has no slot yet: neither a new one nor a spilled one.
    /// </summary>
    /// <returns>How many; at most the length of <paramref name="destination"/>.</returns>
    public int Pick(in PickRequest request, Span<BlockRequest> destination)
    {
        if (destination.IsEmpty || IsComplete)
        {
            return 0;
        }

        var openable = request.OpenablePieceCount;
        var count = TakeFromPartials(request, PieceRank.Own, ref openable, destination);
        if (request.Alone)
        {
            // What others have left comes last: better mixed than never.
            count += TakeFromNew(request, ref openable, destination[count..]);
            count += TakeFromPartials(request, PieceRank.Orphan, ref openable, destination[count..]);
            count += TakeFromPartials(request, PieceRank.Spilled, ref openable, destination[count..]);
            return count;
        }

        count += TakeFromNew(request, ref openable, destination[count..], isSuggested: true);
        count += TakeFromPartials(request, PieceRank.Orphan, ref openable, destination[count..]);
        count += TakeFromPartials(request, PieceRank.Spilled, ref openable, destination[count..]);
        if (request.PrefersWholePieces)
        {
            count += TakeFromNew(request, ref openable, destination[count..]);
            count += TakeFromPartials(request, PieceRank.Shared, ref openable, destination[count..]);
        }
        else
        {
            count += TakeFromPartials(request, PieceRank.Shared, ref openable, destination[count..]);
            count += TakeFromNew(request, ref openable, destination[count..]);
        }

        return count == 0 && request.IsLate is not null && (IsEndgame || request.OpenablePieceCount == 0) ? Endgame.Take(request, _partials.All, _missing, _layout, destination) : count;
    }

    /// <summary>Marks the free blocks of a piece, as many as fit, as asked of a link: for those who choose for themselves.</summary>
    public int Take(PieceIndex piece, LinkId link, Span<BlockRequest> destination) =>
        Take(Find(piece) ?? Open(piece), link, destination);

    /// <summary>
    /// A block arrived whole. It counts also if it was asked for no longer. Ask <see cref="DuplicateHolders"/> right
    /// afterwards who else need not send it any more.
    /// </summary>
    public BlockOutcome Receive(LinkId link, BlockRequest block)
    {
        var index = _layout.BlockIndexOf(block);
        if (index < 0)
        {
            return BlockOutcome.Unwanted;
        }

        if (Find(block.Piece) is not { } partial)
        {
            return Have[block.Piece] ? BlockOutcome.Duplicate : BlockOutcome.Unwanted;
        }

        if (partial.Received[index])
        {
            partial.Drop(index, link);
            return BlockOutcome.Duplicate;
        }

        if (partial.Exclusive is { } exclusive && exclusive != link)
        {
            Release(link, block);
            return BlockOutcome.Unwanted;
        }

        partial.Accept(index, link);
        _partials.Update(partial);
        return BlockOutcome.Accepted;
    }

    /// <summary>A request ended without a block: rejected, choked, timed out, forgotten, or the link is gone.</summary>
    public void Release(LinkId link, BlockRequest block)
    {
        var index = _layout.BlockIndexOf(block);
        if (index >= 0 && Find(block.Piece) is { } partial)
        {
            partial.Drop(index, link);
            _partials.Update(partial);
        }
    }

    /// <summary>
    /// The links that are asked for the block still, so that they can be told to save themselves the trouble; at most
    /// three, and as many as fit.
    /// </summary>
    public int DuplicateHolders(BlockRequest block, Span<LinkId> destination)
    {
        var index = _layout.BlockIndexOf(block);
        if (index < 0 || Find(block.Piece) is not { } partial)
        {
            return 0;
        }

        var holders = partial.HoldersOf(index);
        holders = holders[..Math.Min(holders.Length, destination.Length)];
        holders.CopyTo(destination);
        return holders.Length;
    }

    /// <summary>
    /// The hash was wrong: all blocks are wanted again, from one link only if given. The piece is downloading again if
    /// it has a slot, else spilled with nothing in it.
    /// </summary>
    /// <exception cref="InvalidOperationException">The piece is not being fetched.</exception>
    public void Reset(PieceIndex piece, LinkId? exclusive)
    {
        var partial = Partial(piece);
        partial.Clear(exclusive);
        partial.Stage = partial.Slot == BufferSlot.None ? PieceStage.Spilled : PieceStage.Downloading;
        _partials.Update(partial);
    }

    /// <summary>Forgets what was fetched of the piece; it is to be opened anew if it is wanted.</summary>
    /// <exception cref="InvalidOperationException">The piece is not being fetched, or requests for it are out.</exception>
    public void Abandon(PieceIndex piece)
    {
        var partial = Partial(piece);
        if (partial.OutstandingCount > 0)
        {
            throw new InvalidOperationException($"piece {piece} is abandoned with {partial.OutstandingCount} requests out");
        }

        _partials.Close(partial);
        if (_missing[piece])
        {
            _pool.Insert(piece.Value);
        }
    }

    /// <summary>Takes over an unfinished piece from an earlier run: it is spilled, and has these blocks.</summary>
    /// <exception cref="ArgumentException">The piece is had or being fetched, or that is not its number of blocks.</exception>
    public PartialPiece Adopt(PieceIndex piece, Bitfield received)
    {
        if (Have[piece] || Find(piece) is not null || received.Length != _layout.BlockCountOf(piece))
        {
            throw new ArgumentException($"piece {piece} with {received.Length} blocks cannot be taken over", nameof(piece));
        }

        var partial = Open(piece);
        partial.Stage = PieceStage.Spilled;
        for (var block = received.NextSet(0); block >= 0; block = received.NextSet(block + 1))
        {
            partial.Inherit(block);
        }

        _partials.Update(partial);
        return partial;
    }

    private int TakeFromPartials(in PickRequest request, PieceRank rank, ref int openable, Span<BlockRequest> destination)
    {
        var offered = _partials.WithFree;
        var count = 0;
        for (var i = 0; i < offered.Count && count < destination.Length;)
        {
            var partial = offered[i];
            if (!request.Admits(partial, _missing, openable) || partial.RankFor(request.Link) != rank)
            {
                i++;
                continue;
            }

            openable -= partial.Stage == PieceStage.Spilled ? 1 : 0;
            count += Take(partial, request.Link, destination[count..]);
        }

        return count;
    }

    private int TakeFromNew(in PickRequest request, ref int openable, Span<BlockRequest> destination, bool isSuggested = false)
    {
        var count = 0;
        for (; openable > 0 && count < destination.Length; openable--)
        {
            // The first piece is a random one: a rare piece comes slowly, and without a piece one has nothing to trade.
            var piece = isSuggested ? _pool.NextSuggested(request) : _pool.Choose(request.PeerHas, _missing, request.Only, byRarity: _hasFinishedPiece);
            if (piece < 0)
            {
                break;
            }

            var partial = Open(new PieceIndex(piece));
            partial.Exclusive = request.Alone ? request.Link : null;
            count += Take(partial, request.Link, destination[count..]);
        }

        return count;
    }

    /// <summary>Takes free blocks, of which there must be one, until there are no more or the destination is full.</summary>
    private int Take(PartialPiece partial, LinkId link, Span<BlockRequest> destination)
    {
        var count = 0;
        while (partial.FreeCount > 0 && count < destination.Length)
        {
            destination[count++] = _layout.BlockAt(partial.Piece, partial.HoldFree(link));
        }

        _partials.Update(partial);
        return count;
    }

    private PartialPiece Partial(PieceIndex piece) =>
        Find(piece) ?? throw new InvalidOperationException($"piece {piece} is not being fetched");

    private PartialPiece Open(PieceIndex piece)
    {
        if (_pool.Contains(piece.Value))
        {
            _pool.Remove(piece.Value);
        }

        return _partials.Open(piece, _layout.BlockCountOf(piece));
    }

    private void SetMissing(PieceIndex piece)
    {
        _missing.Set(piece.Value);
        MissingBytes += _layout.LengthOf(piece);
        if (Find(piece) is null)
        {
            _pool.Insert(piece.Value);
        }
    }

    private void ClearMissing(PieceIndex piece)
    {
        if (_missing.Clear(piece.Value))
        {
            MissingBytes -= _layout.LengthOf(piece);
        }
    }
}
