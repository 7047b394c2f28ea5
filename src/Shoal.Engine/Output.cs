using Shoal.Protocol;
using Shoal.Protocol.Wire;

namespace Shoal.Engine;

/// <summary>What the engine wants done. The words "answers with" name the <see cref="InputKind"/> that must follow, once.</summary>
public enum OutputKind : byte
{
    /// <summary>Open <see cref="Output.Link"/> to <see cref="Output.Address"/>. Answers with LinkOpened or LinkClosed.</summary>
    Connect,

    /// <summary>Close the link, after what was sent before. Answers with LinkClosed. <see cref="Output.Detail"/> is the reason as text, or null.</summary>
    CloseLink,

    /// <summary>Send <see cref="Output.Message"/> on the link. Messages of one link keep their order.</summary>
    Send,

    /// <summary>
    /// Send the request in <see cref="Output.Message"/> and expect its payload in <see cref="Output.Slot"/> at the
    /// block's offset. Answers with BlockReceived, unless a Forget or the link's end comes first. Until one of the three the driver may write to that part of the slot; nobody else does.
    /// </summary>
    Request,

    /// <summary>
    /// Drop the expectation of the block in <see cref="Output.Message"/>. Once this output has been executed the driver
    /// never again writes to the slot for it nor reports it as received, even if it was about to; the payload, if it
    /// comes, is thrown away and reported as discarded. Sends nothing by itself.
    /// </summary>
    Forget,

    /// <summary>
    /// Read the block in <see cref="Output.Message"/> and send it. Answers with BlocksSent (several blocks may be
    /// summed up in one answer), or with ReadFailed. Blocks of one link are sent in order.
    /// </summary>
    Upload,

    /// <summary>Hash the whole piece in the slot. Answers with PieceHashed.</summary>
    Hash,

    /// <summary>Write the whole piece from the slot to its place. Answers with PieceWritten or WriteFailed.</summary>
    Write,

    /// <summary>
    /// Write those blocks of the piece that <see cref="Output.Detail"/> (a <see cref="Bitfield"/> of blocks) has, to
    /// their places; the slot is wanted for something else. Answers with BlocksSpilled or WriteFailed.
    /// </summary>
    Spill,

    /// <summary>Read those blocks back into the slot. Answers with BlocksRestored or ReadFailed.</summary>
    Restore,

    /// <summary>The slot holds nothing any more; its memory may go back to the pool.</summary>
    ReleaseSlot,

    /// <summary>Announce as <see cref="Output.Detail"/> (an <see cref="AnnounceOrder"/>) says. Answers with Announced.</summary>
    Announce,

    /// <summary>Something happened that a user may care for: <see cref="Output.Detail"/> is a <see cref="SwarmEvent"/>.</summary>
    Event,
}

/// <summary>
/// One deed that the engine asks of its driver. Which members mean something is said at each <see cref="OutputKind"/>.
/// </summary>
public readonly record struct Output(
    OutputKind Kind,
    SwarmId Swarm,
    LinkId Link = default,
    PeerMessage Message = default,
    BufferSlot Slot = default,
    PeerAddress Address = default,
    object? Detail = null)
{
    /// <summary>The piece of Hash, Write, Spill and Restore.</summary>
    public PieceIndex Piece => Message.Piece;
}
