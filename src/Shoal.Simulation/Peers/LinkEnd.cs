using Shoal.Engine;
using Shoal.Protocol;
using Shoal.Simulation.Faults;

namespace Shoal.Simulation.Peers;

/// <summary>
/// One peer's end of a link. What it sends arrives at the other end after the link's latency, in order; blocks go one after the other
/// at the rate that the network grants, beside the control messages.
/// </summary>
internal sealed class LinkEnd(MachineDriver driver, LinkId id, long latency)
{
    /// <summary>The life of its owner in which it was opened.</summary>
    public MachineDriver Driver => driver;

    /// <summary>Whose end.</summary>
    public VirtualPeer Owner { get; } = driver.Peer;

    /// <summary>The owner's number: of each event, so it is at hand here.</summary>
    public int OwnerNumber { get; } = driver.Peer.Number;

    /// <summary>What the owner's machine calls it.</summary>
    public LinkId Id => id;

    /// <summary>The other end.</summary>
    public LinkEnd Other { get; private set; } = null!;

    /// <summary>Nanoseconds from here to there.</summary>
    public long Latency => latency;

    /// <summary>Whether the owner's machine has been told that it is gone, or was never told that it is open.</summary>
    public bool IsClosed { get; set; }

    /// <summary>Whether its owner has hung up: nothing more is sent, and LinkClosed is on its way.</summary>
    public bool IsHungUp { get; set; }

    /// <summary>Whether its owner's machine has said anything; a handshake comes first.</summary>
    public bool HasSpoken { get; set; }

    /// <summary>Blocks to be sent, in order; the first is on its way. Bounded by what the other side may ask for.</summary>
    public Queue<BlockRequest> Uploads { get; } = new();

    /// <summary>Blocks that were asked for on this link and not forgotten, in order.</summary>
    public List<Expectation> Expected { get; } = [];

    /// <summary>Whether the other side lets us ask; as the owner has been told.</summary>
    public bool IsChoked { get; set; } = true;

    /// <summary>Pieces that we may ask for all the same (BEP 6); null if none.</summary>
    public SortedSet<int>? AllowedFast { get; set; }

    /// <summary>What stands for it in the network; negative before it has sent a block.</summary>
    public int Flow { get; set; } = -1;

    /// <summary>What is on its way to this end, where an adversary has a hand in it.</summary>
    public Arrivals? Arrivals { get; set; }

    /// <summary>Its side of the encryption; null if the link is in the clear.</summary>
    public StreamEnd? Stream { get; set; }

    /// <summary>Joins two ends.</summary>
    public static void Join(LinkEnd one, LinkEnd other) => (one.Other, other.Other) = (other, one);

    /// <summary>Whether a block may still come into the slot.</summary>
    public bool Expects(BufferSlot slot) => Expected.Exists(expected => expected.Slot == slot);

    /// <summary>Drops an expectation and tells in which slot it was; false if there was none.</summary>
    public bool TryTakeExpected(in BlockRequest block, out BufferSlot slot)
    {
        for (var i = 0; i < Expected.Count; i++)
        {
            if (Expected[i].Block == block)
            {
                slot = Expected[i].Slot;
                Expected.RemoveAt(i);
                return true;
            }
        }

        slot = BufferSlot.None;
        return false;
    }
}

/// <summary>A block that was asked for, and where it shall lie.</summary>
internal readonly record struct Expectation(BlockRequest Block, BufferSlot Slot);
