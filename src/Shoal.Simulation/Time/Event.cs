using Shoal.Engine;
using Shoal.Protocol.Wire;
using Shoal.Simulation.Peers;

namespace Shoal.Simulation.Time;

/// <summary>What can happen in the simulated world.</summary>
internal enum EventKind : byte
{
    /// <summary>A peer comes, or comes back.</summary>
    Join,

    /// <summary>A peer leaves politely.</summary>
    Leave,

    /// <summary>A machine's deadline.</summary>
    Timer,

    /// <summary>A control message arrives at the end of a link.</summary>
    Message,

    /// <summary>A block arrives at the end of a link, whole.</summary>
    Block,

    /// <summary>The block that an end is sending has left.</summary>
    BlockSent,

    /// <summary>A connection attempt arrives at the peer it is meant for.</summary>
    Call,

    /// <summary>A link is open at this end.</summary>
    Opened,

    /// <summary>A link is gone at this end.</summary>
    Closed,

    /// <summary>A peer's disk or processor has done what it was told to.</summary>
    DiskDone,

    /// <summary>An announce arrives at the tracker.</summary>
    Announce,

    /// <summary>The tracker's answer arrives.</summary>
    Answer,

    /// <summary>Bytes of messages arrive at the end of a link, cut anywhere.</summary>
    Bytes,

    /// <summary>Something breaks, by chance and not by the scenario.</summary>
    Mishap,

    /// <summary>A job's letter arrives at a rank: at the tracker if it is no peer's.</summary>
    Letter,

    /// <summary>The network's shares are looked at again.</summary>
    Shares,

    /// <summary>A fault begins.</summary>
    FaultBegins,

    /// <summary>A fault is over.</summary>
    FaultEnds,

    /// <summary>What lies on a peer's disk of content that has just become known was looked at.</summary>
    Checked,

    /// <summary>A datagram arrives at a peer by multicast.</summary>
    Datagram,

    /// <summary>A peer may have something to say by multicast.</summary>
    Speak,
}

/// <summary>Something that happens at a point of virtual time. Which members mean something follows from the kind.</summary>
/// <param name="Kind">What happens.</param>
/// <param name="Peer">To whom.</param>
/// <param name="Life">Which life of the peer is meant: a crash ends one, and what was meant for it is void.</param>
/// <param name="End">At which end of a link.</param>
/// <param name="Message">With which message, or block.</param>
/// <param name="Slot">In which memory.</param>
/// <param name="Flag">Kind by kind: whether a block is corrupt, say.</param>
/// <param name="Detail">Anything rare.</param>
internal readonly record struct Event(
    EventKind Kind,
    VirtualPeer? Peer = null,
    int Life = 0,
    LinkEnd? End = null,
    PeerMessage Message = default,
    BufferSlot Slot = default,
    bool Flag = false,
    object? Detail = null);
