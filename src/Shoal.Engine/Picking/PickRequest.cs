using Shoal.Protocol;

namespace Shoal.Engine.Picking;

/// <summary>What one link could be asked for, right now.</summary>
/// <param name="Link">The link.</param>
/// <param name="PeerHas">The pieces that the peer has.</param>
/// <param name="PrefersWholePieces">
/// Whether it is fast enough for pieces of its own. A slow peer rather helps with pieces that others have begun.
/// </param>
/// <param name="OpenablePieceCount">How many new or spilled pieces may be opened now: the free buffer slots.</param>
/// <param name="Only">If set, nothing but these pieces: the allowed-fast ones while the peer chokes us (BEP 6).</param>
/// <param name="Alone">Whether the link shares no piece with others: it is under suspicion, so what it opens is exclusively its own.</param>
/// <param name="IsLate">
/// Whether a block that a link is asked for comes so late that it is worth asking for twice, if nothing else is left (the endgame) or may be opened;
/// null: none is.
/// </param>
/// <param name="Suggested">
/// Pieces to begin before anything else, in this order, unless a peer has them that is no seed; they are taken out. Null: none.
/// </param>
public readonly record struct PickRequest(
    LinkId Link, Bitfield PeerHas, bool PrefersWholePieces, int OpenablePieceCount, Bitfield? Only = null, bool Alone = false,
    Func<LinkId, BlockRequest, bool>? IsLate = null, Queue<PieceIndex>? Suggested = null);

/// <summary>What a block that arrived was worth.</summary>
public enum BlockOutcome
{
    /// <summary>It was missing; now it is had.</summary>
    Accepted,

    /// <summary>It was had before, or its whole piece was.</summary>
    Duplicate,

    /// <summary>No such block, or nobody is fetching its piece, or not from this link.</summary>
    Unwanted,
}

/// <summary>How far a piece that is being fetched has come. Set by the swarm.</summary>
public enum PieceStage : byte
{
    /// <summary>Its blocks are asked for and received into its slot.</summary>
    Downloading,

    /// <summary>All blocks are there; the hasher has it.</summary>
    Hashing,

    /// <summary>The hash was right; the disk has it.</summary>
    Writing,

    /// <summary>Its blocks are on their way to disk because the slot is wanted.</summary>
    Spilling,

    /// <summary>Its blocks lie on disk; it has no slot.</summary>
    Spilled,

    /// <summary>Its blocks are on their way back into a slot.</summary>
    Restoring,
}
