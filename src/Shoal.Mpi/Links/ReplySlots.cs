using Shoal.Engine;
using Shoal.Mpi.Native;
using Shoal.Protocol;

namespace Shoal.Mpi.Links;

/// <summary>
/// One place for a payload: the tag under which it comes. It is used again only after the payload or a refusal came, so
/// that a late payload can never be taken for another's.
/// </summary>
internal sealed class ReplySlot(int number) : Operation
{
    public int Number => number;

    public int Tag => Tags.FirstPayload + number;

    /// <summary>Whose request waits here; null when nobody waits for what comes any more.</summary>
    public MpiLink? Link { get; set; }

    public BlockRequest Block { get; set; }

    public BufferSlot Buffer { get; set; }

    /// <summary>The payload lies in its place.</summary>
    public override unsafe void Ended(MpiApi api, void* status) => Link!.Received(this, api.CountOf(status));
}

/// <summary>The reply slots of this rank.</summary>
internal sealed class ReplySlots
{
    private readonly List<ReplySlot> _slots = [];
    private readonly Stack<ReplySlot> _free = new();

    /// <summary>Slots in use.</summary>
    public int UsedCount => _slots.Count - _free.Count;

    /// <summary>A slot that nothing can come for; null if all are in use.</summary>
    public ReplySlot? Take()
    {
        if (_free.TryPop(out var slot))
        {
            return slot;
        }

        if (_slots.Count == Tags.ReplySlotCount)
        {
            return null;
        }

        _slots.Add(slot = new ReplySlot(_slots.Count));
        return slot;
    }

    /// <summary>The payload or the refusal came.</summary>
    public void Return(ReplySlot slot)
    {
        slot.Link = null;
        _free.Push(slot);
    }

    /// <summary>The slot with the number; null if there is none.</summary>
    public ReplySlot? Find(int number) => (uint)number < (uint)_slots.Count ? _slots[number] : null;
}
