using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Shoal.Protocol;

namespace Shoal.Engine.Picking;

/// <summary>
/// One piece being fetched: which of its blocks are there and from whom, and who has been asked for the others.
/// A block is free if it is neither received nor asked for. Lives from its first request until
/// <see cref="PiecePicker.MarkHave"/> or <see cref="PiecePicker.Abandon"/>. Not thread-safe.
/// </summary>
public sealed class PartialPiece
{
    /// <summary>Stands for whoever sent a block that is not there, or that came in an earlier run.</summary>
    public static readonly LinkId NoContributor = new(-1);

    /// <summary>How many links are ever asked for the same block at once.</summary>
    internal const int MaximumHolders = 3;

    private readonly BlockState[] _blocks;
    private readonly List<LinkId> _contributors = [];
    private readonly List<LinkId> _rivals = [];

    // Everybody who has been asked for a block or has sent one; at most a few, but in the endgame.
    private readonly List<Participant> _participants = [];

    // How many of them are asked for a block now.
    private int _requesterCount;

    // No block below this one is free.
    private int _cursor;

    internal PartialPiece(PieceIndex piece, int blockCount, long sequence)
    {
        Piece = piece;
        Sequence = sequence;
        FreeCount = blockCount;
        Received = new Bitfield(blockCount);
        _blocks = new BlockState[blockCount];
    }

    /// <summary>Which piece.</summary>
    public PieceIndex Piece { get; }

    /// <summary>Where its blocks are gathered; none before the swarm gave it one and while it is spilled.</summary>
    public BufferSlot Slot { get; set; } = BufferSlot.None;

    /// <summary>How far it is. Blocks are offered while it is downloading, or spilled if a slot is to be had.</summary>
    public PieceStage Stage { get; set; }

    /// <summary>The blocks that are there; a bit a block. Read it only.</summary>
    public Bitfield Received { get; }

    /// <summary>Requests out for its blocks, all links together, one for each link that has been asked for a block.</summary>
    public int OutstandingCount { get; private set; }

    /// <summary>Whether every block is there.</summary>
    public bool IsComplete => Received.IsFull;

    /// <summary>
    /// If set, only this link is offered its blocks, so that a bad piece tells who made it. To be cleared when the link is gone.
    /// </summary>
    public LinkId? Exclusive { get; set; }

    /// <summary>The links whose blocks these are, in order of their first block.</summary>
    public IReadOnlyList<LinkId> Contributors => _contributors;

    /// <summary>
    /// The links that were asked for a block when another's was accepted: theirs was perhaps on its way into the same
    /// place, so if the piece is bad they may have done it.
    /// </summary>
    public IReadOnlyList<LinkId> Rivals => _rivals;

    /// <summary>How many of its blocks came in an earlier run, so that no contributor answers for them.</summary>
    public int InheritedCount { get; private set; }

    /// <summary>Place in the order of opening.</summary>
    internal long Sequence { get; }

    /// <summary>Whether <see cref="PartialPieces"/> lists it among those with free blocks.</summary>
    internal bool IsListedAsFree { get; set; }

    /// <summary>The number of free blocks.</summary>
    internal int FreeCount { get; private set; }

    /// <summary>Who sent the block; <see cref="NoContributor"/> if it is not there or came in an earlier run.</summary>
    public LinkId ContributorOf(int block) => Received[block] ? _blocks[block].Contributor : NoContributor;

    /// <summary>Whether it alone is asked for blocks or, if nobody is, it alone has sent any.</summary>
    internal bool IsSole(LinkId link) => OutstandingCount > 0
        ? _requesterCount == 1 && IndexOf(link) is >= 0 and var at && _participants[at].Requested > 0
        : _contributors.Count == 1 && _contributors[0] == link;

    internal int HolderCountOf(int block) => _blocks[block].HolderCount;

    internal ReadOnlySpan<LinkId> HoldersOf(int block)
    {
        ref readonly var state = ref _blocks[block];
        return ((ReadOnlySpan<LinkId>)state.Holders)[..state.HolderCount];
    }

    /// <summary>Marks the first free block as asked for. There must be one.</summary>
    internal int HoldFree(LinkId link)
    {
        while (Received[_cursor] || _blocks[_cursor].HolderCount != 0)
        {
            _cursor++;
        }

        Hold(_cursor, link);
        return _cursor;
    }

    /// <summary>Marks a missing block as asked of one more link, which must not be one of its holders yet.</summary>
    internal void Hold(int block, LinkId link)
    {
        ref var state = ref _blocks[block];
        if (state.HolderCount == 0)
        {
            FreeCount--;
        }

        state.Holders[state.HolderCount++] = link;
        OutstandingCount++;
        if (ParticipantOf(link).Requested++ == 0)
        {
            _requesterCount++;
        }
    }

    /// <summary>Marks the block as no longer asked of the link; tells whether it was.</summary>
    internal bool Drop(int block, LinkId link)
    {
        ref var state = ref _blocks[block];
        var holders = ((Span<LinkId>)state.Holders)[..state.HolderCount];
        var at = holders.IndexOf(link);
        if (at < 0)
        {
            return false;
        }

        holders[(at + 1)..].CopyTo(holders[at..]);
        state.HolderCount--;
        OutstandingCount--;
        if (state.HolderCount == 0 && !Received[block])
        {
            FreeCount++;
            _cursor = Math.Min(_cursor, block);
        }

        if (--ParticipantOf(link).Requested == 0)
        {
            _requesterCount--;
        }

        ForgetIdle(link);
        return true;
    }

    /// <summary>Takes a missing block from the link, whether or not it was asked.</summary>
    internal void Accept(int block, LinkId link)
    {
        ref var participant = ref ParticipantOf(link);
        if (participant.Delivered++ == 0)
        {
            _contributors.Add(link);
        }

        foreach (var holder in HoldersOf(block))
        {
            if (holder != link && !_rivals.Contains(holder))
            {
                _rivals.Add(holder);
            }
        }

        if (_blocks[block].HolderCount == 0)
        {
            FreeCount--;
        }

        _blocks[block].Contributor = link;
        Received.Set(block);
        Drop(block, link);
    }

    /// <summary>Takes over a block of an earlier run.</summary>
    internal void Inherit(int block)
    {
        _blocks[block].Contributor = NoContributor;
        Received.Set(block);
        FreeCount--;
        InheritedCount++;
    }

    /// <summary>Throws away what was received. Requests that are out stay out.</summary>
    internal void Clear(LinkId? exclusive)
    {
        Received.ClearAll();
        Exclusive = exclusive;
        InheritedCount = 0;
        _contributors.Clear();
        _rivals.Clear();
        _participants.RemoveAll(participant => participant.Requested == 0);
        foreach (ref var participant in CollectionsMarshal.AsSpan(_participants))
        {
            participant.Delivered = 0;
        }

        _cursor = 0;
        FreeCount = 0;
        foreach (ref readonly var state in _blocks.AsSpan())
        {
            FreeCount += state.HolderCount == 0 ? 1 : 0;
        }
    }

    private ref Participant ParticipantOf(LinkId link)
    {
        var at = IndexOf(link);
        if (at < 0)
        {
            at = _participants.Count;
            _participants.Add(new Participant { Link = link });
        }

        return ref CollectionsMarshal.AsSpan(_participants)[at];
    }

    private void ForgetIdle(LinkId link)
    {
        var at = IndexOf(link);
        if (_participants[at] is { Requested: 0, Delivered: 0 })
        {
            _participants.RemoveAt(at);
        }
    }

    private int IndexOf(LinkId link)
    {
        var participants = CollectionsMarshal.AsSpan(_participants);
        for (var i = 0; i < participants.Length; i++)
        {
            if (participants[i].Link == link)
            {
                return i;
            }
        }

        return -1;
    }

    private struct Participant
    {
        public LinkId Link;
        public int Requested;
        public int Delivered;
    }

    private struct BlockState
    {
        public HolderList Holders;
        public LinkId Contributor;
        public byte HolderCount;
    }

    [InlineArray(MaximumHolders)]
    private struct HolderList
    {
        private LinkId _first;
    }
}
