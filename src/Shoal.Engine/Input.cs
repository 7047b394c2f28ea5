using Shoal.Protocol;
using Shoal.Protocol.Wire;

namespace Shoal.Engine;

/// <summary>What can happen to the engine.</summary>
public enum InputKind : byte
{
    /// <summary>The deadline has come, or anything earlier; asking once too often does no harm.</summary>
    Timer,

    /// <summary>A link is open: one that Connect asked for, or an incoming one (<see cref="LinkId.IsIncoming"/>) from <see cref="Input.Address"/>.</summary>
    LinkOpened,

    /// <summary>A link is gone, or could not be opened; nothing more comes from it. <see cref="Input.Detail"/> is a text that says why, or null.</summary>
    LinkClosed,

    /// <summary><see cref="Input.Message"/> came in on the link; the first on every link is its handshake.</summary>
    Message,

    /// <summary>The block in <see cref="Input.Message"/>, which a Request asked for and nothing forgot, lies whole in its slot.</summary>
    BlockReceived,

    /// <summary>A block came that nothing expected (any more); it was thrown away.</summary>
    BlockDiscarded,

    /// <summary>Uploads left: <see cref="Input.Count"/> blocks, <see cref="Input.Bytes"/> bytes in sum, handed to the link's transport.</summary>
    BlocksSent,

    /// <summary>The hash of the piece is <see cref="Input.Hash"/>.</summary>
    PieceHashed,

    /// <summary>The piece is in its place, whole.</summary>
    PieceWritten,

    /// <summary>The blocks are in their places; the slot may be used again.</summary>
    BlocksSpilled,

    /// <summary>The blocks are back in the slot.</summary>
    BlocksRestored,

    /// <summary>A Write or Spill failed: <see cref="Input.Detail"/> is the reason as text. What was in the slot still is.</summary>
    WriteFailed,

    /// <summary>
    /// An Upload (with <see cref="Input.Link"/>) or a Restore failed: <see cref="Input.Detail"/> is a
    /// <see cref="ReadFailure"/>, or of a Restore the reason as text.
    /// </summary>
    ReadFailed,

    /// <summary>A tracker answered or failed: <see cref="Input.Detail"/> is an <see cref="AnnounceResult"/>.</summary>
    Announced,

    /// <summary>
    /// A peer that a user or the link itself named: <see cref="Input.Address"/>. If <see cref="Input.Count"/> is not 0 it is one that was
    /// found (in the DHT, on the local network), which makes room for those that were named, and counts for nothing in a private torrent.
    /// </summary>
    PeerFound,

    /// <summary>Others reach us at another port from now on, <see cref="Input.Count"/>: trackers are told as soon as they let us, peers when they connect.</summary>
    PortChanged,

    /// <summary>Trackers may have forgotten us, as one that was restarted has: all that we announce is announced anew.</summary>
    TrackersForgot,

    /// <summary>Others reach our DHT node at another port from now on, <see cref="Input.Count"/>: peers are told when they connect.</summary>
    NodePortChanged,

    /// <summary>
    /// Of whom to ask first, under a <see cref="Swarms.BalancePolicy"/> that wants to be told: <see cref="Input.Detail"/> is
    /// an IReadOnlyList of <see cref="PeerAddress"/>, best first. Answers <see cref="SwarmEvent.RoundEnded"/>, and begins the first round.
    /// </summary>
    HoldersOrdered,

    /// <summary>The content is known and what lies on disk was checked: <see cref="Input.Detail"/> is a <see cref="ContentState"/>.</summary>
    ContentReady,

    /// <summary>The hash of the piece shall be <see cref="Input.Hash"/>: of content whose hashes follow. The first that comes counts.</summary>
    PieceHashKnown,

    /// <summary>
    /// The piece came by another way than links and lies in its place, verified by the driver. Passed over for a piece that
    /// is being fetched: that comes by itself.
    /// </summary>
    PieceFound,

    /// <summary>Whether the piece is wanted has changed: it is if <see cref="Input.Count"/> is not 0.</summary>
    PieceWanted,

    /// <summary>Go on, or begin: connect, announce, transfer.</summary>
    Start,

    /// <summary>Stop politely: announce "stopped", close links, spill what is half-done. Ends with the event Stopped.</summary>
    Stop,
}

/// <summary>
/// One thing that happened, told to the engine. Which members mean something is said at each <see cref="InputKind"/>.
/// </summary>
public readonly record struct Input(
    InputKind Kind,
    SwarmId Swarm = default,
    LinkId Link = default,
    PeerMessage Message = default,
    BufferSlot Slot = default,
    PeerAddress Address = default,
    PieceHash Hash = default,
    int Count = 0,
    long Bytes = 0,
    object? Detail = null)
{
    /// <summary>The piece of all kinds whose names begin with Piece, of BlocksSpilled, BlocksRestored and WriteFailed.</summary>
    public PieceIndex Piece => Message.Piece;
}
